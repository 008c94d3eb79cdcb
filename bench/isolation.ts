/**
 * What `isolation: thread` costs: messages a second through an adapter that does nothing, in the service's own thread
 * and in threads: `npx node bench/isolation.ts [--quick]`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AdapterThreadPool, createAdapterRegistry } from "@millrace/adapters";
import { type AdapterLog, Engine, loadDefinition, type ObjectStore } from "@millrace/engine";
import { openSqliteStore } from "@millrace/stores";
import { v7 } from "uuid";
import { machine } from "./machine.ts";
import { benchOptions } from "./options.ts";

const { quick } = benchOptions();
const MESSAGES = quick ? 300 : 20_000;
const ROUNDS = quick ? 1 : 3;

const SILENT: AdapterLog = { debug() {}, info() {}, warn() {}, error: console.error };

const NO_OBJECTS: ObjectStore = {
  put: () => Promise.reject(new Error("nothing is stored here")),
  get: () => Promise.resolve(null),
  async *list() {},
  sizeOf: () => Promise.resolve(0),
  deleteAll: () => Promise.resolve(),
};

const folder = mkdtempSync(join(tmpdir(), "millrace-bench-"));
const adapters = await createAdapterRegistry({
  adaptersDir: join(import.meta.dirname, "adapters"),
  baseDir: import.meta.dirname,
});
const threads = new AdapterThreadPool({ maxThreads: 8, graceMs: 1_000, log: SILENT });
const store = openSqliteStore(folder, { durability: "normal" });
const engine = new Engine(
  {
    journal: store.journal,
    work: store.work,
    records: store.records,
    failures: store.failures,
    objects: NO_OBJECTS,
    threads,
    clock: { now: Date.now },
    ids: { uuid: v7 },
    loadDefinition: () => Promise.reject(new Error("nothing is taken up again here")),
    log: () => SILENT,
  },
  {
    maxExecutions: 1,
    maxPayloadBytes: 1_000_000,
    maxEmitsPerStep: 10_000_000,
    abandonAfterMs: 1_000,
    keepPayloads: "failed",
  },
);

const pass = (isolation: string, concurrency: number) => `
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: ${MESSAGES} } }], outbound: [work] }
  work: { isolation: ${isolation}, inbound: { concurrency: ${concurrency} }, adapters: [{ type: pass }] }
init_message: { route: make }
`;
const emit = (isolation: string) => `
version: "1.0"
routes:
  make: { isolation: ${isolation}, adapters: [{ type: generate, config: { count: ${MESSAGES * 5} } }] }
init_message: { route: make }
`;

console.log(`${machine()}; the best of ${ROUNDS} rounds, in turn.\n`);
console.log("| a second | in the service's thread | in threads | of it | more per message |");
console.log("|---|---|---|---|---|");
for (const concurrency of [1, 4]) {
  await compare(`messages through an adapter, ${concurrency} at a time`, MESSAGES, (isolation) =>
    pass(isolation, concurrency),
  );
}
await compare("emits of one step, nobody takes them", MESSAGES * 5, emit);

await engine.close(0);
await threads.close();
store.close();
rmSync(folder, { recursive: true });

async function compare(what: string, count: number, yamlOf: (isolation: string) => string): Promise<void> {
  const best = { none: 0, thread: 0 };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const isolation of ["none", "thread"] as const) {
      best[isolation] = Math.max(best[isolation], count / (await secondsOf(yamlOf(isolation))));
    }
  }
  const show = (value: number) => Math.round(value).toLocaleString("en");
  const share = `${Math.round((100 * best.thread) / best.none)} %`;
  const more = `${Math.round(1_000_000 / best.thread - 1_000_000 / best.none)} µs`;
  console.log(`| ${what} | ${show(best.none)} | ${show(best.thread)} | ${share} | ${more} |`);
}

async function secondsOf(yaml: string): Promise<number> {
  const { definition, report } = await loadDefinition(yaml, { adapters });
  if (definition === null) throw new Error(JSON.stringify(report.issues));
  const startedAt = performance.now();
  const { record } = await engine.start({ definition, configYaml: yaml, config: null, project: "default" });
  if (!(await engine.wait(record.id, 300_000))) throw new Error("the run does not end");
  return (performance.now() - startedAt) / 1000;
}
