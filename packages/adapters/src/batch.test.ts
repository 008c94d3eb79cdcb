import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type AnyAdapter, defineAdapter } from "@millrace/engine";
import { z } from "zod";
import { define, Rig } from "../../../test/support/engine-rig.ts";
import { batch } from "./batch.ts";
import { generate } from "./generate.ts";
import { problems } from "./testing/run-adapter.ts";

/** Runs `count` messages through a batch, and returns what came out. */
async function batches(count: number, config: unknown): Promise<unknown[]> {
  await using rig = new Rig();
  const seen: unknown[] = [];
  const collect: AnyAdapter = defineAdapter({
    type: "collect",
    description: "Collects.",
    config: z.any(),
    process: ({ payload }) => void seen.push(payload),
  });
  const { status } = await rig.complete(
    define({
      make: { steps: [{ adapter: generate, config: generate.config.parse({ count }) }], outbound: ["gather"] },
      gather: { steps: [{ adapter: batch, config: batch.config.parse(config) }], outbound: ["collect"] },
      collect: { steps: [{ adapter: collect }] },
    }),
  );
  assert.equal(status, "completed");
  return seen;
}

describe("batch", () => {
  test("makes one message of so many, in their order, and of the rest when nothing more can come", async () => {
    const started = performance.now();
    assert.deepEqual(await batches(5, { size: 2, seconds: 3600 }), [
      { items: [{ index: 0 }, { index: 1 }] },
      { items: [{ index: 2 }, { index: 3 }] },
      { items: [{ index: 4 }] },
    ]);
    assert.ok(performance.now() - started < 60_000, "the rest does not wait for its time");
  });

  test("holds no more bytes than it may, unless one message alone has more", async () => {
    // {"index":0} are 11 bytes, and one for the comma.
    const made = await batches(7, { size: 100, max_bytes: 36, seconds: 3600 });
    assert.deepEqual(
      made.map((each) => Object(each).items.length),
      [3, 3, 1],
    );
    assert.equal((await batches(3, { size: 100, max_bytes: 1 })).length, 3);
  });

  test("of nothing makes nothing, and of one message a batch of one", async () => {
    assert.deepEqual(await batches(0, { size: 2 }), []);
    assert.deepEqual(await batches(2, { size: 1 }), [{ items: [{ index: 0 }] }, { items: [{ index: 1 }] }]);
  });

  test("lets go after `seconds`, one unless it is said", () => {
    assert.deepEqual(batch.gather?.(batch.config.parse({ size: 10 })), { size: 10, timeoutMs: 1_000 });
    assert.deepEqual(batch.gather?.(batch.config.parse({ size: 1, seconds: 0.05 })), { size: 1, timeoutMs: 50 });
  });

  test("takes a size of 1 to 100000 and a time of more than none to a day", () => {
    for (const config of [{}, { size: 0 }, { size: 1.5 }, { size: 100_001 }, { size: "2" }])
      assert.equal(problems(batch, config).length, 1, JSON.stringify(config));
    for (const seconds of [0, -1, 86_401]) assert.equal(problems(batch, { size: 1, seconds }).length, 1);
    assert.deepEqual(problems(batch, { size: 100_000, seconds: 86_400 }), []);
  });
});
