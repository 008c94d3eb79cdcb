/**
 * What `durability: full` costs over `normal`, in turns: `npx node bench/durability.ts [--quick]`. A step is a commit where
 * one is on its way at a time, and shares one where many are.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Durability, openSqliteStore } from "@millrace/stores";
import { v7 } from "uuid";
import { measurePipeline } from "./journal-pipeline.ts";
import { machine } from "./machine.ts";
import { benchOptions } from "./options.ts";
import { printTable } from "./report.ts";

const { quick } = benchOptions();
const ROUNDS = quick ? 1 : 3;
const COMMITS = quick ? 100 : 2_000;
const RUN = quick ? 300 : 10_000;
const show = (value: number) => Math.round(value).toLocaleString("en");

console.log(`${machine()}; the best of ${ROUNDS} rounds, in turns.\n`);
printTable(
  ["", "`normal`", "`full`", "times as long"],
  [
    await compare("steps a second, one at a time", stepByStep),
    await compare("messages a second, 30 at a time", (durability) => measurePipeline(RUN, 1, "one route", durability)),
  ],
);

async function compare(what: string, measure: (durability: Durability) => Promise<number>): Promise<string[]> {
  const [normal, full]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    normal.push(await measure("normal"));
    full.push(await measure("full"));
  }
  const [of, over] = [Math.max(...normal), Math.max(...full)];
  return [what, show(of), show(over), (of / over).toFixed(2)];
}

/** Steps of two events each, every one in a commit of its own. */
async function stepByStep(durability: Durability): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-bench-"));
  const { journal, records, close } = openSqliteStore(folder, { durability });
  const executionId = v7();
  const at = new Date().toISOString();
  await records.createExecution(
    {
      id: executionId,
      project: "default",
      configId: null,
      startedAt: at,
      parentExecutionId: null,
      replaySource: null,
      tag: null,
      configSnapshot: {},
      rootCorrelationId: executionId,
      metadata: {},
      idempotencyKey: null,
    },
    null,
  );
  const startedAt = performance.now();
  for (let step = 0; step < COMMITS; step += 1) {
    const common = {
      execution_id: executionId,
      message_id: executionId,
      parent_message_id: null,
      correlation_id: executionId,
      root_correlation_id: executionId,
      route: "work",
      timestamp: at,
      attempt: 1,
    };
    await journal.append({
      executionId,
      events: [
        { ...common, type: "initiated" },
        { ...common, type: "completed", duration_ms: 1, emitted: {} },
      ],
    });
  }
  const rate = COMMITS / ((performance.now() - startedAt) / 1000);
  close();
  rmSync(folder, { recursive: true });
  return rate;
}
