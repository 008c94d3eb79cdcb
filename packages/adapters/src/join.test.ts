import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AdapterError, type AnyAdapter, compileExpression, defineAdapter } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import { z } from "zod";
import { define, Rig, type RouteInput } from "../../../test/support/engine-rig.ts";
import { eventually } from "../../../test/support/eventually.ts";
import { generate } from "./generate.ts";
import { join } from "./join.ts";
import { split } from "./split.ts";
import { problems } from "./testing/run-adapter.ts";

const step = (adapter: AnyAdapter, config: JsonObject = {}) => ({ adapter, config: adapter.config.parse(config) });

/** Hands payloads to the test. */
function collector() {
  const seen: JsonObject[] = [];
  const adapter: AnyAdapter = defineAdapter({
    type: "collect",
    description: "Collects.",
    config: z.any(),
    process: ({ payload }) => void seen.push(payload),
  });
  return { seen, adapter };
}

/** Fails for the given numbers while it is told to. */
function failing(numbers: readonly number[]) {
  const state = { on: true };
  const adapter: AnyAdapter = defineAdapter({
    type: "work",
    description: "Works.",
    config: z.any(),
    process({ payload }) {
      if (state.on && numbers.includes(Number(payload.value))) {
        throw new AdapterError("BROKEN", "It is broken.", { retryable: false });
      }
      return payload;
    },
  });
  return { state, adapter };
}

interface Setup {
  readonly work?: AnyAdapter;
  readonly join?: JsonObject;
  readonly collect: AnyAdapter;
  readonly onError?: "fail" | "continue";
}

/** Lists are split, their elements worked on, and put together again. */
function pipeline({ work = failing([]).adapter, join: config = {}, collect, onError = "continue" }: Setup) {
  const errorHandling = { maxRetries: 0, onError };
  const routes: Record<string, RouteInput> = {
    cut: { steps: [step(split, { field: "items", part_field: "part" })], outbound: ["work"] },
    work: { steps: [{ adapter: work }], outbound: ["whole"], concurrency: 4, errorHandling },
    whole: { steps: [step(join, config)], outbound: ["collect"], errorHandling },
    collect: { steps: [{ adapter: collect }] },
  };
  return routes;
}

const values = (whole: JsonObject | undefined) =>
  (Array.isArray(whole?.items) ? whole.items : []).map((item) => Object(item).value);

describe("join", () => {
  test("sends one message for all parts of a split, in their order, as soon as all are there", async () => {
    await using rig = new Rig();
    const { seen, adapter } = collector();
    const { id, status, events } = await rig.complete(
      define(pipeline({ collect: adapter, join: { timeout_seconds: 3600 } }), { items: [10, 20, 30] }),
    );
    assert.equal(status, "completed");
    assert.equal(seen.length, 1);
    assert.deepEqual(values(seen[0]), [10, 20, 30]);
    assert.deepEqual([seen[0]?.count, seen[0]?.missing], [3, []]);
    assert.equal(seen[0]?.group, events[0]?.message_id);
    // The parts are settled together with what they became.
    const joined = events.filter(({ type, route }) => type === "completed" && route === "whole");
    assert.equal(joined.length, 3);
    assert.equal((await rig.engine.progress(id))?.failed, 0);
  });

  test("keeps wholes apart, and the order of none matters to the others", async () => {
    await using rig = new Rig();
    const { seen, adapter } = collector();
    const lists = defineAdapter({
      type: "lists",
      description: "Makes lists.",
      config: z.any(),
      process: ({ payload }) => ({
        items: Array.from({ length: 5 }, (_, index) => Number(payload.index) * 10 + index),
      }),
    });
    await rig.complete(
      define({
        make: { steps: [step(generate, { count: 50 }), { adapter: lists }], outbound: ["cut"] },
        ...pipeline({ collect: adapter }),
      }),
    );
    assert.equal(seen.length, 50);
    for (const whole of seen) {
      const [first] = values(whole);
      assert.deepEqual(
        values(whole),
        [0, 1, 2, 3, 4].map((index) => Number(first) + index),
      );
    }
    assert.equal(new Set(seen.map((whole) => values(whole)[0])).size, 50);
  });

  test("joins on the same route what a step before it has split", async () => {
    await using rig = new Rig();
    const { seen, adapter } = collector();
    const steps = [step(split, { field: "items", part_field: "part" }), step(join, { keep: ["index"] })];
    await rig.complete(
      define({ one: { steps, outbound: ["collect"] }, collect: { steps: [{ adapter }] } }, { items: [1, 2] }),
    );
    assert.deepEqual(seen.map(values), [[1, 2]]);
    assert.equal(seen[0]?.index, 0);
  });

  test("has each whole once whenever the process dies", async () => {
    for (let commits = 1; commits < 30; commits += 2) {
      await using rig = new Rig();
      const { adapter } = collector();
      const definition = define(pipeline({ collect: adapter }), { items: [1, 2, 3, 4, 5] });
      const crash = rig.crashAfter(commits);
      const id = await rig.run(definition);
      await crash;
      assert.ok(await rig.engine.wait(id, 30_000));
      const events = await rig.events(id);
      const done = events.filter(({ type, route }) => type === "completed" && route === "collect");
      assert.equal(done.length, 1, `after ${commits} commits`);
      assert.equal(await rig.status(id), "completed");
    }
  });
});

describe("a whole of which a part has failed", () => {
  test("fails when nothing more can come, and says which part is missing", async () => {
    await using rig = new Rig();
    const { seen, adapter } = collector();
    const { status, events } = await rig.complete(
      define(pipeline({ work: failing([20]).adapter, collect: adapter, join: { timeout_seconds: 3600 } }), {
        items: [10, 20, 30],
      }),
    );
    assert.equal(status, "completed");
    assert.deepEqual(seen, []);
    const failed = events.flatMap((event) => (event.type === "failed" && event.route === "whole" ? [event] : []));
    assert.equal(failed.length, 2);
    assert.equal(failed[0]?.error.code, "JOIN_INCOMPLETE");
    assert.equal(failed[0]?.adapter, "join");
    assert.match(failed[0]?.error.message ?? "", /Of 3 parts of ".*", 1 are missing \(1\): nothing more can come/);
  });

  test("is whole after all once everything that failed is retried", async () => {
    await using rig = new Rig();
    const { seen, adapter } = collector();
    const { state, adapter: work } = failing([20]);
    const { id } = await rig.complete(define(pipeline({ work, collect: adapter }), { items: [10, 20, 30] }));
    state.on = false;
    const { record } = await rig.engine.retry(id, { filter: {} });
    assert.ok(record !== null && (await rig.engine.wait(record.id, 30_000)));
    assert.deepEqual(seen.map(values), [[10, 20, 30]]);
  });

  test("goes on without it where that is wanted", async () => {
    await using rig = new Rig();
    const { seen, adapter } = collector();
    await rig.complete(
      define(pipeline({ work: failing([20]).adapter, collect: adapter, join: { partial: "emit" } }), {
        items: [10, 20, 30],
      }),
    );
    assert.deepEqual(values(seen[0]), [10, 30]);
    assert.deepEqual(seen[0]?.missing, [1]);
  });

  test("fails the execution where a failure is to do that", async () => {
    await using rig = new Rig();
    const { adapter } = collector();
    const lossy = defineAdapter({
      type: "lossy",
      description: "Drops one.",
      config: z.any(),
      process: ({ payload }) => (payload.value === 2 ? undefined : payload),
    });
    const { status } = await rig.complete(
      define(pipeline({ work: lossy, collect: adapter, onError: "fail" }), { items: [1, 2] }),
    );
    assert.equal(status, "failed");
  });
});

describe("a part that is slow", () => {
  /** Holds the part 2 until it is let go. */
  function held() {
    const gate = Promise.withResolvers<void>();
    const adapter: AnyAdapter = defineAdapter({
      type: "held",
      description: "Holds.",
      config: z.any(),
      async process({ payload }) {
        if (payload.value === 2) await gate.promise;
        return payload;
      },
    });
    return { open: gate.resolve, adapter };
  }

  test("is not waited for longer than it may be, and fails when it comes", async () => {
    await using rig = new Rig();
    const { seen, adapter } = collector();
    const { open, adapter: work } = held();
    const id = await rig.run(
      define(pipeline({ work, collect: adapter, join: { partial: "emit", timeout_seconds: 0.05 } }), {
        items: [1, 2, 3],
      }),
    );
    await eventually(() => assert.equal(seen.length, 1));
    assert.deepEqual(values(seen[0]), [1, 3]);
    open();
    assert.ok(await rig.engine.wait(id, 30_000));
    const codes = (await rig.events(id)).flatMap((event) => (event.type === "failed" ? [event.error.code] : []));
    assert.deepEqual(codes, ["JOIN_PART_LATE"]);
    assert.equal(seen.length, 1);
  });

  test("ends with the execution where that is cancelled", async () => {
    await using rig = new Rig();
    const { adapter } = collector();
    const { open, adapter: work } = held();
    const id = await rig.run(define(pipeline({ work, collect: adapter }), { items: [1, 2, 3] }));
    await eventually(async () => assert.equal((await rig.engine.depths(id)).whole, 2));
    await rig.engine.stop(id, "cancelled", null);
    open();
    assert.equal(await rig.status(id), "cancelled");
  });
});

describe("join refuses", () => {
  async function codes(payloads: JsonObject[], config: JsonObject = {}) {
    await using rig = new Rig();
    const { adapter } = collector();
    const make = defineAdapter({ type: "make", description: "Makes.", config: z.any(), process: () => payloads });
    const { events } = await rig.complete(
      define({
        make: { steps: [{ adapter: make }], outbound: ["whole"] },
        whole: { steps: [step(join, config)], outbound: ["collect"], errorHandling: { onError: "continue" } },
        collect: { steps: [{ adapter }] },
      }),
    );
    return events.flatMap((event) => (event.type === "failed" ? [event.error.code] : []));
  }

  test("what is no part, or says another count than the others", async () => {
    assert.deepEqual(await codes([{}]), ["JOIN_PART_INVALID"]);
    assert.deepEqual(await codes([{ part: { group: "a", index: 3, count: 3 } }]), ["JOIN_PART_INVALID"]);
    assert.deepEqual(
      await codes([
        { part: { group: "a", index: 0, count: 2 } },
        { part: { group: "a", index: 1, count: 3 } },
        { part: { group: "a", index: 1, count: 2 } },
      ]),
      ["JOIN_PART_INVALID"],
    );
  });

  test("wholes of too many parts, and waits for the oldest no more where too much is held", async () => {
    assert.deepEqual(await codes([{ part: { group: "a", index: 0, count: 11 } }], { max_parts: 10 }), [
      "JOIN_TOO_LARGE",
    ]);
    const halves = ["a", "b", "c"].map((group) => ({ part: { group, index: 0, count: 2 } }));
    const others = ["b", "c"].map((group) => ({ part: { group, index: 1, count: 2 } }));
    assert.deepEqual(await codes([...halves, ...others], { max_held: 2 }), ["JOIN_INCOMPLETE"]);
    assert.equal(problems(join, { partial: "drop" }).length, 1);
  });

  test("a condition lets a message past it, as with every adapter", async () => {
    await using rig = new Rig();
    const { seen, adapter } = collector();
    await rig.complete(
      define({
        whole: { steps: [{ ...step(join), when: compileExpression("false") }], outbound: ["collect"] },
        collect: { steps: [{ adapter }] },
      }),
    );
    assert.deepEqual(seen, [{}]);
  });
});
