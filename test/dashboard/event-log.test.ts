import assert from "node:assert/strict";
import { test } from "node:test";
import { EventLog, type LogEntry, PAGE_ENTRIES } from "../../packages/dashboard/src/run/events/event-log.ts";

const EVENTS = Array.from({ length: 40 * PAGE_ENTRIES + 77 }, (_, index): LogEntry => {
  const message = `message-${index}`;
  return {
    id: String(index * 3),
    type: "initiated",
    execution_id: "run",
    message_id: message,
    parent_message_id: null,
    correlation_id: message,
    root_correlation_id: "root",
    route: "a",
    timestamp: "2026-01-01T00:00:00.000Z",
    attempt: 1,
  };
});

/** A log, and what it has read again. */
function logOf(budget: number): { log: EventLog; read: (string | null)[] } {
  const read: (string | null)[] = [];
  const log = new EventLog(async (after, last) => {
    read.push(after);
    const from = after === null ? 0 : EVENTS.findIndex(({ id }) => id === after) + 1;
    return EVENTS.slice(from, EVENTS.findIndex(({ id }) => id === last) + 1);
  }, budget);
  for (let at = 0; at < EVENTS.length; at += 700) log.append(EVENTS.slice(at, at + 700));
  return { log, read };
}

test("every event of a log stays to be looked at, whatever part of it is asked for", async () => {
  const { log, read } = logOf(Number.POSITIVE_INFINITY);
  assert.equal(log.total, EVENTS.length);
  for (const [from, to] of [
    [0, 30],
    [PAGE_ENTRIES - 5, PAGE_ENTRIES + 5],
    [3 * PAGE_ENTRIES, 6 * PAGE_ENTRIES],
    [EVENTS.length - 10, EVENTS.length + 10],
    [-5, 5],
  ] as const) {
    assert.deepEqual(await log.slice(from, to), EVENTS.slice(Math.max(0, from), to));
  }
  assert.deepEqual(log.newest(100), EVENTS.slice(-100));
  assert.deepEqual(read, []);
});

test("a log beyond its budget holds no more than that, and reads again what somebody goes back to", async () => {
  const budget = 500_000;
  const { log, read } = logOf(budget);
  assert.ok(log.kept <= budget);
  assert.deepEqual(await log.slice(10, 40), EVENTS.slice(10, 40));
  assert.deepEqual(read, [null]);
  const middle = 7 * PAGE_ENTRIES + 100;
  assert.deepEqual(await log.slice(middle, middle + 50), EVENTS.slice(middle, middle + 50));
  // Once for those who ask at the same time, and not again for those who stay.
  const [one, other] = await Promise.all([log.slice(5_000, 5_010), log.slice(5_000, 5_010)]);
  assert.deepEqual(one, other);
  assert.deepEqual(await log.slice(middle, middle + 50), EVENTS.slice(middle, middle + 50));
  assert.equal(read.length, 3);
});
