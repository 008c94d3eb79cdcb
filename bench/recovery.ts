/**
 * How long a killed service takes to take a run up again, by the length of its journal, and what a million outstanding
 * messages take in memory: `npx node bench/recovery.ts [--quick] [--events N]`.
 */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { ServiceProcess } from "../test/support/service-process.ts";
import { machine } from "./machine.ts";
import { benchOptions } from "./options.ts";
import { printTable } from "./report.ts";

const { quick, events } = benchOptions();
const EVENTS_PER_MESSAGE = 3;
const lengths = events !== null ? [events] : quick ? [1_000] : [10_000, 100_000, 1_000_000];
const outstanding = quick ? 2_000 : 1_000_000;
const show = (value: number) => Math.round(value).toLocaleString("en");

console.log(`${machine()}.\n`);

const rows = [];
for (const length of lengths) {
  await using service = await ServiceProcess.start();
  const messages = Math.round(length / EVENTS_PER_MESSAGE);
  const id = await service.run(`
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: ${messages} } }], outbound: [work] }
  work: { inbound: { concurrency: 20 }, adapters: [{ type: filter, config: { when: "index = 0" } }], outbound: [stay] }
  stay: { adapters: [{ type: delay, config: { seconds: 3000 } }] }
init_message: { route: make }
`);
  await until(async () => (await service.client.executions.stats(id)).completed_messages > messages);
  await service.end("SIGKILL");
  const startedAt = performance.now();
  await service.start();
  const listens = performance.now() - startedAt;
  await until(async () => (await service.client.executions.get(id)).recoveries.length === 1);
  const takenUp = performance.now() - startedAt;
  rows.push([show(length), `${megabytes(service)} MB`, `${show(listens)} ms`, `${show(takenUp)} ms`]);
}
printTable(["events in the journal", "database", "it listens after", "the run is taken up after"], rows);

console.log();
await using service = await ServiceProcess.start();
const idle = memory(service, "VmRSS");
const id = await service.run(`
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: ${outstanding}, payload: { text: ${"x".repeat(100)} } } }], outbound: [stay] }
  stay: { adapters: [{ type: delay, config: { seconds: 3000 } }] }
init_message: { route: make }
`);
await until(async () => {
  const { routes } = await service.client.executions.routes(id);
  return routes.some(({ route, queued }) => route === "stay" && queued >= outstanding - 1);
});
const [most, then] = [memory(service, "VmHWM"), memory(service, "VmRSS")];
const bytes = megabytes(service);
await service.end("SIGKILL");
const startedAt = performance.now();
await service.start();
await until(async () => (await service.client.executions.get(id)).recoveries.length === 1);
const again = performance.now() - startedAt;
printTable(
  [
    "outstanding messages",
    "idle service",
    "at most",
    "when all wait",
    "after a kill and restart",
    "taken up after",
    "database",
  ],
  [
    [
      show(outstanding),
      `${idle} MB`,
      `${most} MB`,
      `${then} MB`,
      `${memory(service, "VmRSS")} MB`,
      `${show(again)} ms`,
      `${bytes} MB`,
    ],
  ],
);

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await wait(20);
}

function memory({ pid }: ServiceProcess, field: "VmRSS" | "VmHWM"): number {
  const text = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Math.round(Number(text) / 1024);
}

function megabytes({ dataDir }: ServiceProcess): string {
  return show(statSync(join(dataDir, "millrace.db")).size / 1e6);
}
