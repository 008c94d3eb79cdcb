import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ending,
  messagesOf,
  newEvent,
  newExecution,
  newMessage,
  readAll,
  type StoreFactory,
  start,
  waiting,
} from "./store-under-test.ts";

/** What a journal says of its extent, and what retention and deletion leave of it. Part of the journal's suite. */
export function journalRetentionConformance(name: string, open: StoreFactory): void {
  test(`${name}: the bounds tell where an execution began, where it is, and where it ended`, async () => {
    await using store = await open();
    assert.equal(await store.journal.bounds("nobody"), null);
    const id = await start(store);
    const created = await store.journal.bounds(id);
    assert.ok(created !== null);
    assert.deepEqual(created, { start: created.start, lastEvent: created.start, trimmed: null, ended: null });
    await store.journal.append({ executionId: id, events: [newEvent(id), newEvent(id)] });
    const [last] = (await readAll(store, [id], created.start)).slice(-1);
    assert.deepEqual(await store.journal.bounds(id), { ...created, lastEvent: last?.last });
    await store.journal.append(ending(id));
    const end = (await readAll(store, [id])).at(-1);
    assert.equal(end?.kind, "lifecycle");
    const ended = { ...created, lastEvent: last?.last, ended: end?.last };
    assert.deepEqual(await store.journal.bounds(id), ended);
    await store.reopen();
    assert.deepEqual(await store.journal.bounds(id), ended);
  });

  test(`${name}: a cursor belongs to an execution if it is its beginning or one of its events, and to no other`, async () => {
    await using store = await open();
    const [one, other] = [await start(store), await start(store)];
    for (const executionId of [one, other, one]) {
      await store.journal.append({ executionId, events: [newEvent(executionId), newEvent(executionId)] });
    }
    await store.journal.append(ending(one));
    const bounds = await store.journal.bounds(one);
    assert.ok(bounds !== null && bounds.ended !== null);
    const own = new Set([bounds.start]);
    for (const entry of await readAll(store, [one])) {
      if (entry.kind === "events") for (let at = entry.first; at <= entry.last; at += 1) own.add(at);
    }
    assert.equal(own.size, 5);
    for (let position = 0; position <= bounds.ended + 3; position += 1) {
      assert.equal(await store.journal.contains(one, position), own.has(position), `position ${position}`);
    }
    assert.equal(await store.journal.contains("nobody", bounds.start), false);
  });

  test(`${name}: retention removes the events of what is over, says so, and leaves its end and everything else`, async () => {
    await using store = await open();
    const [over, running] = [await start(store), await start(store)];
    for (const executionId of [over, running]) {
      await store.journal.append({ executionId, events: [newEvent(executionId, "a"), newEvent(executionId, "b")] });
    }
    await store.journal.append(ending(over));
    const before = await store.journal.bounds(over);
    assert.ok(before !== null);
    await store.journal.trim(over);
    await store.journal.trim("nobody");
    for (const reopened of [false, true]) {
      if (reopened) await store.reopen();
      const entries = await readAll(store, [over]);
      assert.deepEqual(messagesOf(entries), []);
      assert.deepEqual(
        entries.map((entry) => entry.kind === "lifecycle" && entry.lifecycle.kind),
        ["started", "ended"],
      );
      assert.deepEqual(await store.journal.bounds(over), { ...before, trimmed: before.lastEvent });
      assert.equal(await store.journal.contains(over, before.lastEvent), true, "an old cursor is still good");
      assert.equal(await store.journal.contains(over, before.lastEvent + 100), false);
      assert.deepEqual(messagesOf(await readAll(store, [running])), ["a", "b"]);
    }
    await store.journal.trim(over);
    assert.deepEqual(await store.journal.bounds(over), { ...before, trimmed: before.lastEvent });
  });

  test(`${name}: retention does not touch an execution that is running`, async () => {
    await using store = await open();
    const id = await start(store);
    await store.journal.append({ executionId: id, events: [newEvent(id, "a")] });
    await store.journal.trim(id);
    assert.deepEqual(messagesOf(await readAll(store, [id])), ["a"]);
    assert.equal((await store.journal.bounds(id))?.trimmed, null);
  });

  test(`${name}: deleting an execution removes all of it while others run on, whole`, async () => {
    await using store = await open();
    const doomed = newExecution();
    const kept = await start(store);
    const told: string[] = [];
    await store.records.createExecution(doomed, newMessage());
    store.journal.onCommit((entries) => told.push(...messagesOf(entries)));
    const append = (executionId: string, message: string) =>
      store.journal.append({
        executionId,
        events: [newEvent(executionId, message)],
        enqueue: [newMessage({ id: message })],
      });
    // All of these wait for one commit; the last comes from a step that had not heard of the deletion.
    const [, , , late] = await Promise.all([
      append(doomed.id, "early"),
      append(kept, "a"),
      store.records.deleteExecution(doomed.id),
      append(doomed.id, "late"),
      append(kept, "b"),
    ]);
    assert.deepEqual(late, { seqs: [] });
    assert.deepEqual(
      told.filter((message) => message === "early" || message === "late"),
      [],
      "nobody is told of what is not there any more",
    );
    for (const reopened of [false, true]) {
      if (reopened) await store.reopen();
      assert.equal(await store.records.getExecution(doomed.id), null);
      assert.equal(await store.journal.bounds(doomed.id), null);
      assert.deepEqual(await readAll(store, [doomed.id]), []);
      assert.deepEqual(await waiting(store, doomed.id), []);
      assert.deepEqual(messagesOf(await readAll(store, [kept])), ["a", "b"]);
      assert.equal((await waiting(store, kept)).length, 2);
    }
    await store.records.createExecution(doomed, null);
    assert.deepEqual(messagesOf(await readAll(store, [doomed.id])), [], "the next of that id begins empty");
  });
}
