import assert from "node:assert/strict";
import { test } from "node:test";
import { AdapterError, defineAdapter } from "@millrace/engine";
import { z } from "zod";
import { define, Rig } from "../support/engine-rig.ts";
import { Random } from "../support/random.ts";

const none = z.object({});

function make(count: number) {
  return defineAdapter({
    type: "make",
    description: "",
    config: none,
    *process() {
      for (let index = 0; index < count; index += 1) yield { index, text: `number ${index}` };
    },
  });
}

/** Fails some for good, and some at their first attempt. */
const picky = defineAdapter({
  type: "picky",
  description: "",
  config: none,
  async process({ payload, attempt }) {
    await new Promise((resolve) => setImmediate(resolve));
    const index = Number(payload.index);
    if (index % 10 === 7) throw new AdapterError("BAD", "bad number", { retryable: false });
    if (index % 10 === 3 && attempt === 1) throw new AdapterError("LATER", "not yet", { retryable: true });
    return { index: -index };
  },
});

const sink = defineAdapter({ type: "sink", description: "", config: none, process: () => undefined });

/** The ids of a route's messages in a journal whose last word of them is of the given type. */
async function settledIn(rig: Rig, id: string, route: string, type: "completed" | "failed"): Promise<string[]> {
  return (await rig.events(id))
    .filter((event) => event.route === route && event.type === type && !("will_retry" in event && event.will_retry))
    .map((event) => event.message_id);
}

test("after crashes at any moment, payloads are kept of exactly those messages that the journal says completed", async () => {
  const random = new Random(20260301);
  await using rig = new Rig();
  const definition = define({
    make: { steps: [{ adapter: make(200) }], outbound: ["work"] },
    work: {
      steps: [{ adapter: picky }],
      concurrency: 8,
      errorHandling: { onError: "continue" },
      outbound: ["end", "forget"],
    },
    end: { steps: [{ adapter: sink }], concurrency: 4 },
    forget: { steps: [{ adapter: sink }], keepPayloads: "failed" },
  });
  const id = await rig.run(definition);
  let kills = 0;
  // Nothing is committed between the two: one that ended would not be met any more.
  while ((await rig.status(id)) === "running" && (await rig.crashAfter(random.between(1, 4)))) kills += 1;
  assert.ok(kills >= 5, `${kills} kills`);
  assert.equal(await rig.engine.wait(id, 30_000), true);
  for (const [route, completed, failed] of [
    ["make", 1, 0],
    ["work", 180, 20],
    ["end", 180, 0],
  ] as const) {
    assert.deepEqual(await rig.store.kept.count(id, route), { completed, failed, pending: 0 }, route);
    const kept = await rig.store.kept.after(id, route, ["completed"], 0, 1_000);
    assert.deepEqual(
      new Set(kept.map((message) => message.id)),
      new Set(await settledIn(rig, id, route, "completed")),
      route,
    );
  }
  assert.deepEqual(await rig.store.kept.count(id, "forget"), { completed: 0, failed: 0, pending: 0 });
});

test("what an execution has not taken when it is ended stays, where payloads are kept", async () => {
  await using rig = new Rig();
  const stuck = defineAdapter({
    type: "stuck",
    description: "",
    config: none,
    process: (_, { signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("told to stop")))),
  });
  const definition = define({
    make: { steps: [{ adapter: make(20) }], outbound: ["keep", "forget"] },
    keep: { steps: [{ adapter: stuck }], concurrency: 2 },
    forget: { steps: [{ adapter: stuck }], concurrency: 2, keepPayloads: "failed" },
  });
  const id = await rig.run(definition);
  for (let tries = 0; (await settledIn(rig, id, "make", "completed")).length === 0; tries += 1) {
    assert.ok(tries < 1_000);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await rig.engine.stop(id, "cancelled", null);
  const kept = await rig.store.kept.count(id, "keep");
  assert.equal(kept.failed + kept.pending, 20);
  assert.ok(kept.pending >= 18, `${kept.pending} pending`);
  assert.equal((await rig.store.kept.count(id, "forget")).pending, 0);
});
