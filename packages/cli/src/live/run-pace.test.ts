import assert from "node:assert/strict";
import { test } from "node:test";
import { RateMeter } from "./rate-meter.ts";
import { upstreamOf } from "./route-links.ts";
import { PaceMeter } from "./run-pace.ts";
import type { Counts, RunState } from "./run-state.ts";

const IDLE: Counts = { queued: 0, running: 0, retrying: 0, done: 0, failed: 0 };

function state(routes: Record<string, Partial<Counts>>): RunState {
  const all = Object.entries(routes).map(([route, counts]) => ({ route, ...IDLE, ...counts }));
  const sum = (of: keyof Counts) => all.reduce((total, counts) => total + counts[of], 0);
  return {
    status: "running",
    routes: all,
    queued: sum("queued"),
    running: sum("running"),
    retrying: sum("retrying"),
    done: sum("done"),
    failed: sum("failed"),
  };
}

test("a rate is of what was done of late, not since the beginning", () => {
  const meter = new RateMeter();
  assert.equal(meter.add(0, 0), null, "nothing is known yet");
  let rate: number | null = null;
  for (let at = 100; at <= 20_000; at += 100) rate = meter.add(at / 10, at);
  assert.equal(Math.round(rate ?? 0), 100);
  for (let at = 20_100; at <= 30_000; at += 100) rate = meter.add(2_000 + (at - 20_000) / 100, at);
  assert.equal(Math.round(rate ?? 0), 10, "once it has become slow");
  for (let at = 30_100; at <= 100_000; at += 100) rate = meter.add(2_100, at);
  assert.equal(rate, 0, "and when nothing goes on any more");
});

test("what is done seldom has a rate that does not jump between nothing and much", () => {
  const meter = new RateMeter();
  const rates: number[] = [];
  for (let at = 0; at <= 120_000; at += 250) {
    const rate = meter.add(Math.floor(at / 4_000), at);
    if (at > 45_000 && rate !== null) rates.push(rate);
  }
  assert.ok(Math.min(...rates) > 0.2 && Math.max(...rates) < 0.3, `${Math.min(...rates)} … ${Math.max(...rates)}`);
});

test("messages that are taken back to be retried make no rate below zero", () => {
  const meter = new RateMeter();
  for (let at = 0; at <= 6_000; at += 250) meter.add(at / 10, at);
  for (let at = 6_250; at <= 8_000; at += 250) assert.ok((meter.add(100, at) ?? 0) >= 0);
});

const CHAIN = upstreamOf({
  routes: {
    make: { outbound: ["sort"] },
    sort: { adapters: [{ type: "switch", config: { cases: [{ when: "a", to: "even" }], default: "odd" } }] },
    even: {},
    odd: { outbound: "odd" },
  },
});

test("an ETA is shown only where nothing can be added to what is left to do", () => {
  const pace = new PaceMeter(CHAIN);
  pace.measure(state({ make: { running: 1 }, sort: {}, even: {} }), 0);
  const early = pace.measure(
    state({ make: { running: 1 }, sort: { queued: 50, done: 50 }, even: { queued: 10, done: 30 } }),
    1_000,
  );
  assert.equal(early.routes.get("sort")?.etaMs, null, "what comes before it is still at work");
  assert.equal(early.routes.get("even")?.etaMs, null, "also over several steps, by a name in a config");
  assert.equal(early.etaMs, null);

  const later = pace.measure(
    state({ make: { done: 1 }, sort: { queued: 50, done: 100 }, even: { queued: 10, done: 40 } }),
    2_000,
  );
  assert.equal(Math.round(later.routes.get("sort")?.etaMs ?? 0), 1_000);
  assert.equal(later.routes.get("even")?.etaMs, null);
  assert.equal(later.etaMs, null, "it may send on what nobody has counted");

  const last = pace.measure(state({ make: { done: 1 }, sort: { done: 150 }, even: { queued: 40, done: 60 } }), 3_000);
  assert.equal(Math.round(last.routes.get("even")?.etaMs ?? 0), 2_000);
  assert.equal(last.etaMs, last.routes.get("even")?.etaMs);

  const circle = pace.measure(state({ odd: { queued: 10, done: 20 } }), 4_000);
  assert.equal(circle.routes.get("odd")?.etaMs, null, "a route that sends to itself may go on for ever");
});

test("a pipeline's document without routes, or with junk for them, leads nowhere", () => {
  for (const document of [undefined, null, [], { routes: [1] }, { routes: { a: 5 } }])
    assert.deepEqual(
      [...upstreamOf(document).values()].flatMap((from) => [...from]),
      [],
    );
});
