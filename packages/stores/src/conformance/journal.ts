import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeFrame, toOneLine } from "@millrace/protocol";
import { journalReadConformance } from "./journal-reads.ts";
import { journalRetentionConformance } from "./journal-retention.ts";
import {
  ending,
  enqueue,
  messagesOf,
  newEvent,
  newExecution,
  newMessage,
  readAll,
  type StoreFactory,
  start,
  waiting,
} from "./store-under-test.ts";

/** What every `Journal` promises. Registers its tests under the name of the implementation. */
export function journalConformance(name: string, open: StoreFactory): void {
  test(`${name}: events come back as the frames that go over the wire, each with its own position`, async () => {
    await using store = await open();
    const id = await start(store);
    const events = ["a", "b\n\ndata: x", "ü…\u2028🏭"].map((message) => newEvent(id, message));
    await store.journal.append({ executionId: id, events });
    const [started, entry, ...rest] = await readAll(store, [id]);
    assert.equal(started?.kind, "lifecycle");
    assert.deepEqual(rest, []);
    assert.ok(entry?.kind === "events");
    assert.deepEqual([entry.executionId, entry.count, entry.last - entry.first], [id, 3, 2]);
    assert.equal(
      entry.frames.toString("utf8"),
      events
        .map((event, index) => encodeFrame(event.type, toOneLine(JSON.stringify(event)), entry.first + index))
        .join(""),
    );
  });

  test(`${name}: what is appended together is joined per execution, in the order of the appends`, async () => {
    await using store = await open();
    const [one, other] = [await start(store), await start(store)];
    const appends = Array.from({ length: 20 }, (_, index) => {
      const executionId = index % 3 === 0 ? other : one;
      return store.journal.append({ executionId, events: [newEvent(executionId, `${index}`)] });
    });
    await Promise.all(appends);
    for (const [id, expected] of [
      [one, appends.map((_, index) => index).filter((index) => index % 3 !== 0)],
      [other, [0, 3, 6, 9, 12, 15, 18]],
    ] as const) {
      const entries = (await readAll(store, [id])).filter((entry) => entry.kind === "events");
      assert.deepEqual(messagesOf(entries), expected.map(String));
      for (const entry of entries) assert.equal(entry.last - entry.first + 1, entry.count);
    }
  });

  test(`${name}: a step of thousands of events is kept whole and in order`, async () => {
    await using store = await open();
    const id = await start(store);
    const messages = Array.from({ length: 3_500 }, (_, index) => `m${index}`);
    await store.journal.append({ executionId: id, events: messages.map((message) => newEvent(id, message)) });
    assert.deepEqual(messagesOf(await readAll(store, [id])), messages);
  });

  test(`${name}: a step that cannot be recorded leaves nothing behind, and the steps beside it are kept`, async () => {
    await using store = await open();
    const id = await start(store);
    const [first] = await enqueue(store, id, [newMessage({ id: "first" })]);
    assert.ok(first !== undefined);
    const step = (message: string) =>
      store.journal.append({
        executionId: id,
        events: [newEvent(id, message)],
        enqueue: [newMessage({ id: message })],
      });
    const broken = {
      ...newMessage(),
      get payloadJson(): string {
        throw new Error("no payload");
      },
    };
    const outcomes = await Promise.allSettled([
      step("before"),
      store.journal.append({
        executionId: id,
        events: [newEvent(id, "lost")],
        changes: [{ kind: "settled", seq: first }],
        enqueue: [newMessage({ id: "lost" }), broken],
        record: { stopping: "failed" },
      }),
      step("after"),
    ]);
    assert.deepEqual(
      outcomes.map((outcome) => outcome.status),
      ["fulfilled", "rejected", "fulfilled"],
    );
    assert.deepEqual(messagesOf(await readAll(store, [id])), ["before", "after"]);
    assert.deepEqual(
      (await waiting(store, id)).map((message) => message.id),
      ["first", "before", "after"],
    );
    assert.equal((await store.records.getExecution(id))?.stopping, null);
    assert.deepEqual([store.journal.fault, store.journal.backlog], [null, 0]);
  });

  test(`${name}: an event that cannot be written as JSON fails its own step only`, async () => {
    await using store = await open();
    const id = await start(store);
    const unwritable = {
      ...newEvent(id),
      get route(): string {
        throw new Error("no route");
      },
    };
    const outcomes = await Promise.allSettled([
      store.journal.append({ executionId: id, events: [newEvent(id, "before")] }),
      store.journal.append({ executionId: id, events: [newEvent(id, "lost"), unwritable], enqueue: [newMessage()] }),
      store.journal.append({ executionId: id, events: [newEvent(id, "after")] }),
    ]);
    assert.deepEqual(
      outcomes.map((outcome) => outcome.status),
      ["fulfilled", "rejected", "fulfilled"],
    );
    assert.deepEqual(messagesOf(await readAll(store, [id])), ["before", "after"]);
    assert.deepEqual(await waiting(store, id), []);
    assert.equal(store.journal.fault, null);
  });

  test(`${name}: positions only grow, across executions, deletions, retention and restarts`, async () => {
    await using store = await open();
    let highest = 0;
    const grow = async (id: string) => {
      await store.journal.append({ executionId: id, events: [newEvent(id), newEvent(id)] });
      const entries = await readAll(store, [id]);
      const last = entries.at(-1);
      assert.ok(last !== undefined && last.first > highest, `${last?.first} comes after ${highest}`);
      highest = last.last;
    };
    const kept = await start(store);
    await grow(kept);
    await store.reopen();
    await grow(kept);
    const deleted = await start(store);
    await grow(deleted);
    await store.records.deleteExecution(deleted);
    await store.reopen();
    await grow(kept);
    const trimmed = await start(store);
    await grow(trimmed);
    await store.journal.append(ending(trimmed));
    await store.journal.trim(trimmed);
    await store.reopen();
    await grow(kept);
    // Created and deleted at once: even positions that nobody saw are not given out again.
    const fleeting = newExecution();
    await Promise.all([
      store.records.createExecution(fleeting, null),
      store.journal.append({ executionId: fleeting.id, events: [newEvent(fleeting.id)] }),
      store.records.deleteExecution(fleeting.id),
    ]);
    await store.reopen();
    await grow(kept);
  });

  test(`${name}: what is committed is told once, in order, before the one who asked for it hears of it`, async () => {
    await using store = await open();
    const id = await start(store);
    const told: string[] = [];
    let last = 0;
    const stop = store.journal.onCommit((entries) => {
      for (const entry of entries) {
        assert.ok(entry.first > last);
        last = entry.last;
      }
      told.push(...messagesOf(entries));
    });
    const resolved: string[] = [];
    const append = async (message: string) => {
      await store.journal.append({ executionId: id, events: [newEvent(id, message)] });
      assert.ok(told.includes(message));
      resolved.push(message);
    };
    await Promise.all([append("a"), append("b"), append("c")]);
    await append("d");
    assert.deepEqual(told, ["a", "b", "c", "d"]);
    assert.deepEqual(resolved, ["a", "b", "c", "d"]);
    stop();
    await store.journal.append({ executionId: id, events: [newEvent(id, "e")] });
    assert.deepEqual(told, ["a", "b", "c", "d"]);
  });

  test(`${name}: an execution's start, interruption, resumption and end stand in its journal, in their places`, async () => {
    await using store = await open();
    const at = "2026-03-01T12:00:00.000Z";
    const id = await start(store, { startedAt: at });
    const interrupted = { kind: "interrupted", at, error: { code: "INTERRUPTED", message: "gone" } } as const;
    const interruption = { by: "crash", at, heldUpBy: "gone" } as const;
    const resumed = { kind: "resumed", at, redone: 2, interruption } as const;
    // As older versions wrote it.
    const resumedOnce = { kind: "resumed", at, redone: 1 } as const;
    await Promise.all([
      store.journal.append({ executionId: id, events: [], lifecycle: resumedOnce }),
      store.journal.append({ executionId: id, events: [newEvent(id, "a")], lifecycle: interrupted }),
      store.journal.append({ executionId: id, events: [], lifecycle: resumed }),
      store.journal.append(ending(id, at, [newEvent(id, "b")])),
    ]);
    assert.deepEqual(
      (await readAll(store, [id])).map((entry) => (entry.kind === "events" ? messagesOf([entry]) : entry.lifecycle)),
      [
        { kind: "started", at },
        resumedOnce,
        ["a"],
        interrupted,
        resumed,
        ["b"],
        { kind: "ended", at, status: "completed" },
      ],
    );
    const newest = { at, redone: 2, interruption };
    assert.deepEqual(await store.journal.recoveries(id, 10), [{ at, redone: 1, interruption: null }, newest]);
    assert.deepEqual(await store.journal.recoveries(id, 1), [newest]);
    assert.deepEqual(await store.journal.recoveries(id, 0), []);
    assert.deepEqual(await store.journal.recoveries("nobody", 10), []);
    assert.deepEqual(await store.journal.lastLifecycle(id), { kind: "ended", at, status: "completed" });
    assert.equal(await store.journal.lastLifecycle("nobody"), null);
  });

  test(`${name}: an execution that is created and written to at once has it all`, async () => {
    await using store = await open();
    const execution = newExecution();
    await Promise.all([
      store.records.createExecution(execution, newMessage({ id: "first" })),
      store.journal.append({ executionId: execution.id, events: [newEvent(execution.id, "first")] }),
    ]);
    assert.deepEqual(messagesOf(await readAll(store, [execution.id])), ["first"]);
    assert.equal((await waiting(store, execution.id)).length, 1);
  });

  test(`${name}: the backlog counts the events that wait for their commit`, async () => {
    await using store = await open();
    const id = await start(store);
    const before = store.journal.backlog;
    const appended = store.journal.append({ executionId: id, events: [newEvent(id), newEvent(id)] });
    assert.deepEqual([before, store.journal.backlog], [0, 2]);
    await appended;
    assert.equal(store.journal.backlog, 0);
  });

  journalReadConformance(name, open);
  journalRetentionConformance(name, open);
}
