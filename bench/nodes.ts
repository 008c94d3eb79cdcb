/**
 * A service of many nodes over PostgreSQL and NATS: messages a second, how long after it happened an event is at a client,
 * what an execution costs that waits, and how long each fault takes to mend, beside the embedded stack and the job queues of
 * npm in the same run: `npx node bench/nodes.ts [--quick] [--only rates,latency,idle,faults]`.
 *
 * Every node is a process of its own; PostgreSQL (Debian's, commits flushed to the disk) and NATS are started here.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { createClient } from "@millrace/client";
import { Fleet, type Role } from "../test/support/fleet.ts";
import { NatsServer } from "../test/support/nats-servers.ts";
import { ServiceProcess } from "../test/support/service-process.ts";
import { machine } from "./machine.ts";
import { benchOptions, isWanted } from "./options.ts";
import { installPeers, overPostgres, overRedis, versionOf } from "./queue-peers.ts";
import { startPostgres } from "./queue-servers.ts";
import { printTable } from "./report.ts";

const options = benchOptions();
const MESSAGES = options.quick ? 400 : 20_000;
const EXECUTIONS = 4;
const QUEUED = options.quick ? { process: 100, power: 100 } : { process: 4_000, power: 2_000 };
const WAITING = options.quick ? 10 : 500;
const FLAGS = ["--adapters-dir", join(import.meta.dirname, "adapters"), "--max-executions", "2000"];

/** Through three adapters in one route, as `bench/queues.ts` has it; `busyMs` of the processor's time in each. */
const pipeline = (messages: number, busyMs = 0) => `
version: "1.0"
limits: { max_handlers: 90 }
routes:
  make: { adapters: [{ type: generate, config: { count: ${messages} } }], outbound: [work] }
  work:
    inbound: { concurrency: 30 }
    adapters:
      - { type: pass, name: one, config: { busy_ms: ${busyMs} } }
      - { type: pass, name: two }
      - { type: pass, name: three }
init_message: { route: make }
`;

const PACED = `
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: ${options.quick ? 100 : 1_000} } }], outbound: [work] }
  work: { adapters: [{ type: delay, config: { seconds: 0.01 } }] }
init_message: { route: make }
`;

const WAITS = `
version: "1.0"
routes: { wait: { adapters: [{ type: delay, config: { seconds: 3000 } }] } }
init_message: { route: wait }
`;

/** What stands for a service: one address, and processes whose memory counts. */
interface Subject extends AsyncDisposable {
  readonly url: string;
  readonly pids: readonly number[];
}

const TOPOLOGIES: readonly (readonly [name: string, roles: readonly Role[]])[] = [
  ["one node that does both", ["both"]],
  ["1 serves, 1 works", ["serve", "work"]],
  ["1 serves, 2 work", ["serve", "work", "work"]],
  ["1 serves, 4 work", ["serve", "work", "work", "work", "work"]],
  ["2 serve, 2 work", ["serve", "serve", "work", "work"]],
];

console.log(`${machine()}. ${show(MESSAGES)} messages in ${EXECUTIONS} executions.\n`);
if (isWanted(options, "rates")) await rates();
if (isWanted(options, "latency")) await latencies();
if (isWanted(options, "idle")) await idle();
if (isWanted(options, "faults")) await faults();

async function rates(): Promise<void> {
  const rows: string[][] = [];
  const row = (name: string, plain: number, busy: number | null) =>
    rows.push([name, show(plain), busy === null ? "" : show(busy)]);
  for (const durability of ["normal", "full"]) {
    await using service = await embedded(["--durability", durability]);
    const name = `embedded, ${durability === "full" ? "survives a power cut" : "survives a killed process"}`;
    row(name, await rate(service, MESSAGES, 0), await rate(service, MESSAGES / 20, 3));
  }
  for (const [name, roles] of options.quick ? TOPOLOGIES.slice(0, 2) : TOPOLOGIES) {
    await using fleet = await shared(roles);
    row(name, await rate(fleet, MESSAGES, 0), await rate(fleet, MESSAGES / 20, 3));
  }
  installPeers();
  row(`BullMQ ${versionOf("bullmq")} on Redis, gathered`, await overRedis(["gather"], QUEUED)("power"), null);
  row(`pg-boss ${versionOf("pg-boss")} on PostgreSQL`, await overPostgres("pg-boss", [], QUEUED)("power"), null);
  printTable(["", "messages/s", "messages/s of 3 ms of processor time each"], rows);
  console.log();
}

/** From the start of the first execution to the end of the last. */
async function rate({ url }: Subject, messages: number, busyMs: number): Promise<number> {
  const client = createClient({ baseUrl: url });
  const each = Math.ceil(messages / EXECUTIONS);
  const config = await client.configs.create({ config_yaml: pipeline(each, busyMs), name: "rate" });
  const startedAt = performance.now();
  const runs = await Promise.all(Array.from({ length: EXECUTIONS }, () => client.configs.run(config.id, {})));
  await Promise.all(runs.map(({ id }) => client.executions.wait(id, 600)));
  return (each * EXECUTIONS) / ((performance.now() - startedAt) / 1000);
}

async function latencies(): Promise<void> {
  const rows: string[][] = [];
  {
    await using service = await embedded([]);
    rows.push(["embedded", ...(await latency(service))]);
  }
  for (const [name, roles] of options.quick ? TOPOLOGIES.slice(1, 2) : TOPOLOGIES) {
    await using fleet = await shared(roles);
    rows.push([name, ...(await latency(fleet))]);
  }
  printTable(["an event is at a client after", "p50", "p99"], rows);
  console.log();
}

/** Of about a hundred messages a second, from the time in the event to its arrival, both by this machine's clock. */
async function latency({ url }: Subject): Promise<[string, string]> {
  const client = createClient({ baseUrl: url });
  const config = await client.configs.create({ config_yaml: PACED, name: "paced" });
  const { id } = await client.configs.run(config.id, {});
  const found: number[] = [];
  for await (const event of client.executions.events(id)) {
    if ("timestamp" in event && event.type !== "initiated") found.push(Date.now() - Date.parse(event.timestamp));
  }
  found.sort((a, b) => a - b);
  const at = (share: number) => `${found[Math.floor(found.length * share)] ?? Number.NaN} ms`;
  return [at(0.5), at(0.99)];
}

async function idle(): Promise<void> {
  const rows: string[][] = [];
  const measure = async (name: string, subject: Subject) => {
    const client = createClient({ baseUrl: subject.url });
    const config = await client.configs.create({ config_yaml: WAITS, name: "waits" });
    const { id } = await client.configs.run(config.id, {});
    await wait(1_000);
    const before = memory(subject);
    for (let index = 0; index < WAITING; index += 1) await client.configs.run(config.id, {});
    await wait(1_000);
    const each = (memory(subject) - before) / WAITING;
    const spent = processorMs(subject);
    const seconds = options.quick ? 1 : 20;
    await wait(seconds * 1_000);
    rows.push([
      name,
      `${(each / 1024).toFixed(1)} KiB`,
      `${((processorMs(subject) - spent) / seconds / 10).toFixed(1)} %`,
    ]);
    await client.executions.cancel(id);
  };
  {
    await using service = await embedded([]);
    await measure("embedded", service);
  }
  {
    await using fleet = await shared(["serve", "work"]);
    await measure("1 serves, 1 works", fleet);
  }
  printTable([`of ${WAITING} executions that wait`, "memory of each, over all nodes", "processor, of one core"], rows);
  console.log();
}

async function faults(): Promise<void> {
  const rows: string[][] = [];
  await using postgres = await startPostgres("power");
  await using nats = await NatsServer.start();
  await using fleet = await Fleet.start(["serve", "serve", "work", "work"], {
    env: { MILLRACE_DATABASE_URL: postgres.address, MILLRACE_NATS_URL: nats.url },
    flags: [...FLAGS, "--shutdown-grace", "0.1"],
  });
  const endless = `
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 100000 } }], outbound: [work] }
  work: { inbound: { concurrency: 4 }, adapters: [{ type: delay, config: { seconds: 0.02 } }] }
init_message: { route: make }
`;
  const ids = [];
  for (let index = 0; index < 4; index += 1) ids.push(await fleet.run(endless));
  const [, server, one, other] = fleet.nodes;
  if (server === undefined || one === undefined || other === undefined) throw new Error("there are four nodes");
  const cases: [string, () => Promise<unknown>, () => Promise<unknown>][] = [
    ["a worker stopped (SIGTERM)", () => one.end("SIGTERM"), () => one.start()],
    ["a worker killed, lease of 2 s", () => other.end("SIGKILL"), () => other.start()],
    ["a node that serves killed", () => server.end("SIGKILL"), () => server.start()],
    [
      "NATS killed and started at once",
      async () => {
        await nats.end("SIGKILL");
        await nats.start();
      },
      async () => {},
    ],
  ];
  for (const [name, harm, mend] of cases) {
    const startedAt = performance.now();
    await harm();
    const harmed = performance.now();
    await Promise.all(ids.map((id) => goesOn(fleet, id)));
    rows.push([
      name,
      `${Math.round(performance.now() - harmed)} ms`,
      `${Math.round(performance.now() - startedAt)} ms`,
    ]);
    await mend();
    await wait(2_500);
  }
  printTable(["with four runs on two workers", "all go on after", "since the fault began"], rows);
}

/** Resolves when a client that comes now has seen a message complete. */
async function goesOn(fleet: Fleet, id: string): Promise<void> {
  const seen = new AbortController();
  for await (const event of fleet.client.executions.events(id, { since: "now", signal: seen.signal })) {
    if (event.type === "completed") break;
  }
  seen.abort();
}

async function embedded(flags: readonly string[]): Promise<Subject> {
  const service = await ServiceProcess.start([...FLAGS, ...flags]);
  return {
    url: service.url,
    pids: [service.pid],
    [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
  };
}

async function shared(roles: readonly Role[]): Promise<Subject> {
  const stack = new AsyncDisposableStack();
  try {
    const postgres = stack.use(await startPostgres("power"));
    const nats = stack.use(await NatsServer.start());
    const env = { MILLRACE_DATABASE_URL: postgres.address, MILLRACE_NATS_URL: nats.url };
    const fleet = stack.use(await Fleet.start(roles, { env, flags: FLAGS }));
    const pids = fleet.nodes.map(({ pid }) => pid);
    return { url: fleet.url, pids, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/** Resident, in bytes. */
function memory({ pids }: Subject): number {
  const of = (pid: number) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
  return pids.reduce((sum, pid) => sum + of(pid), 0);
}

/** Processor time since the start, in milliseconds: in /proc it is in hundredths of a second. */
function processorMs({ pids }: Subject): number {
  const of = (pid: number) => {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) * 10;
  };
  return pids.reduce((sum, pid) => sum + of(pid), 0);
}

function show(value: number): string {
  return Math.round(value).toLocaleString("en");
}
