import assert from "node:assert/strict";
import { test } from "node:test";
import { EVENT_TYPES, type EventType, encodeFrame } from "@millrace/protocol";
import fc from "fast-check";
import { EventFilter } from "./frame-filter.ts";

const ROUTES = ["parse", "route", "constructor", "a-b", "pars"];

/** Text that would be taken for something else if it were not escaped, and text of several bytes a letter. */
const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    ',"route":"parse"',
    '","route":"parse"',
    "\n\nevent: failed\n",
    '\\","route":"',
    "é中🙂",
    '{"route":"parse"}',
  ),
);

const event = fc.record({
  type: fc.constantFrom(...EVENT_TYPES),
  route: fc.constantFrom(...ROUTES),
  message: text,
  adapter: text,
  emitted: fc.dictionary(fc.constantFrom(...ROUTES), fc.nat(9)),
});

interface Told {
  readonly type: EventType;
  readonly route: string;
  readonly frame: string;
}

function told(events: readonly (typeof event extends fc.Arbitrary<infer E> ? E : never)[]): Told[] {
  return events.map(({ type, route, message, adapter, emitted }, index) => {
    const data = { execution_id: "e", parent: message, route, type, adapter, emitted, error: { code: "X", message } };
    return { type, route, frame: encodeFrame(type, JSON.stringify(data), index + 1) };
  });
}

const types = fc.uniqueArray(fc.constantFrom(...EVENT_TYPES));
const routes = fc.uniqueArray(fc.constantFrom(...ROUTES));

test("a choice on the bytes is the choice that one would make of the parsed events, whatever their texts say", () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 12 }), types, routes, (events, types, routes) => {
      const all = told(events);
      const bytes = Buffer.from(all.map(({ frame }) => frame).join(""));
      const chosen = all.filter(
        ({ type, route }) =>
          (types.length === 0 || types.includes(type)) && (routes.length === 0 || routes.includes(route)),
      );
      const filter = EventFilter.of(types, routes);
      const kept = filter === null ? bytes : filter.apply(bytes);
      assert.equal(kept.toString(), chosen.map(({ frame }) => frame).join(""));
    }),
    { numRuns: 500 },
  );
});

test("a choice of nothing in particular is none, and the same choice in another order has the same key", () => {
  assert.equal(EventFilter.of([], []), null);
  const one = EventFilter.of(["failed", "completed", "failed"], ["b", "a"]);
  const other = EventFilter.of(["completed", "failed"], ["a", "b", "b"]);
  assert.equal(one?.key, other?.key);
  assert.notEqual(one?.key, EventFilter.of(["completed", "failed"], [])?.key);
  assert.notEqual(EventFilter.of([], ["a,b"])?.key, EventFilter.of([], ["a", "b"])?.key);
});
