/**
 * Messages a second through three steps that do nothing, each of them durable, beside the job queues of npm on Redis and
 * PostgreSQL: `npx node bench/queues.ts [--quick] [--only NAME,NAME]`.
 *
 * The queues' packages are installed here, as `bench/peers/queues/package-lock.json` pins them; Redis and PostgreSQL are
 * Debian's (redis-server, postgresql), and a queue whose server is missing is left out. What each queue is set to
 * stands at the top of its program in `bench/peers/queues/`.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { measurePipeline } from "./journal-pipeline.ts";
import { machine } from "./machine.ts";
import { benchOptions, isWanted } from "./options.ts";
import { postgresVersion, redisVersion, type Survives, startPostgres, startRedis } from "./queue-servers.ts";
import { printTable } from "./report.ts";

const PEERS = join(import.meta.dirname, "peers", "queues");

const options = benchOptions();
// Whatever was started goes with this process.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
const ROUNDS = options.quick ? 1 : 2;
const MESSAGES = options.quick ? 500 : 20_000;
/** The queues get fewer, or they would take minutes; their clock starts when all is connected and the jobs are there. */
const QUEUED = options.quick ? { process: 200, power: 100 } : { process: 10_000, power: 2_000 };

interface Contender {
  readonly name: string;
  readonly how: string;
  measure(survives: Survives): Promise<number>;
}

const durabilityOf = (survives: Survives) => (survives === "power" ? "full" : "normal");

const contenders: Contender[] = [
  {
    name: "Millrace, one route",
    how: "one route of three adapters: taken once, five events",
    measure: (survives) => measurePipeline(MESSAGES, 1, "one route", durabilityOf(survives)),
  },
  {
    name: "Millrace, three routes",
    how: "three routes, a queue before each adapter: nine events",
    measure: (survives) => measurePipeline(MESSAGES, 1, "three routes", durabilityOf(survives)),
  },
];

installPeers();
const redis = redisVersion();
const postgres = postgresVersion();
if (redis === null) console.error("Without Debian's redis-server BullMQ is left out.");
else {
  const onRedis = (name: string, how: string, ...args: string[]) =>
    contenders.push({ name: `${name} ${versionOf("bullmq")}`, how, measure: overRedis(args) });
  onRedis("BullMQ", "a job at a time, 200 at once a queue");
  onRedis("BullMQ, gathered", "what steps add in a turn of the loop in one `addBulk`", "gather");
}
if (postgres === null) console.error("Without Debian's postgresql pg-boss and graphile-worker are left out.");
else {
  const onPostgres = (name: string, how: string, script: string, ...args: string[]) =>
    contenders.push({ name: `${name} ${versionOf(script)}`, how, measure: overPostgres(script, args) });
  onPostgres("pg-boss", "500 jobs fetched, added and completed as one", "pg-boss");
  onPostgres("pg-boss, singly", "500 jobs fetched and added as one, each settled by itself", "pg-boss", "singly");
  onPostgres("graphile-worker", "24 jobs at once, local queue of 500, completions in batches", "graphile-worker");
  onPostgres(
    "graphile-worker, gathered",
    "and what steps add in a turn of the loop in one `addJobs`",
    "graphile-worker",
    "gather",
  );
}

const count = (messages: number) => messages.toLocaleString("en");
const servers = [redis === null ? "" : `Redis ${redis}`, postgres === null ? "" : `PostgreSQL ${postgres}`];
console.log(
  `${[machine(), ...servers].filter(Boolean).join(", ")}. ${count(MESSAGES)} messages, ${count(QUEUED.process)} through the queues (${count(QUEUED.power)} where each commit is flushed); the best of ${ROUNDS} rounds, all in turn.\n`,
);

const wanted = contenders.filter(({ name }) => isWanted(options, name));
const found = new Map<string, number>();
for (let round = 0; round < ROUNDS; round += 1) {
  for (const contender of wanted) {
    for (const survives of ["process", "power"] as const) {
      const key = `${contender.name} ${survives}`;
      found.set(key, Math.max(found.get(key) ?? 0, await contender.measure(survives)));
    }
  }
}

const ours = (survives: Survives) => found.get(`Millrace, one route ${survives}`) ?? Number.NaN;
const cell = (name: string, survives: Survives) => {
  const rate = found.get(`${name} ${survives}`) ?? Number.NaN;
  const ratio = ours(survives) / rate;
  return `${Math.round(rate).toLocaleString("en")} (${ratio.toFixed(1)})`;
};
printTable(
  ["messages/s through three steps", "survives a killed process", "survives a power cut", "how"],
  wanted.map(({ name, how }) => [name, cell(name, "process"), cell(name, "power"), how]),
);
console.log("\nIn brackets: how many times as many Millrace does in one route.");

function overRedis(args: readonly string[]) {
  return async (survives: Survives): Promise<number> => {
    await using server = await startRedis(survives);
    return await run("bullmq", server.address, QUEUED[survives], args);
  };
}

function overPostgres(script: string, args: readonly string[]) {
  return async (survives: Survives): Promise<number> => {
    await using server = await startPostgres(survives);
    return await run(script, server.address, QUEUED[survives], args);
  };
}

/** Runs a queue's program to its end. */
async function run(script: string, address: string, messages: number, args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [join(PEERS, `${script}.js`), address, `${messages}`, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    timeout: 120_000,
  });
  const killed = () => child.kill("SIGKILL");
  process.once("exit", killed);
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  process.off("exit", killed);
  const last = printed.trim().split("\n").at(-1) ?? "";
  if (code !== 0 || !last.startsWith("{")) throw new Error(`${script} ended with ${code}`);
  const { rate } = JSON.parse(last);
  return Number(rate);
}

function versionOf(name: string): string {
  return JSON.parse(readFileSync(join(PEERS, "node_modules", name, "package.json"), "utf8")).version;
}

/** Installs what the lock file says, where it is not there yet. */
function installPeers(): void {
  const wanted = readFileSync(join(PEERS, "package-lock.json"), "utf8");
  const mark = join(PEERS, "node_modules", ".installed");
  if (existsSync(mark) && readFileSync(mark, "utf8") === wanted) return;
  const done = spawnSync("npm", ["ci", "--ignore-scripts", "--no-fund", "--no-audit", "--no-workspaces"], {
    cwd: PEERS,
    encoding: "utf8",
  });
  if (done.status !== 0) throw new Error(`npm ci in bench/peers/queues: ${done.error ?? done.stderr}`);
  writeFileSync(mark, wanted);
}
