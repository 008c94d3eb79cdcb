import assert from "node:assert/strict";
import type { ExecutionEvent } from "@millrace/protocol";
import type { Random } from "../support/random.ts";

/** A pipeline, and what must have become of it whatever happened to the process on the way. */
export interface Shape {
  readonly name: string;
  readonly yaml: string;
  /** Routes that a client with a filter asks for. */
  readonly chosen: readonly string[];
  readonly status: "completed" | "failed" | "cancelled";
  /** Messages settled per route: completed, failed. Null where the moment of the end decides. */
  readonly settled: Readonly<Record<string, readonly [number, number]>> | null;
  /** Attempts that failed and were followed by another one; null where the moment of the end decides. */
  readonly retries: number | null;
  /** How many objects there must be; undefined where it writes none. */
  readonly objects?: number;
  /** What else must be so. */
  check?(events: readonly ExecutionEvent[]): void;
}

const range = (count: number) => Array.from({ length: count }, (_, index) => index);
const among = (count: number, matches: (index: number) => boolean) => range(count).filter(matches).length;

/** One execution of every shape: they run at once. */
export function shapes(random: Random): Shape[] {
  const size = () => random.between(120, 260);
  return [
    fanOut(size()),
    retries(size()),
    batches(size()),
    switched(size()),
    goesOn(size()),
    fails(size()),
    stores(size()),
    endless(),
  ];
}

function fanOut(count: number): Shape {
  return {
    name: "fan-out, in small commits",
    chosen: ["left", "end"],
    status: "completed",
    yaml: `
version: "1.0"
limits: { max_fanout_pending: 20 }
routes:
  make: { adapters: [{ type: generate, config: { count: ${count * 4} } }], outbound: [left, right] }
  left: { inbound: { concurrency: 4 }, adapters: [{ type: delay, config: { seconds: 0.001 } }], outbound: [end] }
  right: { inbound: { concurrency: 4 }, adapters: [{ type: filter, config: { when: "index % 2 = 0" } }], outbound: [end] }
  end: { inbound: { concurrency: 4 }, adapters: [{ type: filter, config: { when: "false" } }] }
init_message: { route: make }
`,
    settled: {
      make: [1, 0],
      left: [count * 4, 0],
      right: [count * 4, 0],
      end: [count * 4 + count * 2, 0],
    },
    retries: 0,
  };
}

function retries(count: number): Shape {
  const once = among(count, (index) => index % 5 === 1);
  const twice = among(count, (index) => index % 5 === 2);
  const hopeless = among(count, (index) => index % 20 === 4);
  return {
    name: "retries",
    chosen: ["work", "end"],
    status: "completed",
    yaml: `
version: "1.0"
error_handling: { max_retries: 2, retry_delay_seconds: 0.05, on_error: continue }
routes:
  make: { adapters: [{ type: generate, config: { count: ${count} } }], outbound: [work] }
  work:
    inbound: { concurrency: 6 }
    adapters:
      - { type: delay, config: { seconds: 0.002 } }
      - { type: fail, name: once, config: { when: "index % 5 = 1", attempts: 1 } }
      - { type: fail, name: twice, config: { when: "index % 5 = 2", attempts: 2 } }
      - { type: fail, name: hopeless, config: { when: "index % 20 = 4" } }
    outbound: [end]
  end: { adapters: [{ type: filter, config: { when: "false" } }] }
init_message: { route: make }
`,
    settled: { make: [1, 0], work: [count - hopeless, hopeless], end: [count - hopeless, 0] },
    retries: once + 2 * twice + 2 * hopeless,
  };
}

function batches(count: number): Shape {
  return {
    name: "batches, taken apart again",
    chosen: ["gather"],
    status: "completed",
    yaml: `
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: ${count} } }], outbound: [gather] }
  gather:
    inbound: { concurrency: 2 }
    adapters:
      - { type: delay, config: { seconds: 0.002 } }
      - { type: batch, config: { size: 7, seconds: 0.2 } }
    outbound: [apart]
  apart: { inbound: { concurrency: 2 }, adapters: [{ type: split, config: { field: items } }], outbound: [end] }
  end: { inbound: { concurrency: 3 }, adapters: [{ type: log, config: { level: debug } }] }
init_message: { route: make }
`,
    // How many batches there are depends on when it was killed; that each message is in one of them does not.
    settled: { make: [1, 0], gather: [count, 0], end: [count, 0] },
    retries: 0,
  };
}

function switched(count: number): Shape {
  const thirds = among(count, (index) => index % 3 === 0);
  const halves = among(count, (index) => index % 3 !== 0 && index % 2 === 0);
  return {
    name: "switch, with a condition",
    chosen: ["sort", "rest"],
    status: "completed",
    yaml: `
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: ${count} } }], outbound: [sort] }
  sort:
    inbound: { concurrency: 3 }
    adapters:
      - { type: delay, condition: { when: "index % 4 = 0" }, config: { seconds: 0.008 } }
      - { type: switch, config: { cases: [{ when: "index % 3 = 0", to: thirds }, { when: "index % 2 = 0", to: halves }], default: rest } }
  thirds: { adapters: [{ type: json_transform, config: { expression: '{ "parts": [1, 2, 3] }' } }, { type: split, config: { field: parts } }], outbound: [rest] }
  halves: { adapters: [{ type: log, config: { level: debug } }] }
  rest: { inbound: { concurrency: 4 }, adapters: [{ type: delay, config: { seconds: 0.001 } }] }
init_message: { route: make }
`,
    settled: {
      make: [1, 0],
      sort: [count, 0],
      thirds: [thirds, 0],
      halves: [halves, 0],
      rest: [count - thirds - halves + 3 * thirds, 0],
    },
    retries: 0,
    check(events) {
      const slow = events.filter((event) => event.type === "processing" && event.adapter === "delay");
      const expected = among(count, (index) => index % 4 === 0) + count - thirds - halves + 3 * thirds;
      assert.equal(slow.length, expected, "an adapter begins once for each message that it is for");
    },
  };
}

function goesOn(count: number): Shape {
  const failed = among(count, (index) => index % 7 === 3);
  return {
    name: "on_error: continue",
    chosen: ["work"],
    status: "completed",
    yaml: `
version: "1.0"
error_handling: { max_retries: 0, on_error: continue }
routes:
  make: { adapters: [{ type: generate, config: { count: ${count} } }], outbound: [work] }
  work:
    inbound: { concurrency: 2 }
    adapters:
      - { type: delay, config: { seconds: 0.004 } }
      - { type: fail, config: { when: "index % 7 = 3", retryable: false, code: NO_LUCK } }
    outbound: [end]
  end: { adapters: [{ type: log, config: { level: debug } }] }
init_message: { route: make }
`,
    settled: { make: [1, 0], work: [count - failed, failed], end: [count - failed, 0] },
    retries: 0,
  };
}

/** Each message writes an object, and most write over another's. */
function stores(count: number): Shape {
  return {
    name: "objects",
    chosen: ["keep"],
    status: "completed",
    objects: count + 5,
    yaml: `
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: ${count} } }], outbound: [keep, again] }
  keep: { inbound: { concurrency: 4 }, adapters: [{ type: store_write, config: { name: "\${index}.json" } }] }
  again:
    inbound: { concurrency: 2 }
    adapters: [{ type: json_transform, config: { expression: '{ "name": index % 5, "index": index }' } }, { type: store_write, config: { name: "\${name}.json" } }]
init_message: { route: make }
`,
    settled: { make: [1, 0], keep: [count, 0], again: [count, 0] },
    retries: 0,
  };
}

function fails(count: number): Shape {
  const last = Math.floor(count / 2);
  return {
    name: "on_error: fail",
    chosen: ["work"],
    status: "failed",
    yaml: `
version: "1.0"
error_handling: { max_retries: 1, retry_delay_seconds: 0.02, on_error: fail }
routes:
  make: { adapters: [{ type: generate, config: { count: ${count} } }], outbound: [work] }
  work:
    adapters:
      - { type: delay, config: { seconds: 0.01 } }
      - { type: fail, config: { when: "index = ${last}", code: THE_END } }
init_message: { route: make }
`,
    settled: null,
    retries: 1,
    check(events) {
      const failed = events.filter((event) => event.type === "failed" && !event.will_retry);
      assert.equal(failed[0]?.type === "failed" && failed[0].error.code, "THE_END");
      // The route takes one at a time; what is taken while the failed one waits for its retry may get done.
      const completed = events.filter((event) => event.type === "completed" && event.route === "work").length;
      assert.ok(completed >= last && completed < count, `${completed} of ${count} were completed before the failure`);
    },
  };
}

/** It would take minutes: the campaign cancels it. */
function endless(): Shape {
  return {
    name: "cancelled",
    chosen: ["work", "flaky"],
    status: "cancelled",
    yaml: `
version: "1.0"
error_handling: { retry_delay_seconds: 30, jitter: false, on_error: continue }
routes:
  make: { adapters: [{ type: generate, config: { count: 5000 } }], outbound: [work, flaky, gather] }
  work: { inbound: { concurrency: 3 }, adapters: [{ type: delay, config: { seconds: 0.05 } }] }
  flaky: { inbound: { concurrency: 1 }, adapters: [{ type: delay, config: { seconds: 0.03 } }, { type: fail, config: { when: "index % 2 = 0" } }] }
  gather: { adapters: [{ type: delay, config: { seconds: 0.02 } }, { type: batch, config: { size: 50, seconds: 60 } }] }
init_message: { route: make }
`,
    settled: null,
    retries: null,
  };
}
