import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ending,
  enqueue,
  newEvent,
  newExecution,
  newKeptError,
  newMessage,
  type StoreFactory,
  start,
  waiting,
} from "./store-under-test.ts";

/** What every `WorkQueue` promises. Registers its tests under the name of the implementation. */
export function workQueueConformance(name: string, open: StoreFactory): void {
  test(`${name}: messages are taken in the order in which they were emitted, each as it was`, async () => {
    await using store = await open();
    const id = await start(store);
    const messages = Array.from({ length: 6 }, (_, index) =>
      newMessage({ parentId: index === 0 ? null : "parent", payloadJson: `{"ü":"${index}"}`, hops: index }),
    );
    const early = enqueue(store, id, messages.slice(0, 2));
    const late = enqueue(store, id, messages.slice(2));
    const seqs = [...(await early), ...(await late)];
    assert.deepEqual(
      await waiting(store, id),
      messages.map((message, index) => ({
        ...message,
        seq: seqs[index],
        attempt: 1,
        failures: 0,
        dueAt: 0,
        emittedOutputs: 0,
        emitted: {},
        interruptions: 0,
      })),
    );
    assert.deepEqual(
      seqs,
      seqs.toSorted((a, b) => a - b),
    );
    assert.equal(new Set(seqs).size, 6);
  });

  test(`${name}: an execution's first message waits in its route from the start`, async () => {
    await using store = await open();
    const execution = newExecution();
    const first = newMessage({ route: "begin", payloadJson: '{"a":1}' });
    const { firstSeq } = await store.records.createExecution(execution, first);
    await store.reopen();
    const [message, ...rest] = await waiting(store, execution.id, "begin");
    assert.deepEqual([message?.id, message?.seq, message?.payloadJson], [first.id, firstSeq, '{"a":1}']);
    assert.deepEqual(rest, []);
  });

  test(`${name}: taking goes on after a message, at most so many, and not many more bytes than asked, but one`, async () => {
    await using store = await open();
    const id = await start(store);
    // 300 bytes each, of 100 characters: it is bytes that are counted.
    const payloadJson = `"${"€".repeat(99)}x"`;
    const seqs = await enqueue(
      store,
      id,
      Array.from({ length: 10 }, () => newMessage({ payloadJson })),
    );
    const take = async (after: number, limit: number, maxBytes: number) =>
      (await store.work.take(id, "work", after, limit, maxBytes)).map(({ seq }) => seq);
    assert.deepEqual(await take(0, 3, 1_000_000), seqs.slice(0, 3));
    assert.deepEqual(await take(seqs[2] ?? 0, 3, 1_000_000), seqs.slice(3, 6));
    assert.deepEqual(await take(seqs[9] ?? 0, 3, 1_000_000), []);
    assert.deepEqual(await take(0, 10, 1), seqs.slice(0, 1));
    assert.deepEqual(await take(0, 10, 900), seqs.slice(0, 3));
  });

  test(`${name}: the queues of routes and of executions do not mix`, async () => {
    await using store = await open();
    const [one, other] = [await start(store), await start(store)];
    await enqueue(store, one, [newMessage({ id: "a", route: "r" }), newMessage({ id: "b", route: "s" })]);
    // Its third: where each execution has numbers of its own, the first two are those of the other's messages as well.
    const [, , foreign] = await enqueue(store, other, [
      newMessage({ id: "c", route: "r" }),
      newMessage({ id: "d", route: "r" }),
      newMessage({ id: "e", route: "r" }),
    ]);
    const ids = async (executionId: string, route: string) =>
      (await waiting(store, executionId, route)).map((message) => message.id);
    assert.deepEqual(await ids(one, "r"), ["a"]);
    assert.deepEqual(await ids(one, "s"), ["b"]);
    assert.deepEqual(await ids(other, "r"), ["c", "d", "e"]);
    assert.deepEqual(await ids(other, "s"), []);
    assert.deepEqual(await ids("nobody", "r"), []);
    assert.equal(await store.work.get(one, foreign ?? 0), null);
    assert.deepEqual(await store.work.depths(one), { r: 1, s: 1 });
    assert.deepEqual(await store.work.depths("nobody"), {});
  });

  test(`${name}: a message that is settled, or failed for good, is never taken again, also after a restart`, async () => {
    await using store = await open();
    const id = await start(store);
    const [settled, kept, left] = await enqueue(store, id, [newMessage(), newMessage(), newMessage()]);
    assert.ok(settled !== undefined && kept !== undefined && left !== undefined);
    await store.journal.append({
      executionId: id,
      events: [newEvent(id), newEvent(id)],
      changes: [
        { kind: "settled", seq: settled },
        { kind: "kept", seq: kept, error: newKeptError() },
      ],
    });
    for (const reopened of [false, true]) {
      if (reopened) await store.reopen();
      assert.deepEqual(
        (await waiting(store, id)).map(({ seq }) => seq),
        [left],
      );
      assert.equal(await store.work.get(id, settled), null);
      assert.equal(await store.work.get(id, kept), null);
      assert.deepEqual(await store.work.depths(id), { work: 1 });
    }
  });

  test(`${name}: a message that waits for a retry is not taken, but known with its time, soonest first`, async () => {
    await using store = await open();
    const id = await start(store);
    const [late, soon, fresh] = await enqueue(store, id, [
      newMessage({ route: "b" }),
      newMessage({ route: "a" }),
      newMessage({ route: "a" }),
    ]);
    assert.ok(soon !== undefined && late !== undefined);
    await store.journal.append({
      executionId: id,
      events: [],
      changes: [
        { kind: "retry", seq: late, attempt: 4, failures: 2, dueAt: 1_900_000_000_000 },
        { kind: "retry", seq: soon, attempt: 2, failures: 1, dueAt: 1_800_000_000_000 },
      ],
    });
    for (const reopened of [false, true]) {
      if (reopened) await store.reopen();
      assert.deepEqual(
        (await waiting(store, id, "a")).map(({ seq }) => seq),
        [fresh],
      );
      assert.deepEqual(await waiting(store, id, "b"), []);
      assert.deepEqual(await store.work.delayed(id), [
        { seq: soon, route: "a", dueAt: 1_800_000_000_000 },
        { seq: late, route: "b", dueAt: 1_900_000_000_000 },
      ]);
      const message = await store.work.get(id, late);
      assert.deepEqual([message?.attempt, message?.failures, message?.dueAt], [4, 2, 1_900_000_000_000]);
      assert.deepEqual(await store.work.depths(id), { a: 2, b: 1 }, "what is delayed counts");
    }
    await store.journal.append({ executionId: id, events: [], changes: [{ kind: "settled", seq: soon }] });
    assert.deepEqual(
      (await store.work.delayed(id)).map(({ seq }) => seq),
      [late],
    );
  });

  test(`${name}: work that was not settled is there after a restart, in order, behind it what comes new`, async () => {
    await using store = await open();
    const id = await start(store);
    const [first, second, third] = await enqueue(store, id, [newMessage(), newMessage(), newMessage()]);
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    await store.journal.append({ executionId: id, events: [], changes: [{ kind: "settled", seq: second }] });
    await store.reopen();
    const [next] = await enqueue(store, id, [newMessage()]);
    assert.deepEqual(
      (await waiting(store, id)).map(({ seq }) => seq),
      [first, third, next],
    );
  });

  test(`${name}: a crash is counted against the messages that were in flight, and is no failed attempt`, async () => {
    await using store = await open();
    const [id, other] = [await start(store), await start(store)];
    const [seq] = await enqueue(store, id, [newMessage({ id: "in flight" }), newMessage({ id: "waiting" })]);
    assert.ok(seq !== undefined);
    await enqueue(store, other, [newMessage({ id: "in flight" })]);
    for (let crash = 1; crash <= 2; crash += 1) {
      await store.reopen();
      await store.work.countInterruption(id, ["in flight", "nobody"]);
      const message = await store.work.get(id, seq);
      assert.deepEqual([message?.interruptions, message?.attempt, message?.failures], [crash, 1, 0]);
    }
    await store.work.countInterruption(id, ["in flight"], -1);
    await store.work.countInterruption(id, ["in flight"]);
    assert.deepEqual(
      (await waiting(store, id)).map(({ interruptions }) => interruptions),
      [2, 0],
    );
    assert.deepEqual(
      (await waiting(store, other)).map(({ interruptions }) => interruptions),
      [0],
    );
  });

  test(`${name}: a step that is redone after a crash knows what it had emitted`, async () => {
    await using store = await open();
    const id = await start(store);
    const [seq] = await enqueue(store, id, [newMessage()]);
    assert.ok(seq !== undefined);
    await store.journal.append({
      executionId: id,
      events: [],
      enqueue: [newMessage({ route: "next" }), newMessage({ route: "next" })],
      changes: [{ kind: "emitted", seq, outputs: 2, emitted: { next: 2 } }],
    });
    await store.reopen();
    const message = await store.work.get(id, seq);
    assert.deepEqual([message?.emittedOutputs, message?.emitted], [2, { next: 2 }]);
    assert.equal((await waiting(store, id, "next")).length, 2);
  });

  test(`${name}: the end of an execution empties its queues, and no other's`, async () => {
    await using store = await open();
    const [over, running] = [await start(store), await start(store)];
    for (const id of [over, running]) {
      const [seq] = await enqueue(store, id, [newMessage(), newMessage()]);
      const retry = { kind: "retry", seq: seq ?? 0, attempt: 2, failures: 1, dueAt: 1_900_000_000_000 } as const;
      await store.journal.append({ executionId: id, events: [], changes: [retry] });
    }
    await store.journal.append(ending(over));
    assert.deepEqual(await waiting(store, over), []);
    assert.deepEqual(await store.work.delayed(over), []);
    assert.deepEqual(await store.work.depths(over), {});
    assert.deepEqual(await store.work.depths(running), { work: 2 });
  });
}
