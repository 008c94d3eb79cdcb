import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { checkJournal } from "../support/check-journal.ts";
import { eventually } from "../support/eventually.ts";
import { HeldAdapter } from "../support/held-adapter.ts";
import { readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { notOfNodes } from "../support/shared-stack.ts";

const STORING = `
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 20 } }], outbound: [keep] }
  keep: { adapters: [{ type: store_write }] }
init_message: { route: make }
`;

const HELD = `
version: "1.0"
routes: { a: { adapters: [{ type: held }] } }
init_message: { route: a }
`;

test("the newest executions that are over are kept, and those that run are not counted", {
  skip: notOfNodes("it is about the files of the data directory"),
}, async () => {
  using held = new HeldAdapter();
  await using service = await ServiceProcess.start(held.flags);
  const ids = await runs(service, 5);
  const running = await service.run(HELD);
  await service.end("SIGKILL");
  await service.start(["--retain-executions", "2", "--log-level", "info"]);
  await untilLeft(service, [...ids.slice(3), running]);
  // They are found no more before what they left is gone.
  await eventually(() => assert.match(service.stderr, /"retain_executions":3,.*retention removed/));
  for (const id of ids.slice(0, 3)) assert.equal(existsSync(objectsOf(service, id)), false);
  assert.equal(readdirSync(join(objectsOf(service, ids[4] ?? ""), "keep", "keep")).length, 20);
  held.letThrough(1);
  assert.equal((await service.client.executions.wait(running)).status, "completed");
  checkJournal((await readStream(`${service.url}/api/v1/executions/${running}/events`)).frames);
});

test("executions go by the bytes that they take with their objects, those that ended first before the others", {
  skip: notOfNodes("it is about the files of the data directory"),
}, async () => {
  await using service = await ServiceProcess.start();
  const ids = await runs(service, 3);
  const size = 3_000_000;
  writeFileSync(join(objectsOf(service, ids[1] ?? ""), "large"), Buffer.alloc(size));
  await service.end();
  await service.start(["--retain-bytes", String(size)]);
  await untilLeft(service, ids.slice(2));
});

test("executions go by the days since their end; a day that has not passed keeps them", {
  skip: notOfNodes("it is about the files of the data directory"),
}, async () => {
  await using service = await ServiceProcess.start(["--retain-days", "0.5"]);
  const ids = await runs(service, 2);
  await service.end();
  const database = new DatabaseSync(join(service.dataDir, "millrace.db"));
  database.prepare("UPDATE executions SET completed_at = ? WHERE id = ?").run("2026-01-01T00:00:00.000Z", ids[0] ?? "");
  database.close();
  await service.start();
  await untilLeft(service, ids.slice(1));
  await assert.rejects(service.client.executions.get(ids[0] ?? ""), { code: "EXECUTION_NOT_FOUND" });
});

test("an interrupted execution is kept, whatever the limits say", {
  skip: notOfNodes("it is about the files of the data directory"),
}, async () => {
  await using service = await ServiceProcess.start();
  const folder = join(service.dataDir, "adapters");
  mkdirSync(folder);
  const source = `export default { type: "gone", description: "x", category: "sink", process: () => new Promise(() => {}) };`;
  writeFileSync(join(folder, "gone.ts"), source);
  await service.end();
  await service.start(["--adapters-dir", folder]);
  const id = await service.run(HELD.replace("held", "gone"));
  const over = await runs(service, 1);
  await service.end("SIGKILL");
  rmSync(folder, { recursive: true });
  await service.start(["--retain-executions", "0", "--retain-bytes", "0", "--retain-days", "0.000001"]);
  await untilLeft(service, [id]);
  assert.equal((await service.client.executions.get(id)).status, "interrupted");
  await assert.rejects(service.client.executions.get(over[0] ?? ""), { code: "EXECUTION_NOT_FOUND" });
});

test("a service that is killed while it removes goes on with it after the next start, and nothing is left over", {
  skip: notOfNodes("it is about the files of the data directory"),
}, async () => {
  await using service = await ServiceProcess.start();
  const ids = await runs(service, 12);
  for (let kill = 0; kill < 5; kill += 1) {
    await service.end("SIGKILL");
    await service.start(["--retain-executions", "1"]);
    await wait(Math.random() * 60);
  }
  await untilLeft(service, ids.slice(-1));
  assert.deepEqual(readdirSync(join(service.dataDir, "objects", "executions")), ids.slice(-1));
});

/** Executions that are over, one after the other. */
async function runs(service: ServiceProcess, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let run = 0; run < count; run += 1) {
    const id = await service.run(STORING);
    await service.client.executions.wait(id);
    ids.push(id);
  }
  return ids;
}

/** Waits until these executions are left, and nothing of the others: they are gone for users first, then in steps. */
async function untilLeft(service: ServiceProcess, ids: readonly string[]): Promise<void> {
  await eventually(async () => {
    const { executions } = await service.client.executions.list({ sort_order: "asc" });
    assert.deepEqual(
      executions.map(({ id }) => id),
      ids,
      service.stderr,
    );
    assert.deepEqual(rowsOf(service), { deletions: 0, strangers: 0 });
  });
}

function objectsOf(service: ServiceProcess, id: string): string {
  return join(service.dataDir, "objects", "executions", id);
}

/** Deletions that are not done, and rows of executions that are not there. */
function rowsOf(service: ServiceProcess): { deletions: number; strangers: number } {
  const database = new DatabaseSync(join(service.dataDir, "millrace.db"), { readOnly: true });
  const row = database
    .prepare(
      "SELECT (SELECT count(*) FROM deletions) AS deletions, (SELECT count(*) FROM journal WHERE execution_key NOT IN (SELECT key FROM executions)) + (SELECT count(*) FROM messages WHERE execution_key NOT IN (SELECT key FROM executions)) AS strangers",
    )
    .get();
  database.close();
  return { deletions: Number(row?.deletions), strangers: Number(row?.strangers) };
}
