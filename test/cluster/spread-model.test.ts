import assert from "node:assert/strict";
import { test } from "node:test";
import type { Progress } from "@millrace/protocol";
import fc from "fast-check";
import { checkSettled } from "../engine/check-settled.ts";
import { definitionOf, type Plan, plan } from "../engine/random-pipeline.ts";
import { ClusterRig, type RigNode } from "../support/cluster/cluster-rig.ts";

/** More with TEST_RUNS; a seed that fails is printed, and run again with TEST_SEED. */
const RUNS = Number(process.env.TEST_RUNS ?? 30);
const SEED = process.env.TEST_SEED;

/** As many nodes as there may be in one run: those that die are followed by others. */
const NAMES = Array.from({ length: 9 }, (_, index) => `node ${index}`);

test("whatever the pipeline, the failures and the nodes that die, messages that any node may work on are settled as a small model says, once", async () => {
  const seed = SEED === undefined ? {} : { seed: Number(SEED) };
  let elsewhere = 0;
  const check = async (plan: Plan) => {
    elsewhere += await checkPlan(plan);
  };
  await fc.assert(fc.asyncProperty(plan, check), { numRuns: RUNS, endOnFailure: true, ...seed });
  assert.ok(elsewhere >= RUNS / 2, `${elsewhere} messages were worked on by other nodes than the first owner`);
});

/** Returns how many messages other nodes than the first have worked on. */
async function checkPlan(plan: Plan): Promise<number> {
  await using rig = new ClusterRig();
  const settings = { workSlots: 2, worthOfferingMs: 0 };
  // The first has no room for anything that another can do.
  const joined = NAMES.slice(0, 3).map((name, index) => rig.join(name, index === 0 ? { workSlots: 0 } : settings));
  const [first] = joined;
  assert.ok(first);
  const labels = new Map(NAMES.map((name) => [name, new Map<string, string>()]));
  const of = Object.fromEntries(NAMES.map((name) => [name, definitionOf(plan, labels.get(name) ?? new Map())]));
  const id = await rig.run(first, definitionOf(plan, new Map()), {}, of);
  for (const { kind, commits, jumpMs } of plan.interruptions) {
    if (!(await after(rig, commits, id))) break;
    // A number of the plan's own, to choose by.
    const victim = joined.splice((commits + Math.abs(jumpMs)) % joined.length, 1)[0];
    joined.push(rig.join(NAMES[rig.nodes.length] ?? "", settings));
    if (kind === "close") await victim?.executions.close(0);
    else if (jumpMs === 0) victim?.kill();
    else {
      // It is let go again when others have begun with what it had.
      victim?.freeze();
      setTimeout(() => victim?.letGo(), 5 * commits);
    }
  }
  const last = joined.at(-1) as RigNode;
  assert.ok(await last.executions.wait(id, 60_000), "it comes to an end");
  const all = new Map([...labels.values()].flatMap((known) => [...known]));
  const folded = checkSettled(plan, all, await rig.events(id), await rig.status(id));
  const plain = (progress: Progress | null) => JSON.parse(JSON.stringify(progress));
  assert.deepEqual(
    plain(await last.executions.progress(id)),
    plain(folded),
    "the counters are the fold of the journal",
  );
  assert.deepEqual(rig.faults, []);
  return all.size - (labels.get("node 0")?.size ?? 0);
}

/** Resolves after so many commits; false where the execution ends before. */
function after({ store }: ClusterRig, commits: number, id: string): Promise<boolean> {
  return new Promise((resolve) => {
    let left = commits;
    const over = (value: boolean) => {
      stop();
      resolve(value);
    };
    const stop = store.journal.onCommit((entries) => {
      left -= 1;
      if (entries.some((entry) => entry.kind === "lifecycle" && entry.lifecycle.kind === "ended")) over(false);
      else if (left <= 0) over(true);
    });
    store.records.findExecution(id).then((found) => {
      if (found?.status !== "running") over(false);
    });
  });
}
