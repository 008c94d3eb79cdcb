import assert from "node:assert/strict";
import { test } from "node:test";
import { type ExecutionEvent, emptyProgress, foldEvent, type Progress } from "@millrace/protocol";
import fc from "fast-check";
import { Rig } from "../support/engine-rig.ts";
import { carrierOf, definitionOf, type Plan, plan } from "./random-pipeline.ts";
import { lineOf, outcomeOf } from "./reference-model.ts";

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
  const expected = outcomeOf(plan);
  const settled = settledIn(events, labels, plan);
  assert.equal(await rig.status(id), expected.fails ? "failed" : "completed");
  if (expected.fails) {
    const possible = [...expected.settled];
    for (const line of settled.filter((line) => line.includes(" completed: "))) {
      const at = possible.indexOf(line);
      assert.ok(at >= 0, `it should not have come to: ${line}`);
      possible.splice(at, 1);
    }
  } else assert.deepEqual(settled, expected.settled);
  const folded = emptyProgress(plan.routes[0]?.route);
  for (const event of events) foldEvent(folded, event);
  assert.equal(folded.open.size, 0, "what was taken is settled");
  if (!expected.fails) assert.equal(folded.outstanding, 0, "and nothing else is left");
  const plain = (progress: Progress | null) => JSON.parse(JSON.stringify(progress));
  assert.deepEqual(plain(await rig.engine.progress(id)), plain(folded), "the counters are the fold of the journal");
  assert.deepEqual(rig.faults, []);
}

/** The messages that were settled, each as the model has it, but for those that carry batches. */
function settledIn(events: readonly ExecutionEvent[], labels: ReadonlyMap<string, string>, plan: Plan): string[] {
  const carriers = new Set(plan.routes.map(({ route }) => carrierOf(route)));
  const gathering = new Set(plan.routes.flatMap(({ route, batch }) => (batch === null ? [] : [route])));
  const open = new Map<string, number[][]>();
  const lines: string[] = [];
  for (const event of events) {
    const ran = open.get(event.message_id) ?? [];
    open.set(event.message_id, ran);
    if (event.type === "initiated") {
      assert.equal(event.attempt, ran.length + 1, "attempts are counted one by one");
      ran.push([]);
    } else if (event.type === "processing") {
      assert.ok(!ran.at(-1)?.includes(event.adapter_index), "an adapter begins once an attempt");
      ran.at(-1)?.push(event.adapter_index);
    } else if (event.type === "completed" || !event.will_retry) {
      assert.ok(!ran.includes(SETTLED), "a message is settled once");
      if (carriers.has(event.route)) {
        const stopped = event.type === "failed" && event.error.code === "CANCELLED";
        assert.ok(event.type === "completed" || stopped, "what only takes batches apart does not fail");
      } else {
        lines.push(
          lineOf({
            route: event.route,
            label: labels.get(event.message_id) ?? "never worked on",
            failed: event.type === "failed",
            ran,
            emitted: gathering.has(event.route) ? null : (event.emitted ?? {}),
          }),
        );
      }
      ran.push(SETTLED);
    }
  }
  return lines.sort();
}

const SETTLED: number[] = [];

function within<T>(promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("It comes to a standstill.")), 60_000);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
