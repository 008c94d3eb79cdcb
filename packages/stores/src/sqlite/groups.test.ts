import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import type { JournalEntry, NewMessage } from "@millrace/engine";
import { messagesOf, newEvent, newExecution, newMessage } from "../conformance/store-under-test.ts";
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

test("SQLite: a row of the journal ends at about 64 KiB, so that those who read rows know what to expect", async () => {
  using folder = temporaryFolder();
  const { journal, records, close } = openSqliteStore(folder.path, { durability: "normal" });
  const { id } = (await records.createExecution(newExecution(), null)).record;
  const told: JournalEntry[] = [];
  journal.onCommit((entries) => told.push(...entries));
  const events = Array.from({ length: 2_000 }, (_, index) => newEvent(id, `m${index}`));
  await Promise.all([0, 1_000].map((at) => journal.append({ executionId: id, events: events.slice(at, at + 1_000) })));
  const entries = (await journal.read([id], told[0]?.first ?? 0, Number.POSITIVE_INFINITY)).filter(
    (entry) => entry.kind === "events",
  );
  assert.deepEqual(entries, told, "what is told is what is read");
  assert.deepEqual(
    messagesOf(entries),
    events.map((event) => event.message_id),
  );
  for (const { frames } of entries) assert.ok(frames.length <= 64 * 1024, `${frames.length} bytes`);
  for (const { frames } of entries.slice(0, -1)) assert.ok(frames.length > 60 * 1024, `${frames.length} bytes`);
  close();
});

test("SQLite: a message whose values SQLite does not take fails its own step, not those beside it", async () => {
  using folder = temporaryFolder();
  const { journal, records, work, close } = openSqliteStore(folder.path, { durability: "normal" });
  const { id } = (await records.createExecution(newExecution(), null)).record;
  const step = (message: NewMessage) =>
    journal.append({ executionId: id, events: [newEvent(id, message.id)], enqueue: [message] });
  // No number: a fault of whoever calls, which the column refuses.
  const bad = { ...newMessage({ id: "bad" }), hops: "many" as unknown as number };
  const outcomes = await Promise.allSettled([
    step(newMessage({ id: "before" })),
    step(bad),
    step(newMessage({ id: "after" })),
  ]);
  assert.deepEqual(
    outcomes.map((outcome) => outcome.status),
    ["fulfilled", "rejected", "fulfilled"],
  );
  const queued = await work.take(id, "work", 0, 10, Number.POSITIVE_INFINITY);
  assert.deepEqual(
    queued.map((message) => message.id),
    ["before", "after"],
  );
  assert.deepEqual([journal.fault, journal.backlog], [null, 0]);
  close();
});

test("SQLite: messages that are put and settled in any number and order are there, or gone", async () => {
  using folder = temporaryFolder();
  const { journal, records, work, close } = openSqliteStore(folder.path, { durability: "normal" });
  const { id } = (await records.createExecution(newExecution(), null)).record;
  const enqueue = Array.from({ length: 173 }, (_, index) => newMessage({ id: `${index}` }));
  const { seqs } = await journal.append({ executionId: id, events: [], enqueue });
  const gone = new Set([0, 1, 2, 7, 9, 10, 99, 100, 172]);
  const settled = [100, 7, 2, 0, 172, 1, 10, 9, 99].map((index) => ({
    kind: "settled" as const,
    seq: seqs[index] ?? 0,
  }));
  await Promise.all(settled.map((change) => journal.append({ executionId: id, events: [], changes: [change] })));
  const queued = await work.take(id, "work", 0, 1_000, Number.POSITIVE_INFINITY);
  assert.deepEqual(
    queued.map((message) => message.id),
    enqueue.flatMap((message, index) => (gone.has(index) ? [] : [message.id])),
  );
  close();
});
