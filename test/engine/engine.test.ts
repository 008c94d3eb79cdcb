import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  AdapterError,
  type AnyAdapter,
  compileExpression,
  defineAdapter,
  type Emits,
  type Journal,
  type Message,
  routeTo,
} from "@millrace/engine";
import { type ExecutionEvent, emptyProgress, foldEvent, type JsonObject } from "@millrace/protocol";
import { z } from "zod";
import { define, Rig } from "../support/engine-rig.ts";

/** An adapter made of a function. */
function adapter(type: string, process: (message: Message, signal: AbortSignal) => Emits | Promise<Emits>): AnyAdapter {
  return defineAdapter({
    type,
    description: type,
    config: z.any(),
    process: (message, { signal }) => process(message, signal),
  });
}

const pass = adapter("pass", ({ payload }) => payload);
const generate = (count: number) =>
  adapter("generate", function* () {
    for (let index = 0; index < count; index += 1) yield { index };
  });
const batch = (size: number, timeoutMs = 60_000): AnyAdapter =>
  defineAdapter({ type: "batch", description: "batch", config: z.any(), gather: () => ({ size, timeoutMs }) });

const of = (events: readonly ExecutionEvent[], route: string, type: string) =>
  events.filter((event) => event.route === route && event.type === type);
const failures = (events: readonly ExecutionEvent[]) =>
  events.flatMap((event) => (event.type === "failed" ? [event] : []));

/** A journal whose appends go through `append`. */
function standingBefore(journal: Journal, append: Journal["append"]): Journal {
  return new Proxy(journal, {
    get(target, name) {
      if (name === "append") return append;
      // Its methods and accessors reach private state, so that they must be the target's own.
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

describe("an execution", () => {
  test("takes each message through its chain, and every route named in outbound gets each that leaves it", async () => {
    await using rig = new Rig();
    const { events, status } = await rig.complete(
      define({
        a: { steps: [{ adapter: generate(3) }, { adapter: pass }], outbound: ["b", "c"] },
        b: { steps: [{ adapter: pass }] },
        c: { steps: [{ adapter: pass }] },
      }),
    );
    assert.equal(status, "completed");
    assert.equal(of(events, "b", "completed").length, 3);
    assert.equal(of(events, "c", "completed").length, 3);
    assert.equal(of(events, "a", "processing").length, 2, "once per adapter that runs");
    const [done] = of(events, "a", "completed");
    assert.deepEqual(done?.type === "completed" && done.emitted, { b: 3, c: 3 });
    const [first] = events;
    for (const event of of(events, "b", "initiated")) assert.equal(event.parent_message_id, first?.message_id);
    const progress = emptyProgress();
    for (const event of events) foldEvent(progress, event);
    assert.deepEqual([progress.outstanding, progress.completed, progress.announced], [0, 7, 7]);
  });

  test("skips an adapter whose condition is false, and says nothing of it", async () => {
    await using rig = new Rig();
    const { events } = await rig.complete(
      define({
        a: {
          steps: [
            { adapter: generate(4) },
            { adapter: adapter("odd", () => []), when: compileExpression("index % 2 = 1") },
          ],
          outbound: ["b"],
        },
        b: { steps: [{ adapter: pass, when: compileExpression("index > 100") }] },
      }),
    );
    assert.equal(of(events, "b", "completed").length, 2);
    assert.equal(of(events, "b", "processing").length, 0);
  });

  test("retries with a later attempt, and gives up with will_retry false", async () => {
    await using rig = new Rig();
    const flaky = adapter("flaky", ({ attempt, payload }) => {
      if (attempt <= 2) throw new AdapterError("NOT_YET", "Not yet.");
      return payload;
    });
    const { events, status } = await rig.complete(define({ a: { steps: [{ adapter: flaky }] } }));
    assert.equal(status, "completed");
    assert.deepEqual(
      events.map((event) => `${event.type} ${event.attempt}`),
      [
        "initiated 1",
        "processing 1",
        "failed 1",
        "initiated 2",
        "processing 2",
        "failed 2",
        "initiated 3",
        "processing 3",
        "completed 3",
      ],
    );
    assert.deepEqual(
      failures(events).map((event) => [event.error.code, event.will_retry, event.adapter]),
      [
        ["NOT_YET", true, "flaky"],
        ["NOT_YET", true, "flaky"],
      ],
    );
    const hopeless = adapter("hopeless", () => {
      throw new AdapterError("NEVER", "Never.");
    });
    const failed = await rig.complete(
      define({ a: { steps: [{ adapter: hopeless }], errorHandling: { maxRetries: 1 } } }),
    );
    assert.equal(failed.status, "failed");
    assert.deepEqual(
      failures(failed.events).map((event) => event.will_retry),
      [true, false],
    );
  });

  test("tries a message again no earlier than its adapter says, whatever max_delay_seconds is", async () => {
    await using rig = new Rig();
    const begun: number[] = [];
    const asked = adapter("asked", ({ attempt }) => {
      begun.push(performance.now());
      if (attempt === 1) throw new AdapterError("WAIT", "Later.", { retryAfterMs: 100 });
      return [];
    });
    const { status } = await rig.complete(define({ a: { steps: [{ adapter: asked }] } }));
    assert.equal(status, "completed");
    const [first = 0, second = 0] = begun;
    // The route's own longest wait is 5 ms. A timer may be a millisecond early.
    assert.ok(second - first >= 98, `${second - first}`);
  });

  test("skips the retries of an error that is not retryable, and goes on with on_error: continue", async () => {
    await using rig = new Rig();
    const picky = adapter("picky", ({ payload }) => {
      if (payload.index === 1) throw new AdapterError("NO", "No.", { retryable: false });
      return payload;
    });
    const { events, status } = await rig.complete(
      define({
        a: { steps: [{ adapter: generate(3) }], outbound: ["b"] },
        b: { steps: [{ adapter: picky }], errorHandling: { onError: "continue" } },
      }),
    );
    assert.equal(status, "completed");
    assert.equal(failures(events).length, 1);
    assert.equal(of(events, "b", "completed").length, 2);
  });

  test("fails with the message on on_error: fail: what is in flight finishes, nothing new is taken", async () => {
    await using rig = new Rig();
    const slow = adapter("slow", async ({ payload }) => {
      if (payload.index === 0) throw new AdapterError("NO", "No.", { retryable: false });
      await new Promise((resolve) => setTimeout(resolve, 30));
      return payload;
    });
    const { id, events, status } = await rig.complete(
      define({
        a: { steps: [{ adapter: generate(20) }], outbound: ["b"] },
        b: { steps: [{ adapter: slow }], concurrency: 3 },
      }),
    );
    assert.equal(status, "failed");
    const taken = of(events, "b", "initiated").length;
    assert.ok(taken < 20, `${taken} were taken`);
    assert.equal(of(events, "b", "completed").length, taken - 1);
    const record = await rig.store.records.getExecution(id);
    assert.equal(record?.errorInfo?.code, "NO");
    assert.equal(record?.errorInfo?.route, "b");
  });

  test("fails what an adapter emits or throws beyond the rules, with a clear error", async () => {
    const wrong: [string, AnyAdapter][] = [
      ["INVALID_EMIT", adapter("text", () => "text" as unknown as Emits)],
      ["INVALID_EMIT", adapter("numbers", () => [1, 2] as unknown as Emits)],
      ["INVALID_EMIT", adapter("bytes", () => new Uint8Array(3) as unknown as Emits)],
      [
        "INVALID_EMIT",
        adapter("circle", () => {
          const circle: Record<string, unknown> = {};
          circle.self = circle;
          return circle as JsonObject;
        }),
      ],
      ["INVALID_EMIT", adapter("bigint", () => ({ big: 1n }) as unknown as Emits)],
      ["UNKNOWN_ROUTE", adapter("nowhere", () => [routeTo("nowhere", {})])],
      ["MESSAGE_TOO_LARGE", adapter("large", () => ({ text: "x".repeat(2_000_000) }))],
      [
        "ADAPTER_ERROR",
        adapter("nothing", () => {
          throw undefined;
        }),
      ],
      [
        "ADAPTER_ERROR",
        adapter("word", () => {
          throw "a word";
        }),
      ],
      ["ADAPTER_ERROR", adapter("object", () => Promise.reject({ odd: true }))],
      [
        "ADAPTER_ERROR",
        adapter("late", async function* () {
          yield {};
          throw new Error("late");
        }),
      ],
    ];
    await using rig = new Rig();
    for (const [code, each] of wrong) {
      const { events, status } = await rig.complete(
        define({
          a: { steps: [{ adapter: each }], outbound: ["b"], errorHandling: { maxRetries: 0 } },
          b: { steps: [{ adapter: pass }] },
        }),
      );
      assert.equal(status, "failed", each.type);
      assert.equal(failures(events).at(0)?.error.code, code, each.type);
    }
    assert.deepEqual(rig.faults, []);
  });

  test("ends an adapter that takes too long, also one that ignores the signal", async () => {
    await using rig = new Rig();
    const hang = adapter("hang", () => new Promise<Emits>(() => {}));
    const heed = adapter(
      "heed",
      (_, signal) =>
        new Promise<Emits>((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    );
    for (const each of [hang, heed]) {
      const { events, status } = await rig.complete(
        define({ a: { steps: [{ adapter: each }], errorHandling: { timeoutMs: 20, maxRetries: 1 } } }),
      );
      assert.equal(status, "failed");
      assert.deepEqual(
        failures(events).map((event) => event.error.code),
        ["ADAPTER_TIMEOUT", "ADAPTER_TIMEOUT"],
      );
    }
  });

  test("an adapter that was abandoned cannot write any more", async () => {
    await using rig = new Rig();
    let goOn = () => {};
    const late = adapter("late", async function* ({ attempt }) {
      if (attempt === 1)
        await new Promise<void>((resolve) => {
          goOn = resolve;
        });
      yield { from: attempt };
    });
    const { events } = await rig.complete(
      define({
        a: { steps: [{ adapter: late }], outbound: ["b"], errorHandling: { timeoutMs: 20 } },
        b: { steps: [{ adapter: pass }] },
      }),
    );
    goOn();
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(of(events, "b", "completed").length, 1);
    assert.equal(of(events, "a", "completed").length, 1);
  });

  test("emits the same messages once, however often its step is done again", async () => {
    await using rig = new Rig();
    const ids = new Set<string>();
    const halfway = adapter("halfway", async function* ({ attempt }) {
      for (let index = 0; index < 30; index += 1) {
        if (index === 20 && attempt === 1) {
          await new Promise((resolve) => setTimeout(resolve, 20));
          throw new AdapterError("HALFWAY", "Halfway.");
        }
        yield { index };
      }
    });
    const collect = adapter("collect", ({ id }) => {
      ids.add(id);
    });
    const { events, status } = await rig.complete(
      define(
        { a: { steps: [{ adapter: halfway }], outbound: ["b"] }, b: { steps: [{ adapter: collect }], concurrency: 4 } },
        {},
        { maxFanoutPending: 7 },
      ),
    );
    assert.equal(status, "completed");
    assert.equal(ids.size, 30);
    assert.equal(of(events, "b", "completed").length, 30);
    const [done] = of(events, "a", "completed");
    assert.deepEqual(done?.type === "completed" && done.emitted, { b: 30 });
  });

  test("tells an adapter which of a message's payloads it is given, the same again on the next attempt", async () => {
    await using rig = new Rig();
    const seen: string[] = [];
    const note = adapter("note", ({ attempt, piece, payload }) => {
      seen.push(`attempt ${attempt}, piece ${piece}, of ${JSON.stringify(payload)}`);
      if (attempt === 1 && piece === 1) throw new Error("once");
      return payload;
    });
    const { status } = await rig.complete(define({ a: { steps: [{ adapter: generate(2) }, { adapter: note }] } }));
    assert.equal(status, "completed");
    assert.deepEqual(seen, [
      'attempt 1, piece 0, of {"index":0}',
      'attempt 1, piece 1, of {"index":1}',
      'attempt 2, piece 0, of {"index":0}',
      'attempt 2, piece 1, of {"index":1}',
    ]);
  });

  test("never has more messages in flight than its route and its limits allow", async () => {
    await using rig = new Rig();
    let inFlight = 0;
    let most = 0;
    const count = adapter("count", async ({ payload }) => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      await new Promise((resolve) => setTimeout(resolve, 1));
      inFlight -= 1;
      return payload;
    });
    const routes = (concurrency: number) => ({
      a: { steps: [{ adapter: generate(60) }], outbound: ["b"] },
      b: { steps: [{ adapter: count }], concurrency },
    });
    await rig.complete(define(routes(5)));
    assert.equal(most, 5);
    most = 0;
    await rig.complete(define(routes(50), {}, { maxHandlers: 9 }));
    assert.ok(most <= 9 && most >= 8, `${most} at once`);
  });

  test("ends a message that goes in circles by the hop limit, and an execution by its message limit", async () => {
    await using rig = new Rig();
    const circle = await rig.complete(
      define({ a: { steps: [{ adapter: pass }], outbound: ["a"] } }, {}, { maxHops: 20 }),
    );
    assert.equal(circle.status, "failed");
    assert.equal(failures(circle.events)[0]?.error.code, "HOP_LIMIT_EXCEEDED");
    assert.equal(of(circle.events, "a", "completed").length, 20);
    const many = await rig.complete(
      define(
        { a: { steps: [{ adapter: generate(100) }], outbound: ["b"] }, b: { steps: [{ adapter: pass }] } },
        {},
        { maxMessages: 50, maxFanoutPending: 10 },
      ),
    );
    assert.equal(many.status, "failed");
    assert.equal(failures(many.events)[0]?.error.code, "MESSAGE_LIMIT_EXCEEDED");
  });

  test("gathers messages into batches, the rest when nothing more can come", async () => {
    await using rig = new Rig();
    const sizes: number[] = [];
    const measure = adapter("measure", ({ payload }) => {
      sizes.push(Array.isArray(payload.items) ? payload.items.length : -1);
    });
    const { events, status } = await rig.complete(
      define({
        a: { steps: [{ adapter: generate(25) }], outbound: ["b"] },
        b: { steps: [{ adapter: pass }, { adapter: batch(10) }], outbound: ["c"] },
        c: { steps: [{ adapter: measure }] },
      }),
    );
    assert.equal(status, "completed");
    assert.deepEqual(
      sizes.sort((a, b) => a - b),
      [5, 10, 10],
    );
    assert.equal(of(events, "b", "completed").length, 25);
  });

  test("lets go of a batch that does not fill after its time", async () => {
    await using rig = new Rig();
    const sizes: number[] = [];
    const trickle = adapter("trickle", async function* () {
      yield { index: 1 };
      while (sizes.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      yield { index: 2 };
    });
    const measure = adapter("measure", ({ payload }) => {
      sizes.push(Array.isArray(payload.items) ? payload.items.length : -1);
    });
    await rig.complete(
      define({
        a: { steps: [{ adapter: trickle }], outbound: ["b"] },
        b: { steps: [{ adapter: batch(10, 50) }, { adapter: measure }] },
      }),
    );
    assert.deepEqual(sizes, [1, 1]);
  });

  test("an adapter that gathers and has code of its own is given each batch, and emits in the name of its first message", async () => {
    await using rig = new Rig();
    const seen: unknown[] = [];
    const both: AnyAdapter = defineAdapter({
      type: "both",
      description: "both",
      config: z.any(),
      gather: () => ({ size: 10, timeoutMs: 60_000 }),
      process: ({ payload }, { countUsage }) => {
        const items = Array.isArray(payload.items) ? payload.items : [];
        assert.equal(typeof countUsage, "function");
        return items.map((item, place) => ({ item, place }));
      },
    });
    const { events, status } = await rig.complete(
      define({
        a: { steps: [{ adapter: generate(25) }], outbound: ["b"] },
        b: { steps: [{ adapter: pass }, { adapter: both }, { adapter: pass }], outbound: ["c"] },
        c: { steps: [{ adapter: adapter("see", ({ payload }) => void seen.push(payload.place)) }] },
      }),
    );
    assert.equal(status, "completed");
    assert.equal(seen.length, 25);
    assert.equal(Math.max(...seen.map(Number)), 9);
    assert.deepEqual(
      of(events, "b", "completed").filter((event) => event.type === "completed" && event.batched_into === undefined)
        .length,
      3,
    );
  });

  test("what steps use of models stands in the event that ends the attempt, whether it completes or fails", async () => {
    await using rig = new Rig();
    const uses: AnyAdapter = defineAdapter({
      type: "uses",
      description: "uses",
      config: z.any(),
      process: ({ attempt }, context) => {
        context.countUsage({ requests: 1, input_tokens: 100, cost: 0.1 });
        context.countUsage({ cached: 2, cost: 0.2 });
        if (attempt === 1) throw new AdapterError("LATER", "Not yet.");
        return {};
      },
    });
    const { events } = await rig.complete(define({ a: { steps: [{ adapter: pass }, { adapter: uses }] } }));
    const used = { requests: 1, cached: 2, input_tokens: 100, output_tokens: 0, cost: 0.3 };
    const ended = events.filter((event) => event.type === "failed" || event.type === "completed");
    assert.deepEqual(
      ended.map((event) => event.usage),
      [[{ ...used, adapter: "uses", adapter_index: 1 }], [{ ...used, adapter: "uses", adapter_index: 1 }]],
    );
    const progress = events.reduce(foldEvent, emptyProgress("a"));
    assert.deepEqual(progress.routes.a?.adapters[1]?.usage, {
      requests: 2,
      cached: 4,
      input_tokens: 200,
      output_tokens: 0,
      cost: 0.6,
    });
    assert.equal(progress.routes.a?.adapters[0]?.usage, undefined);
  });

  test("a batch that fails fails every message in it", async () => {
    await using rig = new Rig();
    const refuse = adapter("refuse", () => {
      throw new AdapterError("NO", "No.", { retryable: false });
    });
    const { events, status } = await rig.complete(
      define({
        a: { steps: [{ adapter: generate(6) }], outbound: ["b"] },
        b: {
          steps: [{ adapter: batch(3) }, { adapter: refuse }],
          outbound: ["a"],
          errorHandling: { onError: "continue" },
        },
      }),
    );
    assert.equal(status, "completed");
    assert.equal(of(events, "b", "failed").length, 6);
  });

  test("is cancelled: running adapters are told, those that ignore it abandoned, gathered messages settled", async () => {
    await using rig = new Rig();
    const told: string[] = [];
    const heed = adapter(
      "heed",
      (_, signal) =>
        new Promise<Emits>((_resolve, reject) =>
          signal.addEventListener("abort", () => {
            told.push("heed");
            reject(signal.reason);
          }),
        ),
    );
    const hang = adapter("hang", () => new Promise<Emits>(() => {}));
    const id = await rig.run(
      define({
        a: { steps: [{ adapter: generate(2) }], outbound: ["heed", "hang", "gather"] },
        heed: { steps: [{ adapter: heed }] },
        hang: { steps: [{ adapter: hang }], outbound: ["gather"] },
        gather: { steps: [{ adapter: batch(10) }], concurrency: 2 },
      }),
    );
    while ((await rig.events(id)).filter((event) => event.type === "processing").length < 5)
      await new Promise((resolve) => setTimeout(resolve, 5));
    const record = await rig.engine.stop(id, "cancelled", null);
    assert.equal(record.status, "cancelled");
    assert.deepEqual(told, ["heed"]);
    const events = await rig.events(id);
    assert.deepEqual(
      failures(events).map((event) => [event.error.code, event.will_retry]),
      Array(4).fill(["CANCELLED", false]),
    );
    await assert.rejects(rig.engine.stop(id, "failed", null), /STATUS|only a running/);
    assert.deepEqual(rig.faults, []);
  });

  test("leaves no message waiting for another attempt when it is cancelled or fails", async () => {
    for (const end of ["cancelled", "failed"] as const) {
      await using rig = new Rig();
      const doomed = adapter("doomed", async () => {
        while (failures(await rig.events(id)).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
        throw new AdapterError("DOOMED", "no", { retryable: false });
      });
      const flaky = adapter("flaky", () => {
        throw new Error("not now");
      });
      const id: string = await rig.run(
        define({
          a: { steps: [{ adapter: generate(1) }], outbound: end === "failed" ? ["flaky", "doomed"] : ["flaky"] },
          flaky: { steps: [{ adapter: flaky }], errorHandling: { retryDelayMs: 60_000, maxDelayMs: 60_000 } },
          doomed: { steps: [{ adapter: doomed }] },
        }),
      );
      while (failures(await rig.events(id)).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      if (end === "cancelled") await rig.engine.stop(id, "cancelled", null);
      assert.ok(await rig.engine.wait(id, 60_000));
      assert.equal(await rig.status(id), end);
      assert.deepEqual(
        (await rig.events(id))
          .filter((event) => event.route === "flaky" && event.type !== "processing")
          .map((event) => [event.type, event.attempt, ...(event.type === "failed" ? [event.will_retry] : [])]),
        [
          ["initiated", 1],
          ["failed", 1, true],
          ["initiated", 2],
          ["failed", 2, false],
        ],
      );
      assert.equal((await rig.engine.progress(id))?.open.size, 0);
      assert.deepEqual(rig.faults, []);
    }
  });

  test("goes on after a restart from its last transition, and nothing is in the journal twice", async () => {
    await using rig = new Rig();
    const slow = adapter("slow", async ({ payload }) => {
      await new Promise((resolve) => setTimeout(resolve, 2));
      return payload;
    });
    const id = await rig.run(
      define({
        a: { steps: [{ adapter: generate(200) }], outbound: ["b"] },
        b: { steps: [{ adapter: slow }, { adapter: pass }], concurrency: 3, outbound: ["c"] },
        c: { steps: [{ adapter: batch(7) }] },
      }),
    );
    for (let restart = 0; restart < 4; restart += 1) {
      await new Promise((resolve) => setTimeout(resolve, 40));
      await rig.reopen();
    }
    assert.ok(await rig.engine.wait(id, 60_000));
    const events = await rig.events(id);
    const keys = events.map(
      (event) =>
        `${event.message_id} ${event.type} ${event.attempt} ${event.type === "processing" ? event.adapter_index : ""}`,
    );
    assert.equal(new Set(keys).size, keys.length);
    assert.equal(of(events, "b", "completed").length, 200);
    assert.equal(of(events, "c", "completed").length, 200);
    assert.equal(await rig.status(id), "completed");
  });

  test("stays cancelled when the process dies while it comes to its end", async () => {
    await using rig = new Rig({ abandonAfterMs: 1_000 });
    const hang = adapter("hang", () => new Promise<Emits>(() => {}));
    const id = await rig.run(define({ a: { steps: [{ adapter: hang }] } }));
    while ((await rig.events(id)).length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    rig.engine.stop(id, "cancelled", null).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 20));
    await rig.reopen();
    assert.ok(await rig.engine.wait(id, 60_000));
    assert.equal(await rig.status(id), "cancelled");
    assert.deepEqual(
      (await rig.events(id)).map((event) => event.type),
      ["initiated", "processing", "failed"],
    );
  });

  test("fails, rather than to run on for ever, when the journal refuses what happened", async () => {
    let completed = 0;
    await using rig = new Rig({}, ({ journal }) =>
      standingBefore(journal, (transition) => {
        if (!transition.events.some((event) => event.type === "completed" && event.route === "two"))
          return journal.append(transition);
        completed += 1;
        return completed === 2 ? Promise.reject(new Error("it does not fit")) : journal.append(transition);
      }),
    );
    const { id, status } = await rig.complete(
      define({ one: { steps: [{ adapter: generate(5) }], outbound: ["two"] }, two: { steps: [{ adapter: pass }] } }),
    );
    assert.equal(status, "failed");
    const record = await rig.store.records.getExecution(id);
    assert.deepEqual(record?.errorInfo, {
      code: "INTERNAL",
      message: "The journal refused what happened: it does not fit",
    });
  });

  test("retries a message only when the journal has its failure, however long the commit takes", async () => {
    await using rig = new Rig({}, ({ journal }) =>
      standingBefore(journal, async (transition) => {
        if (transition.events.some((event) => event.type === "failed")) {
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        return journal.append(transition);
      }),
    );
    const flaky = adapter("flaky", ({ attempt }) => {
      if (attempt < 3) throw new AdapterError("NOT_YET", "Not yet.");
    });
    const { events, status } = await rig.complete(define({ a: { steps: [{ adapter: flaky }], concurrency: 2 } }));
    assert.equal(status, "completed");
    assert.deepEqual(
      events.filter((event) => event.type !== "processing").map((event) => `${event.type} ${event.attempt}`),
      ["initiated 1", "failed 1", "initiated 2", "failed 2", "initiated 3", "completed 3"],
    );
  });

  test("gives a message up that was in flight at ten deaths of the process, but not for having been shut down", async () => {
    for (const end of ["death", "shutdown"] as const) {
      await using rig = new Rig();
      let patience = 13;
      const slow = adapter("slow", () => {
        patience -= 1;
        return patience > 0 ? new Promise<Emits>(() => {}) : undefined;
      });
      const id = await rig.run(define({ a: { steps: [{ adapter: slow }] } }));
      for (let times = 0; times < 12 && (await rig.status(id)) === "running"; times += 1) {
        while ((await rig.events(id)).length < 2) await new Promise((resolve) => setTimeout(resolve, 2));
        const before = patience;
        if (end === "death") await rig.die();
        else await rig.reopen();
        while (patience === before && (await rig.status(id)) === "running")
          await new Promise((resolve) => setTimeout(resolve, 2));
      }
      assert.ok(await rig.engine.wait(id, 60_000));
      const events = await rig.events(id);
      assert.deepEqual(
        failures(events).map(({ error }) => error.code),
        end === "death" ? ["CRASH_LOOP"] : [],
      );
      assert.equal(await rig.status(id), end === "death" ? "failed" : "completed");
      assert.deepEqual(rig.faults, []);
    }
  });

  test("without a first message completes at once", async () => {
    await using rig = new Rig();
    const { events, status } = await rig.complete(define({ a: { steps: [{ adapter: pass }] } }), {
      skipInitMessage: true,
    });
    assert.deepEqual([events.length, status], [0, "completed"]);
  });
});
