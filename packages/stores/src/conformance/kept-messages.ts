import assert from "node:assert/strict";
import { test } from "node:test";
import type { KeptStatus } from "@millrace/engine";
import {
  ending,
  enqueue,
  newEvent,
  newExecution,
  newKeptError,
  newMessage,
  type StoreFactory,
  type StorePorts,
  start,
  waiting,
} from "./store-under-test.ts";

const ALL: readonly KeptStatus[] = ["completed", "failed", "pending"];

/** An execution of two routes: messages that completed and are kept, or are not, one that failed, and two that wait. */
async function withMessages(store: StorePorts): Promise<{ id: string; seqs: readonly number[] }> {
  const id = await start(store);
  const seqs = await enqueue(store, id, [
    newMessage({ id: "a", payloadJson: '{"n":"ü"}' }),
    newMessage({ id: "b" }),
    newMessage({ id: "c" }),
    newMessage({ id: "elsewhere", route: "other" }),
    newMessage({ id: "d" }),
    newMessage({ id: "e" }),
    newMessage({ id: "f", route: "other" }),
  ]);
  const [a = 0, b = 0, c = 0, elsewhere = 0, d = 0] = seqs;
  await store.journal.append({
    executionId: id,
    events: [],
    changes: [
      { kind: "settled", seq: a, keep: true },
      { kind: "settled", seq: b },
      { kind: "kept", seq: c, error: newKeptError() },
      { kind: "settled", seq: elsewhere, keep: true },
      { kind: "settled", seq: d, keep: true },
    ],
  });
  return { id, seqs };
}

/** What every `KeptMessages` promises. Registers its tests under the name of the implementation. */
export function keptMessagesConformance(name: string, open: StoreFactory): void {
  const idsOf = async (store: StorePorts, id: string, statuses = ALL, after = 0, limit = 100, route = "work") =>
    (await store.kept.after(id, route, statuses, after, limit)).map((message) => message.id);

  test(`${name}: completed messages are kept where it is said, and told apart, also after a restart`, async () => {
    await using store = await open();
    const { id, seqs } = await withMessages(store);
    await store.reopen();
    assert.deepEqual(await store.kept.after(id, "work", ["completed"], 0, 1), [
      { seq: seqs[0], id: "a", status: "completed", payloadBytes: 10 },
    ]);
    assert.deepEqual(await idsOf(store, id), ["a", "c", "d", "e"], "in the order of the queue");
    assert.deepEqual(await idsOf(store, id, ["failed", "pending"]), ["c", "e"]);
    assert.deepEqual(await idsOf(store, id, ALL, seqs[0], 2), ["c", "d"]);
    assert.deepEqual(await idsOf(store, id, ALL, 0, 100, "other"), ["elsewhere", "f"]);
    assert.deepEqual(await store.kept.count(id, "work"), { completed: 2, failed: 1, pending: 1 });
    assert.deepEqual(await store.kept.count("nobody", "work"), { completed: 0, failed: 0, pending: 0 });
  });

  test(`${name}: a message that is kept is in nobody's queue any more`, async () => {
    await using store = await open();
    const { id, seqs } = await withMessages(store);
    assert.deepEqual(
      (await waiting(store, id)).map((message) => message.id),
      ["e"],
    );
    assert.equal(await store.work.get(id, seqs[0] ?? 0), null);
    assert.deepEqual(await store.work.depths(id), { work: 1, other: 1 });
    assert.deepEqual(await store.failures.unsettled(id, ["a", "e"]), ["e"]);
    assert.equal(await store.failures.count(id, {}), 1);
  });

  test(`${name}: at an execution's end what waits stays in the routes that keep it, and what completed stays as it is`, async () => {
    await using store = await open();
    const { id, seqs } = await withMessages(store);
    // One that had failed, and completed when it was retried: it is no failure again.
    const changes = [
      { kind: "requeued" as const, seq: seqs[2] ?? 0, dueAt: 5, payloadJson: '{"n":2}' },
      { kind: "settled" as const, seq: seqs[2] ?? 0, keep: true },
    ];
    await store.journal.append({ executionId: id, events: [], changes });
    await store.journal.append({ ...ending(id), keepWaiting: ["work"] });
    await store.reopen();
    assert.deepEqual(await store.kept.count(id, "work"), { completed: 3, failed: 0, pending: 1 });
    assert.deepEqual(await store.kept.count(id, "other"), { completed: 1, failed: 0, pending: 0 });
  });

  test(`${name}: an execution begins with copies of messages in any state, their payloads as they were`, async () => {
    await using store = await open();
    const { id } = await withMessages(store);
    await store.journal.append({ ...ending(id), keepWaiting: ["work"] });
    const child = newExecution();
    const copies = (await store.kept.after(id, "work", ALL, 0, 100)).map(({ seq, id: of }) => ({
      seq,
      id: `${of}2`,
      route: "work",
      payloadJson: null,
    }));
    await store.records.createExecution(child, { messages: [], copies, copiedFrom: id, markRetried: false });
    assert.deepEqual(
      (await waiting(store, child.id)).map((message) => [message.id, message.payloadJson]),
      [
        ["a2", '{"n":"ü"}'],
        ["c2", "{}"],
        ["d2", "{}"],
        ["e2", "{}"],
      ],
    );
    assert.deepEqual(await store.kept.count(id, "work"), { completed: 2, failed: 1, pending: 1 }, "they stay");
  });

  test(`${name}: kept messages count as what an execution takes, go with its events, and leave what failed`, async () => {
    await using store = await open();
    const id = await start(store);
    const payloadJson = JSON.stringify("p".repeat(300_000));
    const seqs = await enqueue(
      store,
      id,
      Array.from({ length: 10 }, () => newMessage({ payloadJson })),
    );
    const [failed = 0, , ...completed] = seqs;
    const changes = [
      { kind: "kept" as const, seq: failed, error: newKeptError() },
      ...completed.map((seq) => ({ kind: "settled" as const, seq, keep: true })),
    ];
    await store.journal.append({ executionId: id, events: [], changes });
    await store.journal.trim(id);
    assert.deepEqual(await store.kept.count(id, "work"), { completed: 8, failed: 1, pending: 1 }, "while it runs");
    await store.journal.append({ ...ending(id, undefined, [newEvent(id)]), keepWaiting: ["work"] });
    await store.records.measureExecution(id, 0);
    const bytesOf = async () => (await store.records.executionsOver(1))[0]?.bytes ?? 0;
    assert.ok((await bytesOf()) > 3_000_000, `${await bytesOf()} bytes`);
    await store.journal.trim(id);
    assert.deepEqual(await store.kept.count(id, "work"), { completed: 0, failed: 1, pending: 0 });
    await store.records.measureExecution(id, 0);
    const left = await bytesOf();
    assert.ok(left > 300_000 && left < 400_000, `${left} bytes`);
  });

  test(`${name}: retention finds an execution that was ended before it had an event, by the messages that it keeps`, async () => {
    await using store = await open();
    const id = await start(store);
    await enqueue(store, id, [newMessage()]);
    const dueAt = "2026-01-01T00:00:00.000Z";
    await store.journal.append({ ...ending(id, dueAt), keepWaiting: ["work"] });
    const later = "2026-01-02T00:00:00.000Z";
    assert.deepEqual(await store.records.executionsToTrim(later, 10), [id]);
    await store.records.measureExecution(id, 0);
    await store.journal.trim(id);
    assert.deepEqual(await store.records.unmeasuredExecutions(10), [id], "it takes less than it did");
    assert.deepEqual(await store.records.executionsToTrim(later, 10), []);
    assert.equal((await store.kept.count(id, "work")).pending, 0);
  });

  test(`${name}: kept messages go with their execution, in steps`, async () => {
    await using store = await open();
    const { id } = await withMessages(store);
    await store.journal.append({ ...ending(id), keepWaiting: ["work"] });
    await store.records.deleteExecution(id);
    assert.deepEqual(await store.kept.count(id, "work"), { completed: 0, failed: 0, pending: 0 });
    let steps = 0;
    for (; !(await store.records.purgeExecution(id, 100)); steps += 1) await store.reopen();
    assert.ok(steps >= 5, `${steps} steps`);
  });
}
