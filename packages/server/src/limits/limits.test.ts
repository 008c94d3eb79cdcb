import assert from "node:assert/strict";
import { test } from "node:test";
import { Buckets } from "./buckets.ts";
import { FailedAttempts } from "./failed-attempts.ts";
import type { LimitSettings } from "./limits.ts";
import { NodeLimits } from "./node-limits.ts";
import { WorkerShare } from "./worker-limits.ts";

const NONE: LimitSettings = {
  limit_requests_per_second: 0,
  limit_request_burst: 0,
  limit_bytes_per_minute: 0,
  limit_streams: 0,
  limit_runs: 0,
  limit_run_starts_per_minute: 0,
  limit_failed_attempts: 0,
};

test("a bucket gives its burst at once and then its rate, and says exactly when the next token is there", () => {
  const buckets = new Buckets(10, 3);
  assert.deepEqual(
    [1, 2, 3].map(() => buckets.take("a", 0)),
    [0, 0, 0],
  );
  const wait = buckets.take("a", 0);
  assert.equal(wait, 100);
  assert.ok(buckets.take("a", wait - 1) > 0, "a moment before it is not");
  assert.equal(buckets.take("a", wait), 0);
  assert.equal(buckets.take("b", 0), 0, "others are not concerned");
  assert.deepEqual(buckets.look("a", 10_000), { left: 3, fullInMs: 0 });
  for (let second = 0; second < 5; second += 1) {
    let taken = 0;
    for (let at = 0; at < 1000; at += 1) if (buckets.take("c", 20_000 + second * 1000 + at) === 0) taken += 1;
    assert.equal(taken, second === 0 ? 12 : 10, "3 and what flows in; then what flows in");
  }
});

test("what is given back can be taken again", () => {
  const buckets = new Buckets(1, 2);
  for (let each = 0; each < 10; each += 1) {
    assert.equal(buckets.take("a", 0), 0);
    buckets.giveBack("a");
  }
  buckets.giveBack("b");
  assert.deepEqual(buckets.look("a", 0), { left: 2, fullInMs: 0 });
  assert.deepEqual(buckets.look("b", 0), { left: 2, fullInMs: 0 });
});

test("what was used already is charged afterwards, and nobody owes more than a bucket holds", () => {
  const buckets = new Buckets(1, 60);
  buckets.charge("a", 59, 0);
  assert.equal(buckets.emptyFor("a", 0), 0);
  buckets.charge("a", 11, 0);
  assert.equal(buckets.emptyFor("a", 0), 10_000);
  assert.equal(buckets.emptyFor("a", 10_000), 0);
  buckets.charge("a", 1e12, 0);
  assert.equal(buckets.emptyFor("a", 0), 60_000);
});

test("however many addresses call, the memory of them is bounded, and who calls all the time is not forgotten", () => {
  const buckets = new Buckets(0.001, 1, 100);
  assert.equal(buckets.take("busy", 0), 0);
  for (let each = 0; each < 10_000; each += 1) {
    buckets.take(`address ${each}`, 0);
    // Refused, and so not written: only what is let through makes it the latest.
    if (each % 50 === 0) buckets.charge("busy", 0, 0);
  }
  assert.ok(buckets.take("busy", 0) > 0);
  assert.equal(buckets.take("address 0", 0), 0, "one that has not called for long may again");
});

test("wrong credentials are free at first, then cost a second, and twice as long each time; rest makes up for it", () => {
  const attempts = new FailedAttempts(3);
  for (let each = 0; each < 3; each += 1) attempts.failed("a", 0);
  assert.equal(attempts.blockedFor("a", 0), 0);
  const penalties = [];
  let now = 0;
  for (let each = 0; each < 12; each += 1) {
    attempts.failed("a", now);
    const penalty = attempts.blockedFor("a", now);
    penalties.push(penalty / 1000);
    now += penalty;
    assert.equal(attempts.blockedFor("a", now), 0);
  }
  assert.deepEqual(penalties, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
  assert.equal(attempts.blockedFor("b", 0), 0);
  attempts.failed("a", now + 16 * 60_000);
  assert.equal(attempts.blockedFor("a", now + 16 * 60_000), 0);
});

test("a caller's requests and bytes are refused beyond their limits, and let through when it is time", () => {
  let now = 0;
  const settings = { ...NONE, limit_requests_per_second: 1, limit_request_burst: 2, limit_bytes_per_minute: 600 };
  const limits = new NodeLimits(
    settings,
    async () => true,
    () => now,
  );
  assert.deepEqual(limits.request("a"), { refusal: null, requests: { quota: 2, left: 1, fullInMs: 1000 } });
  limits.request("a");
  assert.deepEqual(limits.request("a").refusal, { limit: "requests", retryAfterMs: 1000 });
  now = 1000;
  assert.equal(limits.request("a").refusal, null);
  limits.charge("a", 650);
  now = 2000;
  assert.deepEqual(limits.request("a").refusal, { limit: "bytes", retryAfterMs: 4000 });
  now = 6000;
  assert.equal(limits.request("a").refusal, null);
});

test("a caller may have so many runs that are not over; which are is found out when it matters", async () => {
  const over = new Set<string>();
  let asked = 0;
  const limits = new NodeLimits({ ...NONE, limit_runs: 2 }, async (id) => {
    asked += 1;
    if (id === "lost") throw new Error("the database is away");
    return over.has(id);
  });
  const start = async (id: string | null) => {
    const refusal = await limits.startRun("a");
    if (refusal === null) limits.runStarted("a", id);
    return refusal?.limit ?? null;
  };
  assert.deepEqual([await start("one"), await start(null), await start("lost")], [null, null, null]);
  assert.equal(asked, 0);
  assert.equal(await start("three"), "runs");
  over.add("one");
  assert.equal(await start("three"), null);
  assert.equal(await start("four"), "runs", "what cannot be looked up counts");
  // Two that come at once do not both get the last place.
  over.add("three");
  const both = await Promise.all([limits.startRun("a"), limits.startRun("a")]);
  assert.deepEqual(both.map((each) => each?.limit ?? null).sort(), [null, "runs"].sort());
  assert.equal(await limits.startRun("b"), null);
});

test("streams count from open to close, and those of a worker that dies are given back", async () => {
  const limits = new NodeLimits({ ...NONE, limit_streams: 2 }, async () => true);
  const worker = new WorkerShare(limits);
  assert.equal(await worker.handlers.limitOpen({ caller: "a" }), null);
  assert.equal(limits.open("a"), null);
  assert.equal(limits.open("a")?.limit, "streams");
  assert.equal((await worker.handlers.limitOpen({ caller: "a" }))?.limit, "streams");
  assert.equal(limits.open("b"), null);
  worker.leave();
  assert.equal(limits.open("a"), null);
  worker.handlers.limitClosed({ caller: "a" });
  assert.equal(limits.open("a")?.limit, "streams", "one that was given back is not given back again");
});

test("0 is no limit", async () => {
  const limits = new NodeLimits(NONE, async () => false);
  for (let each = 0; each < 100; each += 1) {
    assert.deepEqual(limits.request("a"), { refusal: null, requests: null });
    assert.equal(limits.open("a"), null);
    assert.equal(await limits.startRun("a"), null);
    limits.runStarted("a", "x");
    limits.charge("a", 1e9);
    limits.attemptFailed("a");
  }
  assert.equal(limits.attempt("a"), null);
});
