import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { JournalEntry, ObjectChange, StoredObjectQuery, StoredObjects, WrittenObject } from "@millrace/engine";
import { ALL_OBJECTS } from "../support/all-objects.ts";
import { ending, newEvent, type StoreUnderTest, start } from "./store-under-test.ts";

/** A store whose objects are listed and followed. */
export interface StoreWithObjects extends StoreUnderTest {
  readonly storedObjects: StoredObjects;
}

/** What every `StoredObjects` promises. Registers its tests under the name of the implementation. */
export function storedObjectsConformance(name: string, open: () => Promise<StoreWithObjects>): void {
  test(`${name}: objects are listed in the order of their keys, the newest of each, with what is known of them`, async () => {
    await using store = await open();
    const id = await start(store, { id: "e" });
    await write(store, id, ["r/s/b", "r/s/a", "r/t/c/d"]);
    const newer = objectOf(`executions/${id}/r/s/a`, {
      size: 7,
      contentType: 'text/plain; title="ü"',
      messageId: null,
    });
    await store.journal.append({
      executionId: id,
      events: [newEvent(id)],
      objects: [{ kind: "written", object: newer }],
    });
    await store.reopen();
    const page = await list(store, {});
    assert.deepEqual(page.objects[0], newer);
    assert.deepEqual(keysOf(page), ["executions/e/r/s/a", "executions/e/r/s/b", "executions/e/r/t/c/d"]);
    assert.deepEqual([page.total, page.next, page.folders], [3, null, []]);
  });

  test(`${name}: objects of another project's executions are not in a list, nor counted, nor are their folders`, async () => {
    await using store = await open();
    for (const [id, project] of [
      ["a", "one"],
      ["b", "two"],
      ["c", "one"],
    ] as const) {
      await start(store, { id, project });
      await write(store, id, ["r/s/x.json", "r/s/y.md"]);
    }
    const page = await list(store, { project: "one", extensions: ["json"] });
    assert.deepEqual([page.total, keysOf(page)], [2, ["executions/a/r/s/x.json", "executions/c/r/s/x.json"]]);
    const { folders, total } = await list(store, { project: "two", prefix: "executions/", folders: true });
    assert.deepEqual([folders, total], [["executions/b/"], 2]);
    assert.equal((await list(store, { project: "two", prefix: "executions/a/" })).total, 0);
    assert.deepEqual(keysOf(await list(store, { project: "one", offset: 2, limit: 1 })), ["executions/c/r/s/x.json"]);
    assert.equal((await list(store, {})).total, 6);
  });

  test(`${name}: a list is narrowed by prefix, stage and extension, which are taken as they are written`, async () => {
    await using store = await open();
    const id = await start(store, { id: "e" });
    await start(store, { id: "e2" });
    await write(store, id, ["r/s/a.json", "r/s/a%.md", "r/t/b.JSON", "q/s/x_y.tar.gz", "short"]);
    await write(store, "e2", ["r/s/other.json"]);
    const found = async (query: Partial<StoredObjectQuery>) =>
      keysOf(await list(store, query)).map((key) => key.replace("executions/", ""));
    assert.deepEqual(await found({ prefix: "executions/e/" }), [
      "e/q/s/x_y.tar.gz",
      "e/r/s/a%.md",
      "e/r/s/a.json",
      "e/r/t/b.JSON",
      "e/short",
    ]);
    assert.deepEqual(await found({ prefix: "executions/e/r/s/a%" }), ["e/r/s/a%.md"]);
    assert.deepEqual(await found({ prefix: "executions/e/r/s/a.json" }), ["e/r/s/a.json"], "a whole key");
    assert.deepEqual(await found({ prefix: "nothing" }), []);
    assert.deepEqual(await found({ stages: ["t"] }), ["e/r/t/b.JSON"]);
    assert.deepEqual(await found({ stages: ["s", "t"], extensions: ["json"] }), [
      "e/r/s/a.json",
      "e/r/t/b.JSON",
      "e2/r/s/other.json",
    ]);
    assert.deepEqual(await found({ extensions: ["tar.gz", "m%"] }), ["e/q/s/x_y.tar.gz"]);
    assert.deepEqual(await found({ extensions: ["y.tar_gz"] }), []);
  });

  test(`${name}: pages by cursor have every object once, while others are written and removed in between`, async () => {
    await using store = await open();
    const id = await start(store, { id: "e" });
    const names = Array.from({ length: 25 }, (_, index) => `r/s/${String(index).padStart(2, "0")}`);
    await write(store, id, names);
    const seen: string[] = [];
    for (let after: string | null = null, page = 0; ; page += 1) {
      const { objects, next, total } = await list(store, { limit: 4, after });
      seen.push(...objects.map(({ key }) => key.slice(-2)));
      if (page === 0) {
        assert.equal(total, 25);
        await write(store, id, ["r/s/00a", "r/s/01"]);
        await change(store, id, [{ kind: "removed", prefix: "executions/e/r/s/1" }]);
      }
      after = next;
      if (after === null) break;
    }
    assert.deepEqual(
      seen,
      names.map((each) => each.slice(-2)).filter((each) => !each.startsWith("1")),
    );
    assert.deepEqual(keysOf(await list(store, { offset: 14, limit: 5 })).length, 2);
    assert.deepEqual(keysOf(await list(store, { offset: 16 })), []);
  });

  test(`${name}: a folder is one entry, however much is in it, and pages go on behind it`, async () => {
    await using store = await open();
    const id = await start(store, { id: "e" });
    await write(store, id, ["r/s/b/1", "r/s/b/2/3", "r/s/b!", "r/s/a", "r/s/c/1", "r/s/b.txt"]);
    const level = (query: Partial<StoredObjectQuery>) =>
      list(store, { prefix: "executions/e/r/s/", folders: true, ...query });
    const all = await level({});
    assert.deepEqual(all.folders, ["executions/e/r/s/b/", "executions/e/r/s/c/"]);
    assert.deepEqual(
      keysOf(all).map((key) => key.slice(-5).replace(/.*\//, "")),
      ["a", "b!", "b.txt"],
    );
    assert.deepEqual([all.total, all.next], [6, null]);
    const seen: string[] = [];
    for (let after: string | null = null; ; ) {
      const { objects, folders, next } = await level({ limit: 1, after });
      assert.equal(objects.length + folders.length, 1);
      seen.push(...folders, ...objects.map(({ key }) => key));
      after = next;
      if (after === null) break;
    }
    assert.deepEqual(seen.sort(), [...all.folders, ...keysOf(all)].sort());
    assert.deepEqual((await list(store, { prefix: "executions/", folders: true })).folders, ["executions/e/"]);
    assert.deepEqual((await list(store, { prefix: "executions/e/r/s", folders: true })).folders, ["executions/e/r/s/"]);
    assert.equal((await level({ offset: 4 })).folders.length, 1);
  });

  test(`${name}: what messages remove is not listed any more, nor what belongs to a deleted execution`, async () => {
    await using store = await open();
    const [gone, kept] = [await start(store, { id: "gone" }), await start(store, { id: "kept" })];
    await write(store, gone, ["r/s/a", "r/s/b"]);
    await write(store, kept, ["r/s/a", "r/s/b", "r/t/a"]);
    await change(store, kept, [{ kind: "removed", prefix: "executions/kept/r/s/" }]);
    await store.journal.append(ending(gone));
    await store.records.deleteExecution(gone);
    const there = ["executions/kept/r/t/a"];
    const check = async () => {
      const page = await list(store, {});
      assert.deepEqual([keysOf(page), page.total], [there, 1]);
      assert.deepEqual((await list(store, { prefix: "executions/", folders: true })).folders, ["executions/kept/"]);
    };
    await check();
    while (!(await store.records.purgeExecution(gone, 1)));
    await check();
    assert.deepEqual(await store.storedObjects.log.read([gone], 0, 1_000), []);
  });

  test(`${name}: a list of very many is made in slices, so that others have their turns`, async () => {
    await using store = await open();
    const id = await start(store, { id: "e" });
    const names = Array.from({ length: 45_000 }, (_, index) => `r/s/${String(index).padStart(5, "0")}`);
    await write(store, id, names);
    let turns = 0;
    let listing = true;
    const counting = (async () => {
      while (listing) {
        turns += 1;
        await turn();
      }
    })();
    const page = await list(store, { offset: 44_990, limit: 5 });
    listing = false;
    await counting;
    assert.ok(turns >= 2, `${turns} turns`);
    assert.deepEqual(
      keysOf(page).map((key) => key.slice(-5)),
      names.slice(44_990, 44_995).map((each) => each.slice(-5)),
    );
    assert.deepEqual([page.total, page.next?.slice(-5)], [45_000, "44994"]);
  });

  test(`${name}: every object that was written is in the log once, in the order of commits, and the end behind them`, async () => {
    await using store = await open();
    const [one, other] = [await start(store, { id: "1" }), await start(store, { id: "2" })];
    const live: JournalEntry[] = [];
    store.storedObjects.log.onCommit((entries) => live.push(...entries));
    for (let step = 0; step < 5; step += 1) {
      const appends = [one, other].map((id) =>
        store.journal.append({
          executionId: id,
          events: [newEvent(id)],
          objects: written(id, [`r/s/${step}`, "r/s/same"]),
        }),
      );
      if (step % 2 === 0) await Promise.all(appends);
    }
    await store.journal.append({ ...ending(one), objects: written(one, ["r/s/last"]) });
    const { log } = store.storedObjects;
    const read = async (ids: string[], after: number, maxBytes: number) => {
      const all: JournalEntry[] = [];
      for (let at = after; ; ) {
        const page = await log.read(ids, at, maxBytes);
        if (page.length === 0) return all;
        all.push(...page);
        at = page.at(-1)?.last ?? at;
      }
    };
    for (const maxBytes of [1, 700, 1_000_000]) {
      const both = await read([one, other], 0, maxBytes);
      assert.deepEqual(
        idsOf(both),
        [...idsOf(both)].sort((a, b) => a - b),
      );
      assert.deepEqual(toldOf(both.filter((entry) => entry.executionId === one)), [
        ...["0", "1", "2", "3", "4"].flatMap((step) => [step, "same"]),
        "last",
      ]);
      const ends = both.filter((entry) => entry.kind === "lifecycle").map((entry) => entry.lifecycle.kind);
      assert.deepEqual(ends, ["started", "started", "ended"]);
      assert.equal(both.at(-1)?.kind, "lifecycle", "the end is behind all that was written");
    }
    const after = (await read([one, other], 0, 1_000_000)).filter((entry) => entry.last > (live[0]?.first ?? 0) - 1);
    assert.deepEqual(idsOf(live), idsOf(after), "what is told as it is committed is what is read later");
    assert.deepEqual(toldOf(live), toldOf(after));
    const { lastEvent, ended, trimmed, start: begin } = (await log.bounds(one)) ?? {};
    assert.equal(lastEvent, idsOf(both(live, one)).at(-1));
    assert.ok(ended !== null && ended !== undefined && ended > (lastEvent ?? 0));
    assert.equal(trimmed, null);
    assert.ok(await log.contains(one, lastEvent ?? 0));
    assert.ok(await log.contains(one, begin ?? -1));
    assert.ok(!(await log.contains(other, lastEvent ?? 0)), "another execution's");
    assert.ok(!(await log.contains(one, ended ?? 0)));
    await store.journal.trim(one);
    assert.deepEqual((await log.bounds(one))?.lastEvent, lastEvent, "trimming a journal leaves its objects");
    await store.reopen();
    const next = await store.journal.append({ executionId: other, events: [], objects: written(other, ["r/s/later"]) });
    assert.deepEqual(next.seqs, []);
    const later = await store.storedObjects.log.read([other], ended ?? 0, 1_000);
    assert.deepEqual(toldOf(later), ["later"], "positions go on behind those before the restart");
  });

  test(`${name}: what is not listed yet is known to be so`, async () => {
    await using store = await open();
    const id = await start(store, { id: "e" });
    await write(store, id, ["r/s/a", "r/s/b"]);
    await change(store, id, [{ kind: "removed", prefix: "executions/e/r/s/b" }]);
    const keys = ["a", "b", "c"].map((each) => `executions/e/r/s/${each}`);
    assert.deepEqual([...(await store.storedObjects.known(keys))], keys.slice(0, 1));
  });

  test(`${name}: where objects may be that it does not know of is kept until all was looked through`, async () => {
    await using store = await open();
    const toLookThrough = () => store.storedObjects.toLookThrough;
    assert.deepEqual(toLookThrough(), { all: false, executionIds: [] });
    await store.storedObjects.lookThrough(["a"]);
    await store.storedObjects.lookThrough(["b", "a"]);
    assert.deepEqual(toLookThrough(), { all: false, executionIds: ["a", "b"] });
    await store.reopen();
    assert.deepEqual(toLookThrough(), { all: false, executionIds: ["a", "b"] });
    await store.storedObjects.lookedThrough();
    assert.deepEqual(toLookThrough(), { all: false, executionIds: [] });
    await store.reopen();
    assert.deepEqual(toLookThrough(), { all: false, executionIds: [] });
  });

  test(`${name}: an object that is found when its execution is over is in the log before the end`, async () => {
    await using store = await open();
    const id = await start(store, { id: "e" });
    await write(store, id, ["r/s/a"]);
    await store.journal.append(ending(id));
    for (const found of ["b", "c"]) {
      await write(store, id, [`r/s/${found}`]);
      await store.reopen();
      const entries = await store.storedObjects.log.read([id], 0, 1_000_000);
      assert.deepEqual(toldOf(entries), found === "b" ? ["a", "b"] : ["a", "b", "c"]);
      const ends = entries.filter((entry) => entry.kind === "lifecycle" && entry.lifecycle.kind === "ended");
      assert.deepEqual(ends, [entries.at(-1)]);
      assert.equal((await store.storedObjects.log.bounds(id))?.ended, entries.at(-1)?.last);
    }
  });

  test(`${name}: an object that is missing is not listed any more, and others whose keys begin as its are`, async () => {
    await using store = await open();
    const id = await start(store, { id: "e" });
    await write(store, id, ["r/s/a", "r/s/ab"]);
    await change(store, id, [{ kind: "missing", key: "executions/e/r/s/a" }]);
    assert.deepEqual(keysOf(await list(store, {})), ["executions/e/r/s/ab"]);
  });
}

function objectOf(key: string, fields: Partial<WrittenObject> = {}): WrittenObject {
  const createdAt = "2026-03-01T12:00:00.000Z";
  return { key, size: 3, contentType: "text/plain", sha256: "5a", messageId: "m", createdAt, ...fields };
}

function written(id: string, names: readonly string[]): ObjectChange[] {
  return names.map((each) => ({ kind: "written", object: objectOf(`executions/${id}/${each}`) }));
}

function change(store: StoreWithObjects, id: string, objects: ObjectChange[]) {
  return store.journal.append({ executionId: id, events: [], objects });
}

function write(store: StoreWithObjects, id: string, names: readonly string[]) {
  return change(store, id, written(id, names));
}

function list(store: StoreWithObjects, query: Partial<StoredObjectQuery>) {
  return store.storedObjects.list({ ...ALL_OBJECTS, ...query });
}

function keysOf(page: { readonly objects: readonly WrittenObject[] }): string[] {
  return page.objects.map(({ key }) => key);
}

function both(entries: readonly JournalEntry[], executionId: string): JournalEntry[] {
  return entries.filter((entry) => entry.executionId === executionId);
}

/** The ids of the frames. */
function idsOf(entries: readonly JournalEntry[]): number[] {
  return framesOf(entries).map((frame) => Number(/^id: (\d+)$/m.exec(frame)?.[1]));
}

/** The last parts of the names that the frames tell of. */
function toldOf(entries: readonly JournalEntry[]): string[] {
  return framesOf(entries).map((frame) => JSON.parse(/^data: (.*)$/m.exec(frame)?.[1] ?? "{}").name);
}

function framesOf(entries: readonly JournalEntry[]): string[] {
  return entries.flatMap((entry) => (entry.kind === "events" ? entry.frames.toString().split(/(?<=\n\n)/) : []));
}
