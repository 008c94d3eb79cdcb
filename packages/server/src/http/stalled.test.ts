import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
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

test("a connection on which nothing comes is told so, and closed", async (t) => {
  const app = await createHttpApp([large], { ...SETTINGS, headersTimeoutMs: 200 }, pino({ level: "silent" }));
  t.after(() => app.close());
  const base = await app.listen({ port: 0, host: "127.0.0.1" });
  const answer = await sendRaw(base, "");
  assert.equal(answer.status, 408);
  assert.equal(JSON.parse(answer.body).error_code, "REQUEST_TIMEOUT");
});
