import assert from "node:assert/strict";
import { test } from "node:test";
import type { Progress } from "@millrace/protocol";
import fc from "fast-check";
import { Rig } from "../support/engine-rig.ts";
import { checkSettled } from "./check-settled.ts";
import { definitionOf, type Plan, plan } from "./random-pipeline.ts";

/**
 * More with TEST_RUNS; a seed that fails is printed, and run again with TEST_SEED. TEST_SHRINK=1 looks for the smallest
 * pipeline that fails, which may take minutes.
 */
const RUNS = Number(process.env.TEST_RUNS ?? 60);
const SEED = process.env.TEST_SEED;

test("whatever the pipeline, the adapters' failures and the crashes on the way, a run does what a small model says, once", async () => {
  const seed = SEED === undefined ? {} : { seed: Number(SEED) };
  await fc.assert(fc.asyncProperty(plan, checkPlan), {
    numRuns: RUNS,
    endOnFailure: process.env.TEST_SHRINK === undefined,
    ...seed,
  });
});

async function checkPlan(plan: Plan): Promise<void> {
  await using rig = new Rig();
  const labels = new Map<string, string>();
  const id = await rig.run(definitionOf(plan, labels));
  rig.checkpoint();
  for (const { kind, commits, damage, jumpMs } of plan.interruptions) {
    if (kind === "crash") {
      if ((await rig.status(id)) !== "running") break;
      if (!(await within(rig.crashAfter(commits, damage ?? undefined)))) break;
    } else {
      await new Promise((resolve) => setTimeout(resolve, commits));
      await rig.reopen();
    }
    rig.clockOffsetMs += jumpMs;
  }
  assert.ok(await rig.engine.wait(id, 60_000), "it comes to an end");
  const events = await rig.events(id);
  const folded = checkSettled(plan, labels, events, await rig.status(id));
  const plain = (progress: Progress | null) => JSON.parse(JSON.stringify(progress));
  assert.deepEqual(plain(await rig.engine.progress(id)), plain(folded), "the counters are the fold of the journal");
  assert.deepEqual(rig.faults, []);
}

function within<T>(promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("It comes to a standstill.")), 60_000);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
