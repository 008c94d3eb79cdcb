import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { filledIn, read } from "./files.ts";

const { services } = z
  .looseObject({
    services: z.looseObject({
      nats: z.looseObject({ command: z.array(z.string()), healthcheck: z.looseObject({ test: z.array(z.string()) }) }),
    }),
  })
  .parse(parse(read("compose.yaml"), { merge: true }));

/** The address that compose.yaml asks whether the server is healthy. */
export const HEALTHCHECK = services.nats.healthcheck.test.at(-1) ?? "";

/** The server that compose.yaml starts, with a folder and ports of the test's own. */
export async function startNats() {
  const folder = mkdtempSync(join(tmpdir(), "millrace-nats-"));
  const [port, httpPort] = [await freePort(), await freePort()];
  const own = services.nats.command.map((argument) =>
    filledIn(argument)
      .replace("/data", folder)
      .replace(/^--http_port=.*/, `--http_port=${httpPort}`),
  );
  const child = spawn("nats-server", [...own, `--port=${port}`, "--addr=127.0.0.1"], { stdio: "ignore" });
  return {
    port,
    monitoring: `http://127.0.0.1:${httpPort}`,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.kill()) await once(child, "close");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  assert.ok(address !== null && typeof address === "object");
  return address.port;
}
