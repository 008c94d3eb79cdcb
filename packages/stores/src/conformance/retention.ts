import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ending,
  enqueue,
  messagesOf,
  newEvent,
  newExecution,
  newKeptError,
  newMessage,
  readAll,
  type StoreFactory,
  start,
} from "./store-under-test.ts";

/** What `Records` promises of executions that go. Registers its tests under the name of the implementation. */
export function retentionConformance(name: string, open: StoreFactory): void {
  test(`${name}: a deleted execution is found by nobody at once, and what it left goes in steps, over restarts`, async () => {
    await using store = await open();
    const doomed = newExecution({ tag: "t", idempotencyKey: "k" });
    await store.records.createExecution(doomed, newMessage());
    const kept = await start(store);
    for (let step = 0; step < 20; step += 1) {
      await store.journal.append({ executionId: doomed.id, events: [newEvent(doomed.id)], enqueue: [newMessage()] });
      await store.journal.append({ executionId: kept, events: [newEvent(kept, `${step}`)] });
    }
    const head = store.journal.head;
    assert.equal(await store.records.deleteExecution(doomed.id), true);
    assert.equal(await store.records.deleteExecution(doomed.id), false);
    assert.equal(await store.records.getExecution("t"), null);
    assert.equal(await store.records.getExecutionByIdempotencyKey("default", "k"), null);
    assert.deepEqual(await readAll(store, [doomed.id]), []);
    await start(store, { tag: "t", idempotencyKey: "k" });
    let steps = 0;
    for (; !(await store.records.purgeExecution(doomed.id, 100)); steps += 1) {
      assert.deepEqual(await store.records.deletedExecutions(10), [doomed.id]);
      if (steps % 10 === 0) await store.reopen();
    }
    assert.ok(steps > 20, `${steps} steps`);
    assert.deepEqual(await store.records.deletedExecutions(10), []);
    assert.equal(await store.records.purgeExecution(doomed.id, 100), true, "once more does nothing");
    assert.equal(messagesOf(await readAll(store, [kept])).length, 20);
    await store.reopen();
    assert.ok(store.journal.head >= head, "positions are not given out again");
  });

  test(`${name}: executions that are over are listed as they ended, with what they take once it is measured`, async () => {
    await using store = await open();
    const running = await start(store);
    await store.journal.append({ executionId: running, events: [newEvent(running)] });
    const ends = { second: "2026-01-02T00:00:00.000Z", first: "2026-01-01T00:00:00.000Z" };
    for (const [id, at] of Object.entries(ends)) {
      await start(store, { id });
      const [seq = 0] = await enqueue(store, id, [newMessage({ payloadJson: JSON.stringify("p".repeat(10_000)) })]);
      const changes = [{ kind: "kept" as const, seq, error: newKeptError() }];
      await store.journal.append({ ...ending(id, at, [newEvent(id)]), changes });
    }
    assert.deepEqual(await store.records.executionsOver(10), [
      { id: "first", completedAt: ends.first, bytes: null },
      { id: "second", completedAt: ends.second, bytes: null },
    ]);
    assert.deepEqual(await store.records.unmeasuredExecutions(10), ["first", "second"]);
    assert.deepEqual(await store.records.totalsOver(), { count: 2, bytes: 0 });
    await store.records.measureExecution("first", 5_000);
    await store.records.measureExecution("nobody", 5_000);
    const [first] = await store.records.executionsOver(1);
    const bytes = first?.bytes ?? 0;
    assert.ok(bytes > 15_000 && bytes < 20_000, `${bytes} bytes: a failed message, its events, its objects`);
    assert.deepEqual(await store.records.unmeasuredExecutions(10), ["second"]);
    assert.deepEqual(await store.records.totalsOver(), { count: 2, bytes });
    await store.journal.trim("first");
    assert.deepEqual(await store.records.unmeasuredExecutions(10), ["first", "second"], "it takes less than it did");
    await store.records.deleteExecution("second");
    assert.deepEqual(await store.records.totalsOver(), { count: 1, bytes: 0 });
  });

  test(`${name}: space that deletions have freed can be given back, while others write`, async () => {
    await using store = await open();
    const doomed = await start(store);
    const kept = await start(store);
    for (let step = 0; step < 50; step += 1) {
      await enqueue(store, doomed, [newMessage({ payloadJson: JSON.stringify("p".repeat(40_000)) })]);
    }
    await store.records.deleteExecution(doomed);
    while (!(await store.records.purgeExecution(doomed, 500_000)));
    const appended: Promise<unknown>[] = [];
    while (!(await store.records.giveBackSpace(100_000))) {
      appended.push(store.journal.append({ executionId: kept, events: [newEvent(kept)] }));
    }
    await Promise.all(appended);
    await store.reopen();
    assert.equal(messagesOf(await readAll(store, [kept])).length, appended.length);
  });
}
