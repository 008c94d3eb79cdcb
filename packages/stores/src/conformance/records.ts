import assert from "node:assert/strict";
import { test } from "node:test";
import type { ExecutionFilter, NewExecution } from "@millrace/engine";
import { configConformance } from "./configs.ts";
import {
  ending,
  newEvent,
  newExecution,
  newMessage,
  type StoreFactory,
  type StoreUnderTest,
  start,
  waiting,
} from "./store-under-test.ts";

/** What every `Records` promises. Registers its tests under the name of the implementation. */
export function recordsConformance(name: string, open: StoreFactory): void {
  test(`${name}: what belongs to one project is not there for another, whatever it is asked for by`, async () => {
    await using store = await open();
    const start = async (project: string, fields: Partial<NewExecution> = {}) =>
      (await store.records.createExecution(newExecution({ project, tag: "t", idempotencyKey: "k", ...fields }), null))
        .record;
    const one = await start("one");
    const two = await start("two", { parentExecutionId: one.id });
    assert.notEqual(one.id, two.id, "tag and key are each project's own");
    assert.equal((await start("one")).id, one.id);
    await assert.rejects(start("one", { idempotencyKey: "other" }), {
      code: "TAG_TAKEN",
      message: new RegExp(one.id),
    });
    await store.reopen();
    const view = store.records.inProject("two");
    for (const name of [two.id, "t"]) {
      assert.equal((await view.findExecution(name))?.id, two.id);
      assert.deepEqual(await view.getExecution(name), two);
    }
    for (const look of [view.findExecution(one.id), view.getExecution(one.id)]) assert.equal(await look, null);
    const list = async (project: string | null, filter: Partial<ExecutionFilter> = {}) => {
      const asked = { sortOrder: "asc", limit: 10, offset: 0, ...filter } as const;
      const { total, items } = await store.records.inProject(project).listExecutions(asked);
      assert.equal(total, items.length);
      return items.map(({ id }) => id);
    };
    assert.deepEqual(await list(null), [one.id, two.id]);
    assert.deepEqual(await list("two"), [two.id]);
    assert.deepEqual(await list("two", { words: ["pipeline"], statuses: ["running"] }), [two.id]);
    assert.deepEqual(await list("one", { parentExecutionId: one.id }), []);
    assert.deepEqual(await list("three"), []);
    assert.equal((await store.records.getExecutionByIdempotencyKey("two", "k"))?.id, two.id);
    assert.equal(await store.records.getExecutionByIdempotencyKey("three", "k"), null);
    assert.equal(await store.records.getExecution("t"), null, "several have the tag");
    const three = await start("default");
    assert.equal((await store.records.getExecution("t"))?.id, three.id, "the default project's before others'");
    const counts = { configs: 0, executions: 1, running: 1, triggers: 0, webhooks: 0 };
    assert.deepEqual(await view.projects(), [{ name: "two", ...counts }]);
    assert.deepEqual(await store.records.projects(), [
      { name: "default", ...counts },
      { name: "one", ...counts },
      { name: "two", ...counts },
    ]);
  });

  test(`${name}: an execution is found by its id and its tag, as it was created, also after a restart`, async () => {
    await using store = await open();
    const execution = newExecution({
      tag: "nightly-1",
      configId: "config",
      parentExecutionId: "parent",
      replaySource: "lineage",
      configSnapshot: { name: "ü\u2028🏭", nested: [{ deep: null }] },
      metadata: { 'a"b': "c\nd" },
      idempotencyKey: "key",
    });
    const { record, created, firstSeq } = await store.records.createExecution(execution, null);
    const fresh = {
      status: "running",
      completedAt: null,
      errorInfo: null,
      stopping: null,
      progressJson: null,
    } as const;
    assert.deepEqual(
      { record, created, firstSeq },
      { record: { ...execution, ...fresh }, created: true, firstSeq: null },
    );
    for (const reopened of [false, true]) {
      if (reopened) await store.reopen();
      assert.deepEqual(await store.records.getExecution(execution.id), record);
      assert.deepEqual(await store.records.getExecution("nightly-1"), record);
      for (const name of [execution.id, "nightly-1"]) {
        assert.deepEqual(await store.records.findExecution(name), {
          id: execution.id,
          project: "default",
          status: "running",
        });
      }
      assert.deepEqual(await store.records.getExecutionByIdempotencyKey("default", "key"), record);
    }
    assert.equal(await store.records.getExecution("nobody"), null);
    assert.equal(await store.records.findExecution("nobody"), null);
    assert.equal(await store.records.getExecutionByIdempotencyKey("default", "nobody's"), null);
  });

  test(`${name}: asking again with an idempotency key gives the execution that is there, and starts nothing`, async () => {
    await using store = await open();
    const ask = () =>
      store.records.createExecution(newExecution({ idempotencyKey: "key", configId: "config" }), newMessage());
    const answers = [...(await Promise.all([ask(), ask()])), await ask()];
    await store.reopen();
    answers.push(await ask());
    assert.deepEqual(
      answers.map(({ created }) => created),
      [true, false, false, false],
    );
    const [first] = answers;
    assert.ok(first !== undefined);
    for (const { record } of answers) assert.deepEqual(record, first.record);
    assert.equal((await list(store)).length, 1);
    assert.equal((await waiting(store, first.record.id)).length, 1);
    const other = newExecution({ idempotencyKey: "key", configId: "other config" });
    await assert.rejects(store.records.createExecution(other, null), { code: "IDEMPOTENCY_KEY_REUSED" });
    assert.equal(await store.records.getExecution(other.id), null);
  });

  test(`${name}: a tag names one execution: of two that ask for it one gets it, and it is free after a deletion`, async () => {
    await using store = await open();
    const untouched = newExecution();
    const outcomes = await Promise.allSettled([
      store.records.createExecution(newExecution({ id: "winner", tag: "t" }), newMessage()),
      store.records.createExecution(newExecution({ id: "loser", tag: "t" }), newMessage()),
      store.records.createExecution(untouched, newMessage()),
    ]);
    assert.deepEqual(
      outcomes.map((outcome) => outcome.status),
      ["fulfilled", "rejected", "fulfilled"],
    );
    assert.equal((await store.records.getExecution("t"))?.id, "winner");
    assert.equal(await store.records.getExecution("loser"), null);
    assert.equal(await store.journal.bounds("loser"), null);
    assert.deepEqual(await waiting(store, "loser"), []);
    await assert.rejects(start(store, { tag: "t" }), { code: "TAG_TAKEN" });
    await assert.rejects(start(store, { tag: untouched.id }), { code: "TAG_TAKEN" }, "a tag is no other's id");
    await store.records.deleteExecution("winner");
    assert.equal(await start(store, { id: "next", tag: "t" }), "next");
  });

  test(`${name}: where so many may be unfinished, no more are created than that, however many are asked for at once`, async () => {
    await using store = await open();
    const create = (key: string | null = null) =>
      store.records.createExecution(newExecution({ idempotencyKey: key }), newMessage(), { maxUnfinished: 3 });
    await store.journal.append(ending(await start(store)));
    const outcomes = await Promise.allSettled([create("key"), create(), create(), create(), create()]);
    assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 3);
    await assert.rejects(create(), { code: "TOO_MANY_EXECUTIONS" });
    const { record, created } = await create("key");
    assert.equal(created, false, "one that is there is no further one");
    await store.journal.append(ending(record.id));
    assert.equal((await create()).created, true);
  });

  test(`${name}: an id that is taken refuses the newcomer alone: the first of it, and those beside it, are whole`, async () => {
    await using store = await open();
    await start(store, { id: "taken", metadata: { first: true } });
    const outcomes = await Promise.allSettled([
      store.records.createExecution(newExecution({ id: "before" }), newMessage()),
      store.records.createExecution(newExecution({ id: "taken" }), newMessage()),
      store.records.createExecution(newExecution({ id: "after" }), newMessage()),
    ]);
    assert.deepEqual(
      outcomes.map((outcome) => outcome.status),
      ["fulfilled", "rejected", "fulfilled"],
    );
    assert.deepEqual((await store.records.getExecution("taken"))?.metadata, { first: true });
    for (const id of ["before", "after"]) assert.equal((await waiting(store, id)).length, 1);
    assert.deepEqual(await waiting(store, "taken"), []);
    assert.equal(store.journal.fault, null, "a refused request is no fault of the store");
  });

  test(`${name}: a step changes of the record what it names, with its events, and nothing else`, async () => {
    await using store = await open();
    const id = await start(store);
    const created = await store.records.getExecution(id);
    assert.ok(created !== null);
    const errorInfo = { code: "X", message: "ü" };
    await store.journal.append({ executionId: id, events: [], record: { status: "interrupted", errorInfo } });
    assert.deepEqual(await store.records.getExecution(id), { ...created, status: "interrupted", errorInfo });
    await store.journal.append({ executionId: id, events: [newEvent(id)] });
    await store.journal.append({ executionId: id, events: [], record: { status: "running", errorInfo: null } });
    await store.journal.append({ executionId: id, events: [], record: { stopping: "cancelled" } });
    assert.deepEqual(await store.records.getExecution(id), { ...created, stopping: "cancelled" });
    const end = { status: "cancelled", completedAt: created.startedAt, stopping: null, progressJson: "{}" } as const;
    await store.journal.append({ executionId: id, events: [], record: end });
    await store.reopen();
    assert.deepEqual(await store.records.getExecution(id), { ...created, ...end });
  });

  test(`${name}: a list is filtered by each of its filters and all of them, and its total does not count pages`, async () => {
    await using store = await open();
    const at = (day: number) => `2026-03-0${day}T00:00:00.000Z`;
    await start(store, { id: "1", configId: "c", tag: "t1", startedAt: at(1) });
    await start(store, { id: "2", configId: "c", parentExecutionId: "1", startedAt: at(2) });
    await start(store, { id: "3", configId: "d", parentExecutionId: "1", startedAt: at(3) });
    await start(store, { id: "4", configId: "c", startedAt: at(4) });
    await store.journal.append(ending("2"));
    await store.journal.append(ending("3"));
    assert.deepEqual(await list(store), ["1", "2", "3", "4"]);
    assert.deepEqual(await list(store, { sortOrder: "desc" }), ["4", "3", "2", "1"]);
    assert.deepEqual(await list(store, { statuses: ["completed"] }), ["2", "3"]);
    assert.deepEqual(await list(store, { statuses: ["running", "completed"] }), ["1", "2", "3", "4"]);
    assert.deepEqual(await list(store, { statuses: ["failed", "running"] }), ["1", "4"]);
    assert.deepEqual(await list(store, { statuses: [] }), ["1", "2", "3", "4"]);
    assert.deepEqual(await list(store, { configId: "c" }), ["1", "2", "4"]);
    assert.deepEqual(await list(store, { tag: "t1" }), ["1"]);
    assert.deepEqual(await list(store, { tag: "t" }), []);
    assert.deepEqual(await list(store, { parentExecutionId: "1" }), ["2", "3"]);
    assert.deepEqual(await list(store, { startedAfter: at(2), startedBefore: at(4) }), ["2", "3"]);
    assert.deepEqual(await list(store, { statuses: ["completed"], configId: "c", startedBefore: at(3) }), ["2"]);
    const page = await store.records.listExecutions({ configId: "c", sortOrder: "desc", limit: 1, offset: 1 });
    assert.deepEqual([page.total, page.items.map(({ id }) => id)], [3, ["2"]]);
  });

  test(`${name}: a list is searched by words in tags and config names, and by how ids and tags begin`, async () => {
    await using store = await open();
    const named = (id: string, configName: string, tag: string | null = null) =>
      start(store, { id, tag, configSnapshot: { name: configName } });
    await named("01aa-1", "Nightly readmes", "nightly-100%");
    await named("01aa-2", "Übersicht", "night_shift");
    await named("01bb-3", "readmes", "Nightly-2");
    await named("xx01aa", "sum\\total");
    const found = (...words: string[]) => list(store, { words });
    assert.deepEqual(await found("README"), ["01aa-1", "01bb-3"]);
    assert.deepEqual(await found("nightly", "read"), ["01aa-1", "01bb-3"]);
    assert.deepEqual(await found("nightly-", "100"), ["01aa-1"]);
    assert.deepEqual(await found("01AA"), ["01aa-1", "01aa-2"]);
    assert.deepEqual(await found("aa-1"), []);
    assert.deepEqual(await found("übersicht"), ["01aa-2"]);
    assert.deepEqual(await found("ÜBERS", "shift"), ["01aa-2"]);
    assert.deepEqual(await found("0%"), ["01aa-1"], "a sign that means something to the store is looked for as it is");
    assert.deepEqual(await found("t_s"), ["01aa-2"]);
    assert.deepEqual(await found("m\\t"), ["xx01aa"]);
    assert.deepEqual(await found("%"), ["01aa-1"]);
    assert.deepEqual(await found("nothing"), []);
    assert.deepEqual(await found(), ["01aa-1", "01aa-2", "01bb-3", "xx01aa"]);
    assert.deepEqual(await list(store, { tagPrefix: "night" }), ["01aa-1", "01aa-2"]);
    assert.deepEqual(await list(store, { tagPrefix: "nightly-100%" }), ["01aa-1"]);
    assert.deepEqual(await list(store, { tagPrefix: "nope" }), []);
    assert.deepEqual(await list(store, { words: ["nightly"], tagPrefix: "N", statuses: ["running"] }), ["01bb-3"]);
    const page = await store.records.listExecutions({ words: ["night"], sortOrder: "desc", limit: 1, offset: 1 });
    assert.deepEqual([page.total, page.items.map(({ id }) => id)], [3, ["01aa-2"]]);
  });

  test(`${name}: a list leaves out what is large of a snapshot`, async () => {
    await using store = await open();
    const which = { config_id: "c", name: "n", version: 2, config_hash: "h" };
    const large = { config_yaml: "y", document: { name: "n" }, outline: [], init_message: { payload: {} } };
    const { record } = await store.records.createExecution(
      newExecution({ configSnapshot: { ...which, ...large } }),
      null,
    );
    const { items } = await store.records.listExecutions({ sortOrder: "asc", limit: 1, offset: 0 });
    assert.deepEqual(items, [{ ...record, configSnapshot: which }]);
  });

  test(`${name}: the times of a filter may be written in any way that RFC 3339 allows`, async () => {
    await using store = await open();
    await start(store, { id: "noon", startedAt: "2026-03-01T12:00:00.000Z" });
    for (const startedAfter of ["2026-03-01T12:00:00Z", "2026-03-01T13:00:00+01:00", "2026-03-01T12:00:00.000000Z"]) {
      assert.deepEqual(await list(store, { startedAfter }), ["noon"], startedAfter);
      assert.deepEqual(await list(store, { startedBefore: startedAfter }), [], startedAfter);
    }
  });

  test(`${name}: going through a list page by page shows each execution once, also those of one moment`, async () => {
    await using store = await open();
    const ids: string[] = [];
    for (let index = 0; index < 25; index += 1) {
      ids.push(await start(store, { startedAt: `2026-03-01T12:00:0${Math.floor(index / 10)}.000Z` }));
    }
    for (const sortOrder of ["asc", "desc"] as const) {
      const seen: string[] = [];
      for (let offset = 0; offset < 28; offset += 4) {
        const { total, items } = await store.records.listExecutions({ sortOrder, limit: 4, offset });
        assert.equal(total, 25);
        seen.push(...items.map(({ id }) => id));
      }
      assert.deepEqual(seen, sortOrder === "asc" ? ids : ids.toReversed());
    }
  });

  test(`${name}: after a restart those that are not over are known, oldest first`, async () => {
    await using store = await open();
    const [one, two, three, over] = [await start(store), await start(store), await start(store), await start(store)];
    await store.journal.append(ending(over));
    await store.journal.append({ executionId: two, events: [], record: { status: "interrupted" } });
    await store.reopen();
    const unfinished = await store.records.unfinishedExecutions();
    assert.deepEqual(
      unfinished.map(({ id, status }) => [id, status]),
      [
        [one, "running"],
        [two, "interrupted"],
        [three, "running"],
      ],
    );
  });

  test(`${name}: a deleted execution is gone from every list, with its tag and key; deleting nobody is no error`, async () => {
    await using store = await open();
    await start(store, { id: "gone", tag: "t", idempotencyKey: "key" });
    await start(store, { id: "kept" });
    await store.records.deleteExecution("gone");
    await store.records.deleteExecution("nobody");
    assert.deepEqual(await list(store), ["kept"]);
    assert.equal(await store.records.getExecution("t"), null);
    assert.equal(await store.records.getExecutionByIdempotencyKey("default", "key"), null);
    assert.deepEqual(
      (await store.records.unfinishedExecutions()).map(({ id }) => id),
      ["kept"],
    );
  });

  test(`${name}: retention is due for what ended before the given time and still has events`, async () => {
    await using store = await open();
    const ends = {
      old: "2026-01-01T00:00:00.000Z",
      older: "2025-12-31T00:00:00.000Z",
      recent: "2026-03-01T00:00:00.000Z",
    };
    for (const [id, at] of Object.entries(ends)) {
      await start(store, { id });
      await store.journal.append(ending(id, at, [newEvent(id)]));
    }
    await store.journal.append(ending(await start(store), ends.old));
    const running = await start(store);
    // A time of completion alone does not end it: whoever trims what is due here must get through.
    await store.journal.append({
      executionId: running,
      events: [newEvent(running)],
      record: { completedAt: ends.old },
    });
    const due = (limit: number) => store.records.executionsToTrim("2026-02-01T00:00:00Z", limit);
    assert.deepEqual((await due(10)).sort(), ["old", "older"]);
    assert.equal((await due(1)).length, 1);
    assert.deepEqual(await store.records.executionsToTrim(ends.older, 10), [], "the time itself is not before it");
    await store.journal.trim("old");
    assert.deepEqual(await due(10), ["older"]);
  });

  configConformance(name, open);
}

/** The ids of a list; oldest first where nothing else is asked for. */
async function list(store: StoreUnderTest, filter: Partial<ExecutionFilter> = {}): Promise<string[]> {
  const { total, items } = await store.records.listExecutions({ sortOrder: "asc", limit: 100, offset: 0, ...filter });
  assert.equal(total, items.length);
  return items.map(({ id }) => id);
}
