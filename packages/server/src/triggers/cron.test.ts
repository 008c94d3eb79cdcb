import assert from "node:assert/strict";
import { test } from "node:test";
import type { CronSpec } from "@millrace/protocol";
import { dateAndTime, lastDue, nextDue, readCron } from "./cron.ts";

const BERLIN = "Europe/Berlin";

test("a time that the clock leaves out in spring is due right after the gap, once", () => {
  assert.deepEqual(dues("30 2 * * *", BERLIN, "2026-03-28T00:00:00Z", 3), [
    "2026-03-28T01:30:00.000Z",
    "2026-03-29T01:00:00.000Z",
    "2026-03-30T00:30:00.000Z",
  ]);
  assert.deepEqual(dues("*/30 * * * *", BERLIN, "2026-03-29T00:00:00Z", 3), [
    "2026-03-29T00:30:00.000Z",
    "2026-03-29T01:00:00.000Z",
    "2026-03-29T01:30:00.000Z",
  ]);
});

test("a time that the clock shows twice in autumn is due the first time, and what is due every half hour goes on", () => {
  assert.deepEqual(dues("30 2 * * *", BERLIN, "2026-10-24T22:00:00Z", 2), [
    "2026-10-25T00:30:00.000Z",
    "2026-10-26T01:30:00.000Z",
  ]);
  assert.deepEqual(dues("*/30 * * * *", BERLIN, "2026-10-25T00:00:00Z", 4), [
    "2026-10-25T00:30:00.000Z",
    "2026-10-25T01:00:00.000Z",
    "2026-10-25T01:30:00.000Z",
    "2026-10-25T02:00:00.000Z",
  ]);
});

test("over years of clock changes, what was due last before any time is what had been due next before it", () => {
  for (const zone of [BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]) {
    const cron = spec("45 1,2 * * *", zone);
    let at = Date.parse("2026-01-01T00:00:00Z");
    const first = nextDue(cron, at) ?? Number.NaN;
    for (let count = 0; count < 900; count += 1) {
      const due = nextDue(cron, at);
      assert.ok(due !== null && due > at);
      assert.equal(lastDue(cron, first, due), due, `${zone} ${new Date(due).toISOString()}`);
      assert.equal(lastDue(cron, first, due + 59_000), due);
      at = due;
    }
  }
});

test("an expression that never is due has no next time, and one that cannot be read is told apart", () => {
  assert.equal(nextDue(spec("0 0 30 2 *", "UTC"), 0), null);
  assert.throws(() => readCron(spec("* * * * * *", "UTC")), /exactly 5 parts/);
  assert.throws(() => readCron(spec("* * * * *", "Mars/Base")), /no time zone/);
});

test("date and time of a tag are those of the zone", () => {
  const at = Date.parse("2026-03-29T01:00:00Z");
  assert.deepEqual(dateAndTime(at, BERLIN), { date: "2026-03-29", time: "030000" });
});

function spec(expression: string, timeZone: string): CronSpec {
  return { expression, time_zone: timeZone, missed: "once" };
}

function dues(expression: string, timeZone: string, from: string, count: number): string[] {
  const found: string[] = [];
  for (let at: number | null = Date.parse(from); found.length < count; ) {
    at = nextDue(spec(expression, timeZone), at);
    assert.ok(at !== null);
    found.push(new Date(at).toISOString());
  }
  return found;
}
