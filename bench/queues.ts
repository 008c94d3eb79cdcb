/**
 * Messages a second through three steps that do nothing, each of them durable, beside the job queues of npm on Redis and
 * PostgreSQL: `npx node bench/queues.ts [--quick] [--only NAME,NAME]`.
 *
 * The queues' packages are installed here, as `bench/peers/queues/package-lock.json` pins them; Redis and PostgreSQL are
 * Debian's (redis-server, postgresql), and a queue whose server is missing is left out. What each queue is set to
 * stands at the top of its program in `bench/peers/queues/`.
 */
import { measurePipeline } from "./journal-pipeline.ts";
import { machine } from "./machine.ts";
import { benchOptions, isWanted } from "./options.ts";
import { installPeers, overPostgres, overRedis, versionOf } from "./queue-peers.ts";
import { postgresVersion, redisVersion, type Survives } from "./queue-servers.ts";
import { printTable } from "./report.ts";

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
    contenders.push({ name: `${name} ${versionOf("bullmq")}`, how, measure: overRedis(args, QUEUED) });
  onRedis("BullMQ", "a job at a time, 200 at once a queue");
  onRedis("BullMQ, gathered", "what steps add in a turn of the loop in one `addBulk`", "gather");
}
if (postgres === null) console.error("Without Debian's postgresql pg-boss and graphile-worker are left out.");
else {
  const onPostgres = (name: string, how: string, script: string, ...args: string[]) =>
    contenders.push({ name: `${name} ${versionOf(script)}`, how, measure: overPostgres(script, args, QUEUED) });
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
