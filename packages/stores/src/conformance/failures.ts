import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ending,
  enqueue,
  newExecution,
  newKeptError,
  newMessage,
  type StoreFactory,
  type StorePorts,
  start,
  waiting,
} from "./store-under-test.ts";

const ALL = { limit: 1_000, offset: 0, payloads: true };

/** An execution with three failed messages, one that waits, and their numbers. */
async function withFailures(store: StorePorts): Promise<{ id: string; seqs: readonly number[] }> {
  const id = await start(store);
  const seqs = await enqueue(store, id, [
    newMessage({ id: "a", payloadJson: '{"n":"ü"}' }),
    newMessage({ id: "b", route: "other" }),
    newMessage({ id: "c" }),
    newMessage({ id: "d" }),
  ]);
  const errors = [newKeptError(), newKeptError({ code: "Y", adapter: null, adapter_index: null }), newKeptError()];
  await store.journal.append({
    executionId: id,
    events: [],
    changes: errors.map((error, index) => ({ kind: "kept" as const, seq: seqs[index] ?? 0, error })),
  });
  return { id, seqs };
}

/** What every `Failures` promises. Registers its tests under the name of the implementation. */
export function failuresConformance(name: string, open: StoreFactory): void {
  test(`${name}: failed messages are listed as they were, in order, by what is asked for, also after a restart`, async () => {
    await using store = await open();
    const { id, seqs } = await withFailures(store);
    await store.reopen();
    const { total, items } = await store.failures.list(id, {}, ALL);
    assert.equal(total, 3);
    assert.deepEqual(items[0], {
      seq: seqs[0],
      id: "a",
      parentId: null,
      route: "work",
      payloadJson: '{"n":"ü"}',
      payloadBytes: 10,
      attempt: 1,
      hops: 0,
      error: newKeptError(),
      retriedIn: null,
    });
    const idsOf = async (filter: Parameters<typeof store.failures.list>[1]) =>
      (await store.failures.list(id, filter, { ...ALL, payloads: false })).items.map((message) => message.id);
    assert.deepEqual(await idsOf({}), ["a", "b", "c"]);
    assert.deepEqual(await idsOf({ route: "other" }), ["b"]);
    assert.deepEqual(await idsOf({ code: "X" }), ["a", "c"]);
    assert.deepEqual(await idsOf({ adapter: "a", messageIds: ["c", "b", "d", "nobody"] }), ["c"]);
    assert.deepEqual(await idsOf({ retried: true }), []);
    assert.deepEqual(
      (await store.failures.list(id, {}, { ...ALL, limit: 1, offset: 1 })).items.map((each) => each.id),
      ["b"],
    );
    assert.equal(await store.failures.count(id, { code: "X" }), 2);
    assert.equal(await store.failures.count("nobody", {}), 0);
    assert.deepEqual(await store.failures.unsettled(id, ["a", "d", "nobody"]), ["d"]);
    const after = await store.failures.after(id, {}, seqs[0] ?? 0, { limit: 9, maxBytes: 1, payloads: false });
    assert.deepEqual(
      after.map((message) => [message.id, message.payloadJson]),
      [["b", null]],
    );
    assert.deepEqual(
      (await store.failures.groups(id, {})).map((group) => [group.route, group.adapter, group.code, group.count]),
      [
        ["work", "a", "X", 2],
        ["other", null, "Y", 1],
      ],
    );
  });

  test(`${name}: one that is taken back waits for its next attempt, and is kept as it was if the execution ends first`, async () => {
    await using store = await open();
    const { id, seqs } = await withFailures(store);
    const [first = 0, second = 0] = seqs;
    await store.journal.append({
      executionId: id,
      events: [],
      changes: [
        { kind: "requeued", seq: first, dueAt: 5, payloadJson: '{"n":2}' },
        { kind: "requeued", seq: second, dueAt: 5, payloadJson: null },
      ],
    });
    await store.reopen();
    assert.equal(await store.failures.count(id, {}), 1);
    const message = await store.work.get(id, first);
    assert.deepEqual([message?.attempt, message?.failures, message?.payloadJson, message?.dueAt], [2, 0, '{"n":2}', 5]);
    await store.journal.append({ executionId: id, events: [], changes: [{ kind: "settled", seq: first }] });
    await store.journal.append(ending(id));
    const { items } = await store.failures.list(id, {}, ALL);
    assert.deepEqual(
      items.map(({ id: messageId, attempt, error }) => [messageId, attempt, error.code]),
      [
        ["b", 1, "Y"],
        ["c", 1, "X"],
      ],
    );
  });

  test(`${name}: an execution begins with copies of another one's failed messages, all or none`, async () => {
    await using store = await open();
    const { id, seqs } = await withFailures(store);
    const [first = 0, , third = 0, waitingOne = 0] = seqs;
    const child = newExecution();
    const copies = [
      { seq: third, id: "c2", route: "there", payloadJson: '{"n":3}' },
      { seq: first, id: "a2", route: "there", payloadJson: null },
    ];
    await store.records.createExecution(child, {
      messages: [newMessage({ route: "there" })],
      copies,
      copiedFrom: id,
      markRetried: true,
    });
    const begun = await waiting(store, child.id, "there");
    assert.deepEqual(
      begun.slice(1).map((message) => [message.id, message.payloadJson, message.attempt]),
      [
        ["c2", '{"n":3}', 1],
        ["a2", '{"n":"ü"}', 1],
      ],
    );
    const wrong = { seq: waitingOne, id: "d2", route: "there", payloadJson: null };
    const refused = newExecution();
    await assert.rejects(
      store.records.createExecution(refused, {
        messages: [],
        copies: [...copies, wrong],
        copiedFrom: id,
        markRetried: true,
      }),
      { code: "MESSAGE_NOT_FAILED" },
    );
    const gone = { seq: 1_000_000, id: "e2", route: "there", payloadJson: null };
    await assert.rejects(
      store.records.createExecution(refused, {
        messages: [],
        copies: [...copies, gone],
        copiedFrom: id,
        markRetried: false,
      }),
      { code: "NOTHING_TO_REPLAY" },
    );
    assert.equal(await store.records.getExecution(refused.id), null);
  });
}
