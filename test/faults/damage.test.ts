import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { errorResponseSchema, healthSchema } from "@millrace/protocol";
import { checkJournal } from "../support/check-journal.ts";
import { millrace } from "../support/command.ts";
import { readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";

const MESSAGES = 300;

const run = (route: string, more: string) => `
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: ${MESSAGES} } }], outbound: [${route}] }
  ${route}: { inbound: { concurrency: 4 }, adapters: [${more}] }
init_message: { route: make }
`;
const OVER = run("over", "{ type: log, config: { level: debug } }");
const underWay = (go: string) =>
  run("under_way", `{ type: ./test/faults/adapters/hold.ts, config: { from: ${MESSAGES / 2}, file: ${go} } }`);

/** So much of the file is lost, in bytes. */
const TORN = 512;

/**
 * A sector of what an execution wrote to the database, as a disk leaves it that wrote the others alone: in the middle of
 * frames, since a start finds out at once where SQLite's own structures are hit.
 */
function tear(dataDir: string, route: string): void {
  const file = join(dataDir, "millrace.db");
  const bytes = readFileSync(file);
  let at = bytes.length;
  do {
    at = bytes.lastIndexOf(`"route":"${route}"`, at - 1);
    assert.ok(at > 0, "it is in the file");
  } while (!isText(bytes.subarray(at, at + TORN)));
  bytes.fill(0, at, at + TORN);
  writeFileSync(file, bytes);
}

function isText(bytes: Buffer): boolean {
  return bytes.length === TORN && bytes.every((byte) => byte === 0x0a || (byte >= 0x20 && byte < 0x7f));
}

const STACK_TRACE = /^\s+at /m;

test("a start on a database that is damaged says so, and what to do; the backup that it names goes on from where it was", async () => {
  await using service = await ServiceProcess.start(["--shutdown-grace", "0.1"]);
  const folder = mkdtempSync(join(tmpdir(), "millrace-damage-"));
  try {
    const id = await service.run(underWay(join(folder, "go")));
    await readStream(`${service.url}/api/v1/executions/${id}/events`, {
      until: ({ event, data }) => event === "completed" && data.route === "under_way",
    });
    const backup = join(folder, "backup.tar");
    const made = await millrace(["backup", backup, "--data-dir", service.dataDir]);
    assert.equal(made.code, 0, made.stderr);
    assert.equal(await service.end("SIGTERM"), 0);
    tear(service.dataDir, "under_way");

    const before = readFileSync(join(service.dataDir, "millrace.db"));
    for (const command of [
      ["serve", "--port", "0"],
      ["backup", join(folder, "damaged.tar")],
    ]) {
      const { code, stderr } = await millrace([...command, "--data-dir", service.dataDir]);
      assert.equal(code, 6, stderr);
      assert.match(stderr, /^millrace: .*(database|millrace\.db).* damaged.*millrace restore/m);
      assert.match(stderr, command[0] === "serve" ? new RegExp(`data directory ${service.dataDir} `) : /damaged\.tar/);
      assert.doesNotMatch(stderr, STACK_TRACE);
    }
    assert.ok(readFileSync(join(service.dataDir, "millrace.db")).equals(before), "it is left as it is");

    const restored = join(folder, "restored");
    const { code, stderr } = await millrace(["restore", backup, "--data-dir", restored]);
    assert.equal(code, 0, stderr);
    await service.start(["--data-dir", restored]);
    writeFileSync(join(folder, "go"), "");
    assert.equal((await service.client.executions.wait(id, 60)).status, "completed", service.stderr);
    const { frames } = await readStream(`${service.url}/api/v1/executions/${id}/events`);
    assert.equal(checkJournal(frames).filter(({ type }) => type === "completed").length, MESSAGES + 1);
  } finally {
    await service.end("SIGKILL");
    rmSync(folder, { recursive: true });
  }
});

for (const workers of ["1", "2"]) {
  test(`damage that comes to light while the service runs is never sent as events: it is said, and nothing more is written (workers: ${workers})`, async () => {
    await using service = await ServiceProcess.start(["--workers", workers]);
    const over = await service.run(OVER);
    await service.client.executions.wait(over, 60);
    const sound = (await readStream(`${service.url}/api/v1/executions/${over}/events`)).frames;
    assert.equal(await service.end("SIGTERM"), 0);
    tear(service.dataDir, "over");

    await service.start();
    const { frames } = await readStream(`${service.url}/api/v1/executions/${over}/events`);
    assert.deepEqual(frames, sound.slice(0, frames.length), "what was sent is what was written");
    assert.ok(frames.length < sound.length && frames.at(-1)?.event !== "end");
    const health = await untilUnhealthy(service);
    assert.match(String(health.components.store?.detail), /millrace\.db is damaged.*millrace restore/);
    for (const [method, path] of [
      ["GET", `/api/v1/executions/${over}/events`],
      ["POST", "/api/v1/configs"],
    ] as const) {
      const response = await fetch(`${service.url}${path}`, {
        method,
        ...(method === "POST"
          ? {
              headers: { "content-type": "application/json" },
              body: JSON.stringify({ name: "more", config_yaml: OVER }),
            }
          : {}),
      });
      const text = await response.text();
      assert.equal(response.status, 503, text);
      assert.ok(response.headers.has("retry-after"));
      assert.match(errorResponseSchema.parse(JSON.parse(text)).detail, /damaged.*millrace restore/);
    }
    assert.equal((await service.client.executions.get(over)).status, "completed", "what is sound can be read");
    assert.equal(await service.end("SIGTERM"), 0);
    assert.match(service.stderr, new RegExp(`millrace\\.db is damaged.*${service.dataDir}`), "the log says so");
    const told = service.stderr.split("\n").filter((line) => line.includes("is damaged"));
    assert.equal(told.length, 1, told.join("\n"));
    assert.doesNotMatch(service.stderr, STACK_TRACE);
  });
}

async function untilUnhealthy(service: ServiceProcess) {
  for (let tries = 0; ; tries += 1) {
    const response = await fetch(`${service.url}/health/ready`);
    const body = healthSchema.parse(await response.json());
    if (response.status === 503) return body;
    assert.ok(tries < 500, "health says so");
    await wait(20);
  }
}
