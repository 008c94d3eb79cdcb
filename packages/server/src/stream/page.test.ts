import assert from "node:assert/strict";
import { test } from "node:test";
import type { Lifecycle } from "@millrace/engine";
import fc from "fast-check";
import { EventFilter } from "./frame-filter.ts";
import { cutPage, encodeEnd, framesAfter, type Page } from "./page.ts";
import { MemoryJournal, type NewEvent } from "./testing/memory-journal.ts";

const AT = "2026-01-01T00:00:00.000Z";
const INTERRUPTED: Lifecycle = { kind: "interrupted", at: AT, error: { code: "X", message: "x" } };
const RESUMED: Lifecycle = { kind: "resumed", at: AT, redone: 0 };
const ENDED: Lifecycle = { kind: "ended", at: AT, status: "failed" };

const newEvent: fc.Arbitrary<NewEvent> = fc.record({
  type: fc.constantFrom("initiated" as const, "completed" as const),
  route: fc.constantFrom("x", "y"),
  text: fc.string({ unit: "binary", maxLength: 60 }),
});

const journalOf = fc
  .record({
    commits: fc.array(
      fc.record({
        // Of another execution, so that there are holes.
        others: fc.nat(2),
        events: fc.array(newEvent, { maxLength: 5 }),
        lifecycle: fc.constantFrom(undefined, undefined, INTERRUPTED, RESUMED),
      }),
      { maxLength: 12 },
    ),
    over: fc.boolean(),
  })
  .map(({ commits, over }) => {
    const journal = new MemoryJournal();
    journal.commit([{ executionId: "e", events: [], lifecycle: { kind: "started", at: AT } }]);
    for (const { others, events, lifecycle } of commits) {
      const other = Array.from({ length: others }, () => ({ type: "initiated" as const, route: "x", text: "" }));
      journal.commit([
        { executionId: "other", events: other },
        { executionId: "e", events, ...(lifecycle === undefined ? {} : { lifecycle }) },
      ]);
    }
    if (over) journal.commit([{ executionId: "e", events: [], lifecycle: ENDED }]);
    return journal;
  });

const filters = fc.constantFrom(null, EventFilter.of(["completed"], []), EventFilter.of([], ["y"]));

test("whoever goes from page to page gets each chosen event once, whatever the pages' limits and wherever others begin", async () => {
  await fc.assert(
    fc.asyncProperty(
      journalOf,
      filters,
      fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 5 }),
      fc.array(fc.nat(80), { maxLength: 10 }),
      fc.array(fc.nat(100), { maxLength: 4 }),
      async (journal, filter, sizes, marks, edges) => {
        const own = journal.events.filter((event) => event.executionId === "e");
        const chosen = own.filter((event) => filter === null || filter.apply(Buffer.from(event.frame)).length > 0);
        const stops = journal.entries.map((entry) => entry.last);
        const upTos = [...edges.map((edge) => stops[edge % stops.length] ?? 0).sort((a, b) => a - b), journal.head];
        const seen: string[] = [];
        const ids: number[] = [];
        let [after = 0] = stops;
        let last: Page | null = null;
        let pages = 0;
        for (const upTo of upTos) {
          while (true) {
            const maxBytes = sizes[pages % sizes.length] ?? 1;
            pages += 1;
            const entries = await journal.read(["e"], after, maxBytes);
            const page = cutPage(entries, filter, {
              after,
              upTo,
              maxBytes,
              minBytes: 400,
              begins: (place) => marks.includes(place),
            });
            if (page === null) break;
            assert.equal(page.after, after);
            assert.ok(page.last > after && page.last <= upTo);
            // A page ends where another begins, so that both are shared.
            assert.ok(
              !entries.some((entry) => entry.last > after && entry.last < page.last && marks.includes(entry.last)),
            );
            if (page.lastId !== null) ids.push(page.lastId);
            if (page.frames !== null) seen.push(page.frames.bytes.toString());
            after = page.last;
            last = page;
          }
        }
        // The end is told with the events before it, with the id of the last of them, chosen or not.
        const end = last?.endTold ? encodeEnd("failed", own.at(-1)?.id ?? 0) : "";
        assert.equal(seen.join(""), chosen.map(({ frame }) => frame).join("") + end);
        assert.equal(ids.at(-1), own.at(-1)?.id);
        assert.ok(ids.every((id) => own.some((event) => event.id === id)));
        const over = journal.entries.at(-1);
        const ended = over?.kind === "lifecycle" && over.lifecycle.kind === "ended";
        assert.equal(last?.ended ?? null, ended ? "failed" : null);
      },
    ),
    { numRuns: 300 },
  );
});

test("frames after an id are those with a higher one, whether or not the id is there", () => {
  const journal = new MemoryJournal();
  const events = Array.from({ length: 6 }, (_, index) => ({
    type: "completed" as const,
    route: "x",
    text: `${index}`,
  }));
  journal.commit([{ executionId: "e", events }]);
  const all = journal.events;
  for (const holes of [[], [2, 3], [1, 6], [1, 2, 3, 4, 5, 6]]) {
    const there = all.filter(({ id }) => !holes.includes(id));
    const frames = Buffer.from(there.map(({ frame }) => frame).join(""));
    for (let id = 0; id <= 7; id += 1) {
      const rest = there.filter((event) => event.id > id).map(({ frame }) => frame);
      assert.equal(framesAfter(frames, id).toString(), rest.join(""), `after ${id} without ${holes}`);
    }
  }
});

test("that an execution is interrupted is a page's word only if nothing follows", async () => {
  const event: NewEvent = { type: "completed", route: "x", text: "" };
  const word = (...parts: (NewEvent | Lifecycle)[]) => {
    const journal = new MemoryJournal();
    for (const part of parts) {
      if ("kind" in part) journal.commit([{ executionId: "e", events: [], lifecycle: part }]);
      else journal.commit([{ executionId: "e", events: [part] }]);
    }
    const limits = { after: 0, upTo: journal.head, maxBytes: 10_000, minBytes: 0, begins: () => false };
    return cutPage(journal.entries, null, limits)?.interrupted;
  };
  assert.equal(word(event), null);
  assert.equal(word(event, INTERRUPTED), true);
  assert.equal(word(INTERRUPTED, RESUMED), false);
  assert.equal(word(INTERRUPTED, event), false);
  assert.equal(word(RESUMED, event, INTERRUPTED), true);
});
