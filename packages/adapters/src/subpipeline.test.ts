import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AdapterError, type AnyAdapter, defineAdapter } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import { z } from "zod";
import { define, Rig } from "../../../test/support/engine-rig.ts";
import { eventually } from "../../../test/support/eventually.ts";
import { generate } from "./generate.ts";
import { subpipeline } from "./subpipeline.ts";
import { failure } from "./testing/run-adapter.ts";

const step = (adapter: AnyAdapter, config: JsonObject = {}) => ({ adapter, config: adapter.config.parse(config) });

const make = (type: string, process: NonNullable<AnyAdapter["process"]>): AnyAdapter =>
  defineAdapter({ type, description: "For a test.", config: z.any(), process });

/** A pipeline that runs the child for its first message, and hands on what comes of it. */
function parent(config: JsonObject, seen: JsonObject[], retries = 0) {
  return define(
    {
      run: {
        steps: [step(subpipeline, { config: "child", ...config })],
        outbound: ["collect"],
        errorHandling: { maxRetries: retries, timeoutMs: 60_000 },
      },
      collect: { steps: [{ adapter: make("collect", ({ payload }) => void seen.push(payload)) }] },
    },
    { wanted: 3 },
  );
}

async function childrenOf(rig: Rig, id: string) {
  const { items } = await rig.store.records.listExecutions({
    parentExecutionId: id,
    sortOrder: "asc",
    limit: 100,
    offset: 0,
  });
  return items;
}

describe("subpipeline", () => {
  test("runs a stored config with the message as its first payload, and goes on when that is over", async () => {
    await using rig = new Rig();
    const got: JsonObject[] = [];
    const firsts: JsonObject[] = [];
    const seen: JsonObject[] = [];
    rig.configs.set(
      "child",
      define(
        {
          first: {
            steps: [
              {
                adapter: make("take", ({ payload }) => {
                  firsts.push(payload);
                  return payload;
                }),
              },
            ],
            outbound: ["many"],
          },
          many: { steps: [step(generate, { count: 4 })], outbound: ["end"] },
          end: { steps: [{ adapter: make("end", ({ payload }) => void got.push(payload)) }] },
        },
        { own: true },
      ),
    );
    const { id, status } = await rig.complete(parent({ payload: '{"n": wanted}' }, seen));
    assert.equal(status, "completed");
    const [child, ...more] = await childrenOf(rig, id);
    assert.ok(child !== undefined && more.length === 0);
    assert.equal(got.length, 4);
    assert.deepEqual(seen, [
      { wanted: 3, subpipeline: { execution_id: child.id, status: "completed", completed: 6, failed: 0 } },
    ]);
    assert.equal(child.parentExecutionId, id);
    assert.equal(child.replaySource, null);
    assert.deepEqual(firsts, [{ own: true, n: 3 }]);
  });

  test("has one child, whenever the process dies", async () => {
    for (let commits = 1; commits < 16; commits += 2) {
      await using rig = new Rig();
      const seen: JsonObject[] = [];
      rig.configs.set(
        "child",
        define({
          many: { steps: [step(generate, { count: 5 })], outbound: ["end"] },
          end: { steps: [{ adapter: make("end", () => undefined) }] },
        }),
      );
      const crash = rig.crashAfter(commits);
      const id = await rig.run(parent({}, seen));
      await crash;
      assert.ok(await rig.engine.wait(id, 30_000), `after ${commits} commits`);
      assert.equal(await rig.status(id), "completed");
      const children = await childrenOf(rig, id);
      assert.deepEqual(
        children.map(({ status }) => status),
        ["completed"],
        `after ${commits} commits`,
      );
      const ends = (await rig.events(children[0]?.id ?? "")).filter(
        ({ type, route }) => type === "completed" && route === "end",
      );
      assert.equal(ends.length, 5);
    }
  });

  test("fails its message where the child fails, or goes on and says so", async () => {
    const broken = make("broken", () => {
      throw new AdapterError("BROKEN", "It is broken.", { retryable: false });
    });
    await using rig = new Rig();
    rig.configs.set("child", define({ only: { steps: [{ adapter: broken }] } }));
    const seen: JsonObject[] = [];
    const { events, status } = await rig.complete(parent({}, seen));
    assert.equal(status, "failed");
    const errors = events.flatMap((event) => (event.type === "failed" ? [event.error] : []));
    assert.equal(errors[0]?.code, "SUBPIPELINE_FAILED");
    assert.match(errors[0]?.message ?? "", /"child" ended as failed .*BROKEN, It is broken/);
    await rig.complete(parent({ on_failure: "emit" }, seen));
    assert.equal(Object(seen[0]?.subpipeline).status, "failed");
    assert.equal(Object(seen[0]?.subpipeline).error.code, "BROKEN");
  });

  test("starts another child on another attempt, where a failure is worth one", async () => {
    let runs = 0;
    const once = make("once", ({ payload }) => {
      runs += 1;
      if (runs === 1) throw new AdapterError("BROKEN", "It is broken.", { retryable: false });
      return payload;
    });
    await using rig = new Rig();
    rig.configs.set("child", define({ only: { steps: [{ adapter: once }] } }));
    const seen: JsonObject[] = [];
    const { id, status } = await rig.complete(parent({ retry: true }, seen, 3));
    assert.equal(status, "completed");
    assert.deepEqual(
      (await childrenOf(rig, id)).map((child) => child.status),
      ["failed", "completed"],
    );
  });

  test("cancels its child when it is cancelled, and leaves it at a shutdown", async () => {
    await using rig = new Rig();
    const gate = Promise.withResolvers<void>();
    const wait = make("wait", async (_, { signal }) => {
      signal.addEventListener("abort", () => gate.reject(signal.reason), { once: true });
      await gate.promise;
      return undefined;
    });
    gate.promise.catch(() => undefined);
    rig.configs.set("child", define({ only: { steps: [{ adapter: wait }] } }));
    const id = await rig.run(parent({}, []));
    const running = async () => {
      const [child] = await childrenOf(rig, id);
      assert.equal(child?.status, "running");
      return child;
    };
    await eventually(running);
    const [before] = await childrenOf(rig, id);
    await rig.reopen();
    const [after, ...more] = await childrenOf(rig, id);
    assert.ok(more.length === 0 && after?.id === before?.id && after?.status === "running");
    await rig.engine.stop(id, "cancelled", null);
    await eventually(async () => assert.equal((await childrenOf(rig, id))[0]?.status, "cancelled"));
  });

  test("cancels a child that takes longer than the step may", async () => {
    await using rig = new Rig();
    const hang = make(
      "hang",
      (_, { signal }) => new Promise((_, no) => signal.addEventListener("abort", () => no(signal.reason))),
    );
    rig.configs.set("child", define({ only: { steps: [{ adapter: hang }] } }));
    const definition = define({
      run: { steps: [step(subpipeline, { config: "child" })], errorHandling: { maxRetries: 0, timeoutMs: 50 } },
    });
    const { id, events } = await rig.complete(definition);
    assert.ok(events.some((event) => event.type === "failed" && event.error.code === "ADAPTER_TIMEOUT"));
    await eventually(async () => assert.equal((await childrenOf(rig, id))[0]?.status, "cancelled"));
  });
});

describe("subpipeline refuses", () => {
  const code = async (rig: Rig, config: JsonObject) => {
    const { events } = await rig.complete(parent(config, []));
    return events.flatMap((event) => (event.type === "failed" ? [event.error.code] : []))[0];
  };

  test("a config that is not stored, and a payload that is no object", async () => {
    await using rig = new Rig();
    assert.equal(await code(rig, { config: "nobody" }), "SUBPIPELINE_NOT_FOUND");
    assert.equal(await code(rig, { payload: "wanted" }), "PAYLOAD_INVALID");
  });

  test("a pipeline that runs itself without end", async () => {
    await using rig = new Rig();
    rig.configs.set("child", parent({}, []));
    const { id, status } = await rig.complete(parent({}, []));
    assert.equal(status, "failed");
    let depth = 0;
    let at: string | undefined = id;
    while (at !== undefined) {
      const [child]: { id: string }[] = await childrenOf(rig, at);
      at = child?.id;
      if (at !== undefined) depth += 1;
    }
    assert.equal(depth, 8);
  });

  test("to wait for ever for a place: it begins when there is one", async () => {
    await using rig = new Rig({ maxExecutions: 2 });
    const gate = Promise.withResolvers<void>();
    rig.configs.set("child", define({ only: { steps: [{ adapter: make("end", () => undefined) }] } }));
    const other = await rig.run(
      define({ only: { steps: [{ adapter: make("wait", () => gate.promise.then(() => null)) }] } }),
    );
    const seen: JsonObject[] = [];
    const id = await rig.run(parent({}, seen));
    gate.resolve();
    assert.ok(await rig.engine.wait(other, 30_000));
    assert.ok(await rig.engine.wait(id, 30_000));
    assert.equal(await rig.status(id), "completed");
  });

  test("to lock up where all that may run wait for a place for a child", async () => {
    await using rig = new Rig({ maxExecutions: 2 });
    rig.configs.set("child", define({ only: { steps: [{ adapter: make("end", () => undefined) }] } }));
    const gate = Promise.withResolvers<void>();
    const seen: JsonObject[] = [];
    const waits = () =>
      define({
        run: {
          steps: [
            { adapter: make("wait", ({ payload }) => gate.promise.then(() => payload)) },
            step(subpipeline, { config: "child" }),
          ],
          outbound: ["collect"],
        },
        collect: { steps: [{ adapter: make("collect", ({ payload }) => void seen.push(payload)) }] },
      });
    const ids = [await rig.run(waits()), await rig.run(waits())];
    gate.resolve();
    for (const id of ids) assert.ok(await rig.engine.wait(id, 30_000));
    assert.equal(seen.length, 2);
  });

  test("to run in a thread", async () => {
    assert.equal((await failure(subpipeline, { config: "child" })).code, "ISOLATION_UNSUITABLE");
  });
});
