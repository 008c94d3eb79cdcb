import assert from "node:assert/strict";
import { test } from "node:test";
import { HostPace, HostPaused, UNHURRIED } from "./host-pace.ts";
import { retryAfterMs } from "./retry-after.ts";

const never = new AbortController().signal;

test("each 429 or 503 slows a host down by half, and each answer without speeds it up a little, until it is as before", () => {
  let now = 0;
  const pace = new HostPace(() => now);
  const intervals = [429, 503, 429].map((status) => {
    pace.note("a", status, 0);
    now += 1;
    return pace.intervalOf("a");
  });
  assert.deepEqual(intervals, [250, 500, 1000]);
  pace.note("a", 200, null);
  const faster = pace.intervalOf("a");
  assert.ok(faster < 1000 && faster > 500, `${faster}`);
  for (let count = 0; count < 200; count += 1) pace.note("a", 200, null);
  assert.equal(pace.intervalOf("a"), 0);
  assert.equal(pace.intervalOf("b"), 0, "another host is not concerned");
});

test("answers to what was under way when a host asked for a pause count once", () => {
  const pace = new HostPace(() => 0);
  for (let count = 0; count < 5; count += 1) pace.note("a", 429, 10_000);
  assert.equal(pace.intervalOf("a"), 250);
});

test("who would have to wait longer than it may is told for how long", async () => {
  const pace = new HostPace(() => 0);
  pace.note("a", 503, 90_000);
  await assert.rejects(pace.enter("a", UNHURRIED, 60_000, never), (error) => {
    assert.ok(error instanceof HostPaused);
    assert.equal(error.forMs, 90_000);
    return true;
  });
});

test("no more than as many as allowed are under way at a host at once, and the next begins as one ends", async () => {
  const pace = new HostPace();
  const politeness = { intervalMs: 0, concurrency: 2 };
  const leave = await Promise.all([1, 2].map(() => pace.enter("a", politeness, 1000, never)));
  const order: string[] = [];
  const third = pace.enter("a", politeness, 1000, never).then(() => order.push("third"));
  await pace.enter("b", politeness, 1000, never).then(() => order.push("elsewhere"));
  assert.deepEqual(order, ["elsewhere"]);
  leave[0]?.();
  await third;
  assert.deepEqual(order, ["elsewhere", "third"]);
});

test("requests of a polite crawl begin an interval apart", async () => {
  let now = 0;
  const pace = new HostPace(() => now);
  const politeness = { intervalMs: 5, concurrency: 10 };
  await pace.enter("a", politeness, 1000, never);
  let begun = false;
  const second = pace.enter("a", politeness, 1000, never).then(() => {
    begun = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(begun, false, "by the clock of the pace, no time has passed");
  now = 5;
  await second;
});

test("Retry-After is seconds or a date, at most a day; anything else says nothing", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  assert.equal(retryAfterMs("120", now), 120_000);
  assert.equal(retryAfterMs("Thu, 01 Jan 2026 00:01:00 GMT", now), 60_000);
  assert.equal(retryAfterMs("Wed, 31 Dec 2025 00:00:00 GMT", now), 0);
  assert.equal(retryAfterMs("999999999", now), 86_400_000);
  for (const text of [null, "", "soon", "-1", "1.5", "2026-01-01"])
    assert.equal(retryAfterMs(text, now), null, `${text}`);
});
