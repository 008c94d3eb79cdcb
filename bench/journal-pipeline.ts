/** Whole runs through the engine, over a real SQLite file: messages a second through three adapters that do nothing. */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AdapterLog, defineAdapter, Engine, type ObjectStore } from "@millrace/engine";
import type { KeepPayloads } from "@millrace/protocol";
import { openSqliteStore } from "@millrace/stores";
import { v7 } from "uuid";
import { z } from "zod";
import { define, type RouteInput } from "../test/support/engine-rig.ts";

/** Where the three adapters stand: in one route, or each in a route of its own, a queue before each. */
export type PipelineShape = "one route" | "three routes";

const pass = (type: string) =>
  defineAdapter({ type, description: "Passes on.", config: z.strictObject({}), process: ({ payload }) => payload });

/** Messages in flight of a route. */
const CONCURRENCY = 30;

const SILENT: AdapterLog = { debug() {}, info() {}, warn() {}, error: console.error };

const NO_OBJECTS: ObjectStore = {
  put: () => Promise.reject(new Error("nothing is stored here")),
  get: () => Promise.resolve(null),
  async *list() {},
  deleteAll: () => Promise.resolve(),
  sizeOf: async () => 0,
};

/** Makes `messages` messages and runs them, spread over `executions`; in messages a second, from start to the last end. */
export async function measurePipeline(
  messages: number,
  executions: number,
  shape: PipelineShape,
  durability: "normal" | "full",
): Promise<number> {
  return (await runPipeline(messages, executions, shape, durability)).rate;
}

/** What the messages carry, and whether it is kept when they have completed. */
export interface Payloads {
  readonly bytes: number;
  readonly keep: KeepPayloads;
}

/** The same, with the size of the database when it is over. */
export async function runPipeline(
  messages: number,
  executions: number,
  shape: PipelineShape,
  durability: "normal" | "full",
  payloads: Payloads = { bytes: 0, keep: "failed" },
): Promise<{ readonly rate: number; readonly databaseBytes: number }> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-bench-"));
  const store = openSqliteStore(folder, { durability });
  const engine = new Engine(
    {
      journal: store.journal,
      work: store.work,
      failures: store.failures,
      records: store.records,
      objects: NO_OBJECTS,
      clock: { now: Date.now },
      ids: { uuid: v7 },
      loadDefinition: () => Promise.reject(new Error("nothing is taken up again here")),
      log: () => SILENT,
    },
    {
      maxExecutions: executions,
      maxPayloadBytes: 1_000_000,
      maxEmitsPerStep: 10_000_000,
      abandonAfterMs: 1_000,
      keepPayloads: payloads.keep,
    },
  );
  const each = Math.ceil(messages / executions);
  const definition = define(routesOf(shape, each, payloads.bytes), {}, { maxHandlers: 3 * CONCURRENCY });
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: executions }, async () => {
      const { record } = await engine.start({ definition, configYaml: "none", config: null, project: "default" });
      if (!(await engine.wait(record.id, 300_000))) throw new Error("the run does not end");
    }),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  await engine.close(0);
  store.close();
  const databaseBytes = statSync(join(folder, "millrace.db")).size;
  rmSync(folder, { recursive: true });
  return { rate: (each * executions) / seconds, databaseBytes };
}

function routesOf(shape: PipelineShape, messages: number, bytes: number): Record<string, RouteInput> {
  const many = defineAdapter({
    type: "many",
    description: "Emits as many messages as the measurement takes.",
    config: z.strictObject({}),
    *process() {
      const text = "x".repeat(bytes);
      for (let index = 0; index < messages; index += 1) yield bytes === 0 ? { index } : { index, text };
    },
  });
  const steps = ["one", "two", "three"].map((name) => ({ adapter: pass(name) }));
  const make = { steps: [{ adapter: many }] };
  if (shape === "one route") {
    return { make: { ...make, outbound: ["work"] }, work: { steps, concurrency: CONCURRENCY } };
  }
  const [one, two, three] = steps.map((step) => ({ steps: [step], concurrency: CONCURRENCY }));
  if (one === undefined || two === undefined || three === undefined) throw new Error("there are three");
  return {
    make: { ...make, outbound: ["one"] },
    one: { ...one, outbound: ["two"] },
    two: { ...two, outbound: ["three"] },
    three,
  };
}
