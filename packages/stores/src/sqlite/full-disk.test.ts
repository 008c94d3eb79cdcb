import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import type { JournalEntry } from "@millrace/engine";
import { messagesOf, newEvent, newExecution, newMessage, readAll } from "../conformance/store-under-test.ts";
import { fillDisk, smallDisk } from "../support/small-disk.ts";
import { openSqliteStore, type SqliteStore } from "./store.ts";

test("SQLite: on a full disk steps wait, requests are refused with the reason, and all goes on when there is room", async (t) => {
  using disk = smallDisk(t, "24m");
  if (disk === null) return;
  const store = openSqliteStore(disk.path, { durability: "normal" });
  try {
    const id = await create(store);
    const told: JournalEntry[] = [];
    store.journal.onCommit((entries) => told.push(...entries));
    const acknowledged: string[] = [];
    const append = (step: string) =>
      appendStep(store, id, step, 2_000).then(() => {
        acknowledged.push(step);
      });
    await append("0");
    const free = fillDisk(disk.path);
    const steps = Array.from({ length: 40 }, (_, index) => `${index + 1}`);
    const faults: (Error | null)[] = [];
    store.journal.onFault((fault) => faults.push(fault));
    const appends: Promise<void>[] = [];
    for (const step of steps) {
      appends.push(append(step));
      await wait(1);
    }
    await until(() => store.journal.fault !== null);
    assert.deepEqual(faults, [store.journal.fault]);
    const before = [...acknowledged];
    assert.ok(before.length < 41 && store.journal.backlog > 0);
    assert.deepEqual(messagesOf(await readAll(store, [id])), doubled(before), "what is kept can be read meanwhile");
    const refused = { code: "SERVICE_UNAVAILABLE", message: /cannot be written at present \(.*(full|I\/O).*\)/ };
    for (const request of [create(store), store.journal.trim(id)]) {
      const atOnce = new Promise((resolve) => setImmediate(resolve, "it waits"));
      await assert.rejects(Promise.race([request, atOnce]), refused);
    }
    await wait(300);
    assert.deepEqual(acknowledged, before);
    free();
    await Promise.all(appends);
    assert.deepEqual([store.journal.fault, store.journal.backlog], [null, 0]);
    assert.deepEqual(
      [faults.length, faults[1]],
      [2, null],
      "that it is at fault, and that it is not any more, is told once",
    );
    assert.deepEqual(acknowledged, ["0", ...steps]);
    assert.deepEqual(messagesOf(told), doubled(acknowledged), "each is told once");
    await checkKept(store, id, acknowledged);
    await create(store);
  } finally {
    store.close();
  }
  checkFile(disk.path);
});

test("SQLite: wherever in a commit the disk gets full, a step is kept whole or not at all, also after a restart", async (t) => {
  using disk = smallDisk(t, "48m");
  if (disk === null) return;
  let faults = 0;
  for (let left = 0; left <= 480_000; left += 16_384) {
    const folder = join(disk.path, `${left}`);
    mkdirSync(folder);
    const store = openSqliteStore(folder, { durability: "normal" });
    const id = await create(store);
    const free = fillDisk(disk.path, left);
    const acknowledged: string[] = [];
    const outcomes: Promise<unknown>[] = [];
    for (let step = 0; step < 12 && store.journal.fault === null; step += 1) {
      const appended = appendStep(store, id, `${step}`, 3_000);
      // The promise of the one that meets the full disk is refused when the store is closed.
      outcomes.push(appended.then(() => acknowledged.push(`${step}`)).catch((error) => error));
      await wait(0);
      await new Promise(setImmediate);
    }
    const faulty = store.journal.fault !== null;
    store.close();
    free();
    const last = (await Promise.all(outcomes)).at(-1);
    if (faulty) {
      faults += 1;
      assert.ok(last instanceof Error && "code" in last && last.code === "SERVICE_UNAVAILABLE", String(last));
    }
    const reopened = openSqliteStore(folder, { durability: "normal" });
    await checkKept(reopened, id, acknowledged);
    await appendStep(reopened, id, "after", 1);
    reopened.close();
    checkFile(folder);
  }
  assert.ok(faults >= 5, `${faults} faults`);
});

test("SQLite: an execution whose creation the full disk refused gets nothing, and gives nothing to the next", async (t) => {
  using disk = smallDisk(t, "24m");
  if (disk === null) return;
  const store = openSqliteStore(disk.path, { durability: "normal" });
  try {
    const known = await create(store);
    const free = fillDisk(disk.path);
    // Fills what room the files have left themselves.
    const filling = Array.from({ length: 30 }, (_, index) => appendStep(store, known, `${index}`, 3_000));
    const refused = newExecution();
    const creation = store.records.createExecution(refused, newMessage());
    const late = appendStep(store, refused.id, "late", 10);
    await assert.rejects(creation, { code: "SERVICE_UNAVAILABLE" });
    free();
    await Promise.all(filling);
    assert.deepEqual(await late, { seqs: [] });
    assert.equal(await store.records.getExecution(refused.id), null);
    const next = await create(store);
    assert.deepEqual(messagesOf(await readAll(store, [next])), []);
    assert.deepEqual(await store.work.depths(next), {});
    assert.equal((await readAll(store, [next])).length, 1);
  } finally {
    store.close();
  }
});

test("SQLite: a store that nobody can write to is closed at once, and says to those who waited that it is closed", async (t) => {
  using disk = smallDisk(t, "24m");
  if (disk === null) return;
  const store = openSqliteStore(disk.path, { durability: "normal" });
  const id = await create(store);
  fillDisk(disk.path);
  const appended = Promise.allSettled(
    Array.from({ length: 30 }, (_, index) => appendStep(store, id, `${index}`, 9_000)),
  );
  await until(() => store.journal.fault !== null);
  store.close();
  for (const outcome of await appended) {
    assert.equal(outcome.status === "rejected" && outcome.reason.code, "SERVICE_UNAVAILABLE");
  }
  await assert.rejects(appendStep(store, id, "late", 1), { code: "SERVICE_UNAVAILABLE", message: /closed/ });
});

/** A step of two events that enqueues one message with so many bytes of payload. */
function appendStep(store: SqliteStore, executionId: string, step: string, bytes: number) {
  return store.journal.append({
    executionId,
    events: [newEvent(executionId, `${step}x`), newEvent(executionId, `${step}y`)],
    enqueue: [newMessage({ id: step, payloadJson: JSON.stringify("p".repeat(bytes)) })],
  });
}

async function create(store: SqliteStore): Promise<string> {
  return (await store.records.createExecution(newExecution(), null)).record.id;
}

function doubled(steps: readonly string[]): string[] {
  return steps.flatMap((step) => [`${step}x`, `${step}y`]);
}

/** That the journal and the queue have these steps, whole, and no others. */
async function checkKept(store: SqliteStore, id: string, steps: readonly string[]): Promise<void> {
  assert.deepEqual(messagesOf(await store.journal.read([id], 0, Number.POSITIVE_INFINITY)), doubled(steps));
  const queued = await store.work.take(id, "work", 0, 1_000, Number.POSITIVE_INFINITY);
  assert.deepEqual(
    queued.map((message) => message.id),
    steps,
  );
}

function checkFile(folder: string): void {
  assert.equal(existsSync(join(folder, "millrace.db-wal")), false, "it was closed");
  const database = new DatabaseSync(join(folder, "millrace.db"), { readOnly: true });
  assert.equal(database.prepare("PRAGMA integrity_check").get()?.integrity_check, "ok");
  database.close();
}

async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 5) {
    assert.ok(waited < 60_000, "it does not come about");
    await wait(5);
  }
}
