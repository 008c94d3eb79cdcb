/** What it costs a node to hear of events that another node commits, and what that one makes: two nodes, PostgreSQL, NATS. */
import { Fleet } from "../test/support/fleet.ts";
import { drops } from "../test/support/pipelines.ts";
import { openSharedStack, withoutSharedStack } from "../test/support/shared-stack.ts";
import { cpuSeconds, machine } from "./machine.ts";
import { benchOptions } from "./options.ts";
import { printTable, progress } from "./report.ts";

const options = benchOptions();
const missing = await withoutSharedStack();
if (missing !== false) {
  console.error(`This needs PostgreSQL and NATS: ${missing}.`);
  process.exit(1);
}
console.log(`${machine()}; nodes, servers and clients share the cores.\n`);

/** Events of a message of the pipeline, and of its first one. */
const EVENTS = 3;

await using stack = await openSharedStack();
await using fleet = await Fleet.start(["both", "serve"], { env: stack.env });
const [making, hearing] = fleet.nodes;
if (making === undefined || hearing === undefined) throw new Error("There are two nodes.");

const rows: string[][] = [];
for (const watchers of options.quick ? [0, 1] : [0, 1, 100]) {
  for (const atOnce of options.quick ? [30] : [1, 30]) {
    const messages = options.quick ? 500 : watchers > 1 ? 10_000 : 60_000;
    const row = await measure(messages, watchers, atOnce);
    progress(row);
    rows.push(row);
  }
}
printTable(
  [
    "watchers on the other node",
    "messages at once",
    "events/s",
    "µs CPU an event, the node that makes them",
    "µs CPU an event, the node that hears of them",
  ],
  rows,
);

async function measure(messages: number, watchers: number, atOnce: number): Promise<string[]> {
  const { client } = fleet;
  const config = await client.configs.create({ config_yaml: drops(messages, atOnce), name: `${watchers}-${atOnce}` });
  const before = nodes().map(({ pid }) => cpuSeconds(pid));
  const begun = performance.now();
  const { id } = await client.configs.run(config.id, {});
  const streams = Array.from({ length: watchers }, async () => {
    const { body } = await fetch(`${hearing?.url}/api/v1/executions/${id}/events`);
    for await (const _ of body ?? []);
  });
  while ((await client.executions.wait(id)).status === "running");
  await Promise.all(streams);
  const seconds = (performance.now() - begun) / 1_000;
  const events = EVENTS * (messages + 1);
  const used = nodes().map(({ pid }, index) => (((cpuSeconds(pid) - (before[index] ?? 0)) / events) * 1e6).toFixed(1));
  return [`${watchers}`, `${atOnce}`, Math.round(events / seconds).toLocaleString("en"), ...used];
}

function nodes() {
  return [making, hearing].flatMap((node) => (node === undefined ? [] : [node]));
}
