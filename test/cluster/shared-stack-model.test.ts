import assert from "node:assert/strict";
import { test } from "node:test";
import { type AdapterLog, ClusterExecutions, type Definition, eventsOf } from "@millrace/engine";
import { openSharedStore, type SharedStore } from "@millrace/stores";
import fc from "fast-check";
import { v7 } from "uuid";
import { checkSettled } from "../engine/check-settled.ts";
import { definitionOf, type Plan, plan } from "../engine/random-pipeline.ts";
import { NATS_URL } from "../support/nats.ts";
import { openSharedStack, withoutSharedStack } from "../support/shared-stack.ts";

/** More with TEST_RUNS; a seed that fails is printed, and run again with TEST_SEED. */
const RUNS = Number(process.env.TEST_RUNS ?? 10);
const SEED = process.env.TEST_SEED;
const NAMES = Array.from({ length: 9 }, (_, index) => `node ${index}`);

test("over PostgreSQL and NATS, whatever the pipeline and the nodes that are shut down, runs do what a small model says, once", {
  skip: await withoutSharedStack(),
}, async () => {
  await using stack = await openSharedStack();
  const seed = SEED === undefined ? {} : { seed: Number(SEED) };
  let elsewhere = 0;
  const check = async (plan: Plan) => {
    elsewhere += await checkPlan(plan, stack.databaseUrl);
  };
  await fc.assert(fc.asyncProperty(plan, check), { numRuns: RUNS, endOnFailure: true, ...seed });
  assert.ok(elsewhere >= RUNS / 3, `${elsewhere} messages were worked on by other nodes than the first owner`);
});

async function checkPlan(plan: Plan, databaseUrl: string): Promise<number> {
  const labels = new Map(NAMES.map((name) => [name, new Map<string, string>()]));
  const definitions = new Map(NAMES.map((name) => [name, definitionOf(plan, labels.get(name) ?? new Map())]));
  const faults: string[] = [];
  const join = (name: string, workSlots: number) => openNode({ databaseUrl, name, workSlots, definitions, faults });
  const nodes = await Promise.all(NAMES.slice(0, 3).map((name, index) => join(name, index === 0 ? 0 : 2)));
  let count = 3;
  try {
    const [first] = nodes;
    assert.ok(first);
    const definition = definitions.get("node 0") as Definition;
    const { record } = await first.executions.start({
      definition,
      configYaml: "by hand",
      config: null,
      project: "default",
    });
    for (const { commits } of plan.interruptions.slice(0, 3)) {
      const newest = nodes.at(-1);
      if (newest === undefined || !(await after(newest.store, commits, record.id))) break;
      const [victim] = nodes.splice(commits % nodes.length, 1);
      nodes.push(await join(NAMES[count] ?? "", 2));
      count += 1;
      await victim?.close();
    }
    const last = nodes.at(-1);
    assert.ok(await last?.executions.wait(record.id, 60_000), "it comes to an end");
    const all = new Map([...labels.values()].flatMap((known) => [...known]));
    const entries = (await last?.store.journal.read([record.id], 0, Number.POSITIVE_INFINITY)) ?? [];
    const status = (await last?.store.records.getExecution(record.id))?.status ?? "none";
    const folded = checkSettled(
      plan,
      all,
      entries.flatMap((entry) => [...eventsOf(entry)]),
      status,
    );
    const plain = (progress: unknown) => JSON.parse(JSON.stringify(progress));
    assert.deepEqual(plain(await last?.executions.progress(record.id)), plain(folded));
    assert.deepEqual(faults, []);
    return all.size - (labels.get("node 0")?.size ?? 0);
  } finally {
    await Promise.all(nodes.map((node) => node.close()));
  }
}

/** Resolves after so many commits, of whichever node; false where the execution ends before. */
function after({ journal, records }: SharedStore, commits: number, id: string): Promise<boolean> {
  return new Promise((resolve) => {
    let left = commits;
    const over = (value: boolean) => {
      stop();
      resolve(value);
    };
    const stop = journal.onCommit((entries) => {
      left -= 1;
      if (entries.some((entry) => entry.kind === "lifecycle" && entry.lifecycle.kind === "ended")) over(false);
      else if (left <= 0) over(true);
    });
    records.findExecution(id).then((found) => {
      if (found?.status !== "running") over(false);
    });
  });
}

async function openNode({
  databaseUrl,
  name,
  workSlots,
  definitions,
  faults,
}: {
  databaseUrl: string;
  name: string;
  workSlots: number;
  definitions: ReadonlyMap<string, Definition>;
  faults: string[];
}) {
  const store = await openSharedStore({
    databaseUrl,
    natsUrl: NATS_URL,
    objectsUrl: null,
    environment: {},
    name,
    version: "0",
    engine: true,
    leaseMs: 3_000,
  });
  const silent: AdapterLog = { debug() {}, info() {}, warn() {}, error: (text) => faults.push(`${name}: ${text}`) };
  const executions = new ClusterExecutions(
    {
      ...store,
      clock: { now: Date.now },
      ids: { uuid: v7 },
      loadDefinition: async () => ({
        definition: definitions.get(name) ?? null,
        report: { is_valid: true, issues: [], error_count: 0, warning_count: 0 },
      }),
      log: () => silent,
    },
    {
      engine: true,
      maxOwned: 100,
      maxExecutions: 100,
      maxPayloadBytes: 1_000_000,
      maxEmitsPerStep: 1_000_000,
      keepPayloads: "all",
      abandonAfterMs: 50,
      workSlots,
      worthOfferingMs: 0,
    },
  );
  executions.open();
  return {
    store,
    executions,
    async close() {
      await executions.close(0);
      await store.close();
    },
  };
}
