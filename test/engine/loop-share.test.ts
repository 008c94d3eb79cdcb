import assert from "node:assert/strict";
import { test } from "node:test";
import { type AnyAdapter, defineAdapter } from "@millrace/engine";
import { z } from "zod";
import { define, Rig } from "../support/engine-rig.ts";

const many = (count: number): AnyAdapter =>
  defineAdapter({
    type: "many",
    description: "Emits.",
    config: z.any(),
    *process() {
      for (let index = 0; index < count; index += 1) yield { index };
    },
  });

/** Keeps the thread busy for some milliseconds, and waits for nothing. */
const busy = (ms: number, onCall: () => void): AnyAdapter =>
  defineAdapter({
    type: "busy",
    description: "Is busy.",
    config: z.any(),
    process: ({ payload }) => {
      onCall();
      for (const end = performance.now() + ms; performance.now() < end; );
      return payload;
    },
  });

test("adapters that never wait leave the event loop free between them, however many messages there are", async () => {
  await using rig = new Rig();
  let calls = 0;
  let callsSinceTurn = 0;
  let most = 0;
  const turns = setInterval(() => {
    callsSinceTurn = 0;
  }, 1);
  const adapter = busy(4, () => {
    calls += 1;
    callsSinceTurn += 1;
    most = Math.max(most, callsSinceTurn);
  });
  const work = { steps: [{ adapter }], concurrency: 30 };
  const definition = define({ make: { steps: [{ adapter: many(50) }], outbound: ["work"] }, work });
  const runs = await Promise.all([rig.complete(definition), rig.complete(definition), rig.complete(definition)]);
  clearInterval(turns);
  assert.deepEqual(
    runs.map(({ status }) => status),
    ["completed", "completed", "completed"],
  );
  assert.equal(calls, 150);
  assert.ok(most <= 10, `${most} messages were worked on without a turn of the loop between them`);
});

test("executions whose adapters never wait take turns", async () => {
  await using rig = new Rig();
  const order: string[] = [];
  const of = (name: string) =>
    define({
      make: { steps: [{ adapter: many(40) }], outbound: ["work"] },
      work: { steps: [{ adapter: busy(4, () => order.push(name)) }], concurrency: 30 },
    });
  await Promise.all([rig.complete(of("a")), rig.complete(of("b"))]);
  const firstOfB = order.indexOf("b");
  const lastOfA = order.lastIndexOf("a");
  assert.equal(order.length, 80);
  assert.ok(firstOfB < 20 && lastOfA > 20, "neither waits for the other's end");
});
