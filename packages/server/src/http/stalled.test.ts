import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { pino } from "pino";
import { z } from "zod";
import { createHttpApp } from "./app.ts";
import { endpoint } from "./endpoint.ts";
import { sendRaw } from "./testing/raw.ts";

const large = endpoint({
  method: "GET",
  path: "/large",
  access: "read",
  summary: "Much",
  tag: "Things",
  responses: {},
  query: z.object({ mb: z.coerce.number() }),
  handler: async ({ query }) => "x".repeat(query.mb * 1024 * 1024),
});

const small = endpoint({
  method: "GET",
  path: "/small",
  access: "read",
  summary: "Little",
  tag: "Things",
  responses: {},
  query: z.object({ ms: z.coerce.number() }),
  handler: async ({ query }) => {
    await wait(query.ms);
    return "x".repeat(60_000);
  },
});

const SETTINGS = { maxBodyBytes: 10_000, maxHeaderBytes: 8_192, corsOrigins: [] };

async function closed(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => socket.once("close", () => resolve()));
}

test("a client that asks for much and reads none of it loses its connection, one that reads has all of it", async (t) => {
  const app = await createHttpApp([large], { ...SETTINGS, stallTimeoutMs: 1_000 }, pino({ level: "silent" }));
  t.after(() => app.close());
  const base = await app.listen({ port: 0, host: "127.0.0.1" });
  const answer = await (await fetch(`${base}/large?mb=4`)).text();
  assert.ok(answer.length >= 4 * 1024 * 1024);
  const socket = connect(Number(new URL(base).port), "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write("GET /large?mb=32 HTTP/1.1\r\nHost: x\r\n\r\n");
  // Nothing listens for data: what the system does not take of the answer waits in the service.
  await new Promise<void>((resolve) =>
    app.server.once("request", (_request, response) => response.once("close", resolve)),
  );
  socket.resume();
  await closed(socket);
  assert.ok(socket.bytesRead < 32 * 1024 * 1024);
});

test("whoever sends requests ahead and reads no answer loses the connection, whether they are large or small", async (t) => {
  const app = await createHttpApp([large, small], { ...SETTINGS, stallTimeoutMs: 1_000 }, pino({ level: "silent" }));
  t.after(() => app.close());
  const base = await app.listen({ port: 0, host: "127.0.0.1" });
  const ahead = {
    "a large one behind a small one that takes a moment":
      "GET /small?ms=100 HTTP/1.1\r\nHost: x\r\n\r\nGET /large?mb=32 HTTP/1.1\r\nHost: x\r\n\r\n",
    "many small ones": "GET /small?ms=0 HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_000),
  };
  for (const [what, text] of Object.entries(ahead)) {
    const connection = once(app.server, "connection");
    const socket = connect(Number(new URL(base).port), "127.0.0.1");
    socket.on("error", () => undefined);
    const [inService]: Socket[] = await connection;
    assert.ok(inService !== undefined);
    // Nothing listens for data; and more is sent as long as the service reads.
    const more = setInterval(() => socket.writableLength === 0 && socket.write(text), 10);
    await Promise.race([closed(inService), wait(20_000, null, { ref: false })]);
    clearInterval(more);
    assert.ok(inService.destroyed, what);
    socket.destroy();
  }
});

test("a connection on which nothing comes is told so, and closed", async (t) => {
  const app = await createHttpApp([large], { ...SETTINGS, headersTimeoutMs: 200 }, pino({ level: "silent" }));
  t.after(() => app.close());
  const base = await app.listen({ port: 0, host: "127.0.0.1" });
  const answer = await sendRaw(base, "");
  assert.equal(answer.status, 408);
  assert.equal(JSON.parse(answer.body).error_code, "REQUEST_TIMEOUT");
});
