import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { FileObjectStore } from "@millrace/stores";
import { checkJournal } from "../support/check-journal.ts";
import { eventually } from "../support/eventually.ts";
import { readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";

const ROOT = join(import.meta.dirname, "../..");
const FIXTURES = join(ROOT, "test/fixtures/databases");

/** One per schema that was released, as `scripts/make-fixture-database.ts` made it. */
const fixtures = readdirSync(FIXTURES).sort();

test("every schema before the newest one has a fixture", () => {
  const migrations = readdirSync(join(ROOT, "packages/stores/src/sqlite/migrations")).sort();
  assert.deepEqual(
    fixtures.map((name) => name.slice(0, 4)).filter((number) => number !== migrations.at(-1)?.slice(0, 4)),
    migrations.slice(0, -1).map((name) => name.slice(0, 4)),
  );
});

for (const fixture of fixtures) {
  test(`a service started on a database of schema ${fixture.slice(0, 4)} has its executions, and goes on with the one that runs`, async () => {
    await using service = new ServiceProcess(["--retain-events-days", "30000"]);
    const file = join(service.dataDir, "millrace.db");
    writeFileSync(file, gunzipSync(readFileSync(join(FIXTURES, fixture))));
    const key = await putObject(service.dataDir, file);
    await service.start();
    const { executions, configs, storage } = service.client;
    assert.equal((await configs.list()).total, 2);
    const over = await executions.get("over");
    assert.deepEqual([over.status, over.config_snapshot.name], ["completed", "quick"]);
    const stats = await executions.stats("over");
    assert.deepEqual([stats.completed_messages, stats.failed_messages], [5, 1]);
    checkJournal((await readStream(`${service.url}/api/v1/executions/over/events`)).frames);
    const cancelled = await executions.get("cancelled");
    assert.deepEqual([cancelled.status, cancelled.error_info?.code], ["cancelled", "OPERATOR"]);
    const again = await executions.start({ config_id: over.config_id ?? "", idempotency_key: "first" });
    assert.equal(again.id, over.id, "its idempotency key is known");
    const result = await executions.wait("running", 60);
    assert.deepEqual([result.status, result.stats.completed_messages], ["completed", 41]);
    const events = checkJournal((await readStream(`${service.url}/api/v1/executions/running/events`)).frames);
    assert.equal(events.filter(({ type }) => type === "completed").length, 41);
    // Once it was looked through: before the fourth no schema had a list of objects.
    if (fixture < "0004")
      await eventually(async () => {
        const { objects } = await storage.list({ execution_id: "over" });
        assert.deepEqual(
          objects.map((object) => [object.key, object.size, object.message_id]),
          [[key, 5, "m"]],
        );
      });
    for (const tag of ["over", "cancelled", "running"]) await executions.delete(tag);
    assert.equal(await service.end(), 0);
    assert.equal(await new FileObjectStore(service.dataDir).get(key), null, "objects go with their execution");
    const database = new DatabaseSync(file, { readOnly: true });
    assert.equal(database.prepare("PRAGMA integrity_check").get()?.integrity_check, "ok");
    for (const table of ["journal", "messages", "objects"])
      assert.equal(database.prepare(`SELECT count(*) AS rows FROM ${table}`).get()?.rows, 0, table);
    database.close();
  });
}

/** Puts an object beside a database, as the execution `over` would have written it; returns its key. */
async function putObject(dataDir: string, file: string): Promise<string> {
  const database = new DatabaseSync(file, { readOnly: true });
  const { id } = database.prepare("SELECT id FROM executions WHERE tag = 'over'").get() ?? {};
  database.close();
  const key = `executions/${id}/work/s/object`;
  const createdAt = "2026-01-01T00:00:00.000Z";
  await new FileObjectStore(dataDir).put(key, Buffer.from("there"), {
    contentType: "text/plain",
    messageId: "m",
    createdAt,
  });
  return key;
}
