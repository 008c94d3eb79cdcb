import assert from "node:assert/strict";
import { test } from "node:test";
import type { JournalEntry } from "@millrace/engine";
import fc from "fast-check";
import {
  framesOf,
  messagesOf,
  newEvent,
  readAll,
  type StoreFactory,
  type StoreUnderTest,
  start,
} from "./store-under-test.ts";

/** How readers may rely on `Journal.read`. Part of the journal's suite. */
export function journalReadConformance(name: string, open: StoreFactory): void {
  test(`${name}: a reader that goes from page to page while others write sees each event once, in order`, async () => {
    await using store = await open();
    const step = fc.oneof(
      fc.record({
        kind: fc.constant("write" as const),
        execution: fc.nat(2),
        events: fc.integer({ min: 1, max: 6 }),
        // Whether the writer waits for the commit, or goes on and shares it with what comes next.
        waits: fc.boolean(),
      }),
      fc.record({ kind: fc.constant("read" as const), maxBytes: fc.constantFrom(1, 700, 5_000) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const ids = [await start(store), await start(store), await start(store)];
        const written = new Map<string, string[]>(ids.map((id) => [id, []]));
        const readers = [new Reader(store, ids), ...ids.map((id) => new Reader(store, [id]))];
        const pending: Promise<unknown>[] = [];
        for (const step of steps) {
          if (step.kind === "read") {
            for (const reader of readers) await reader.page(step.maxBytes);
            continue;
          }
          const executionId = ids[step.execution] ?? "";
          const events = Array.from({ length: step.events }, () => newEvent(executionId));
          written.get(executionId)?.push(...events.map((event) => event.message_id));
          const appended = store.journal.append({ executionId, events });
          if (step.waits) await appended;
          else pending.push(appended);
        }
        await Promise.all(pending);
        for (const reader of readers) {
          while (await reader.page(2_000));
          for (const id of reader.ids) assert.deepEqual(reader.seen.get(id) ?? [], written.get(id));
        }
      }),
      { numRuns: 60 },
    );
  });

  test(`${name}: a reader that starts anywhere gets what comes after, and an entry that straddles its place whole`, async () => {
    await using store = await open();
    const id = await start(store);
    await Promise.all(
      ["a", "b", "c", "d"].map((message) => store.journal.append({ executionId: id, events: [newEvent(id, message)] })),
    );
    const places = (await readAll(store, [id])).flatMap(framesOf).map(({ position }) => position);
    for (const [index, place] of places.entries()) {
      const entries = await readAll(store, [id], place);
      for (const entry of entries) assert.ok(entry.last > place);
      const after = entries.flatMap(framesOf).filter(({ position }) => position > place);
      assert.deepEqual(
        after.map(({ event }) => event.message_id),
        ["a", "b", "c", "d"].slice(index + 1),
      );
    }
  });

  test(`${name}: a page has at least one entry, and is about as large as asked, however many executions it covers`, async () => {
    await using store = await open();
    const ids: string[] = [];
    for (let index = 0; index < 30; index += 1) ids.push(await start(store));
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(
        ids.map((id) => store.journal.append({ executionId: id, events: [newEvent(id), newEvent(id)] })),
      );
    }
    const bytesOf = (entries: JournalEntry[]) =>
      entries.reduce((sum, entry) => sum + (entry.kind === "events" ? entry.frames.length : 0), 0);
    const entryBytes = bytesOf(await store.journal.read(ids.slice(0, 1), 0, 1));
    const page = bytesOf(await store.journal.read(ids, 0, 10 * entryBytes));
    assert.ok(page >= entryBytes && page <= 12 * entryBytes, `${page} bytes`);
    assert.ok((await store.journal.read(ids, 0, 1)).length > 0);
  });

  test(`${name}: an execution that is asked for twice, or is not there, does not disturb the others`, async () => {
    await using store = await open();
    const id = await start(store);
    const appended = [newEvent(id, "a"), newEvent(id, "b")];
    await store.journal.append({ executionId: id, events: appended });
    assert.deepEqual(messagesOf(await readAll(store, [id, "nobody", id])), ["a", "b"]);
    assert.deepEqual(await readAll(store, ["nobody"]), []);
    assert.deepEqual(await readAll(store, []), []);
  });

  test(`${name}: a reader at the edge gets nothing, and then what is committed next`, async () => {
    await using store = await open();
    const id = await start(store);
    await store.journal.append({ executionId: id, events: [newEvent(id)] });
    const edge = (await store.journal.bounds(id))?.lastEvent ?? 0;
    assert.deepEqual(await readAll(store, [id], edge), []);
    await store.journal.append({ executionId: id, events: [newEvent(id, "next")] });
    assert.deepEqual(messagesOf(await readAll(store, [id], edge)), ["next"]);
  });
}

/** A cursor over some executions, which cuts entries at its place as a stream does. */
class Reader {
  readonly ids: readonly string[];
  readonly seen = new Map<string, string[]>();
  readonly #store: StoreUnderTest;
  #place = 0;

  constructor(store: StoreUnderTest, ids: readonly string[]) {
    this.#store = store;
    this.ids = ids;
  }

  /** Reads the next page; false at the edge. */
  async page(maxBytes: number): Promise<boolean> {
    const entries = await this.#store.journal.read(this.ids, this.#place, maxBytes);
    for (const entry of entries) {
      assert.ok(entry.last > this.#place, "entries come in the order of their positions, after the one asked for");
      for (const { position, event } of framesOf(entry)) {
        if (position <= this.#place) continue;
        this.#place = position;
        const seen = this.seen.get(event.execution_id) ?? [];
        seen.push(event.message_id);
        this.seen.set(event.execution_id, seen);
      }
      this.#place = entry.last;
    }
    return entries.length > 0;
  }
}
