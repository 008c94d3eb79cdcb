import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type AnyAdapter, defineAdapter } from "@millrace/engine";
import { z } from "zod";
import { define, Rig } from "../../../test/support/engine-rig.ts";
import { generate } from "./generate.ts";
import { failure, problems, run, runOne } from "./testing/run-adapter.ts";
import { Pace, throttle } from "./throttle.ts";

describe("throttle", () => {
  test("gives each message a turn of its own, so far apart, in the order in which they come", () => {
    const pace = new Pace(4, 1);
    assert.deepEqual([pace.take("", 1000), pace.take("", 1000), pace.take("", 1100)], [0, 250, 400]);
    assert.deepEqual([pace.take("", 9000), pace.take("", 9000)], [0, 250], "what was not used is not saved up");
    const slow = new Pace(0.5, 1);
    assert.deepEqual([slow.take("", 0), slow.take("", 0)], [0, 2000]);
  });

  test("lets a burst go at once, and after it no more than per_second", () => {
    const pace = new Pace(10, 3);
    assert.deepEqual(
      [0, 0, 0, 0, 0].map((now) => pace.take("", now)),
      [0, 0, 0, 100, 200],
    );
    assert.deepEqual(
      [400, 400, 400].map((now) => pace.take("", now)),
      [0, 0, 100],
      "two are saved up again",
    );
  });

  test("counts each key by itself, and forgets those whose time is over", () => {
    const pace = new Pace(1, 1);
    assert.deepEqual([pace.take("a", 0), pace.take("b", 0), pace.take("a", 0)], [0, 0, 1000]);
    for (let n = 0; n < 100_000; n += 1) pace.take(`key ${n}`, n * 10);
    assert.ok(pace.keys < 5_000, `${pace.keys} keys are known`);
  });

  test("passes every message on, once", async () => {
    await using rig = new Rig();
    const seen: unknown[] = [];
    const collect: AnyAdapter = defineAdapter({
      type: "collect",
      description: "Collects.",
      config: z.any(),
      process: ({ payload }) => void seen.push(payload.index),
    });
    const { status } = await rig.complete(
      define({
        make: { steps: [{ adapter: generate, config: generate.config.parse({ count: 20 }) }], outbound: ["slow"] },
        slow: {
          concurrency: 5,
          steps: [{ adapter: throttle, config: throttle.config.parse({ per_second: 500 }) }, { adapter: collect }],
        },
      }),
    );
    assert.equal(status, "completed");
    // Two that are due at once on a busy machine may overtake each other.
    assert.deepEqual(
      seen.sort((a, b) => Number(a) - Number(b)),
      Array.from({ length: 20 }, (_, index) => index),
    );
  });

  test("ends its wait at once when the run is cancelled", { timeout: 60_000 }, async () => {
    const config = { per_second: 0.001, key: "${host}" };
    const prepared = throttle.prepare?.(throttle.config.parse(config));
    assert.deepEqual(await runOne(throttle, config, { host: "a" }, { prepared }), { host: "a" });
    const control = new AbortController();
    const waiting = run(throttle, config, { host: "a" }, { prepared, signal: control.signal });
    const outcome = assert.rejects(waiting, { name: "AbortError" });
    await runOne(throttle, config, { host: "b" }, { prepared });
    control.abort();
    await outcome;
  });

  test("takes a rate and a burst within bounds, and a key that selects nothing fails without another try", async () => {
    for (const config of [
      {},
      { per_second: 0 },
      { per_second: "x" },
      { per_second: 1, burst: 0 },
      { per_second: 1, key: "" },
    ])
      assert.equal(problems(throttle, config).length, 1, JSON.stringify(config));
    assert.equal((await failure(throttle, { per_second: 1, key: "${no}" })).code, "EXPRESSION_FAILED");
  });
});
