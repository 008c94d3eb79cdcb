import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { newEvent, newExecution, newMessage } from "../conformance/store-under-test.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { openSqliteStore } from "./store.ts";

test("SQLite: what an execution appends within a turn is one row of the journal, told in one go", async () => {
  using folder = temporaryFolder();
  const { journal, records, close } = openSqliteStore(folder.path, { durability: "full" });
  const ids: string[] = [];
  for (const execution of [newExecution(), newExecution()]) {
    await records.createExecution(execution, null);
    ids.push(execution.id);
  }
  const told: number[] = [];
  journal.onCommit((entries) => told.push(entries.length));
  await Promise.all(
    Array.from({ length: 100 }, (_, index) => {
      const executionId = ids[index % 2] ?? "";
      return journal.append({ executionId, events: [newEvent(executionId), newEvent(executionId)] });
    }),
  );
  for (const id of ids) {
    const entries = await journal.read([id], 0, Number.POSITIVE_INFINITY);
    assert.deepEqual(
      entries.map((entry) => (entry.kind === "events" ? entry.count : entry.lifecycle.kind)),
      ["started", 100],
    );
  }
  assert.deepEqual(told, [2]);
  close();
});

test("SQLite: a deleted execution leaves no row behind, whenever in its life it is deleted", async () => {
  using folder = temporaryFolder();
  const { journal, records, close } = openSqliteStore(folder.path, { durability: "normal" });
  const old = newExecution();
  const fleeting = newExecution();
  const append = (executionId: string) =>
    journal.append({ executionId, events: [newEvent(executionId)], enqueue: [newMessage()] });
  await records.createExecution(old, newMessage());
  await append(old.id);
  const told: unknown[] = [];
  journal.onCommit((entries) => told.push(...entries));
  await Promise.all([
    records.createExecution(fleeting, newMessage()),
    append(fleeting.id),
    append(old.id),
    records.deleteExecution(fleeting.id),
    records.deleteExecution(old.id),
    append(old.id),
  ]);
  assert.deepEqual((await records.deletedExecutions(10)).sort(), [old.id, fleeting.id].sort());
  for (const { id } of [old, fleeting]) while (!(await records.purgeExecution(id, 1)));
  close();
  assert.deepEqual(told, []);
  const database = new DatabaseSync(join(folder.path, "millrace.db"), { readOnly: true });
  for (const table of ["executions", "journal", "messages", "deletions"]) {
    assert.deepEqual({ ...database.prepare(`SELECT count(*) AS rows FROM ${table}`).get() }, { rows: 0 }, table);
  }
  database.close();
});
