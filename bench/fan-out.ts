/**
 * Deliveries a second from one execution to many subscribers, beside other servers of event streams in the same run:
 * `npx node bench/fan-out.ts [--subscribers 10000] [--only nchan,hono]`.
 */
import { Driver } from "./driver/driver.ts";
import { machine, residentBytes } from "./machine.ts";
import {
  best,
  DRIVER_CORE,
  latency,
  type Measured,
  openAll,
  SERVER_CORE,
  thousands,
  weighTheSame,
} from "./measured.ts";
import { benchOptions, isWanted } from "./options.ts";
import { printTable } from "./report.ts";
import { ceiling, nodePeer, type Start, startMillrace, startNchan, type Target } from "./targets.ts";

/** One server's row. */
interface Row {
  readonly target: Target;
  readonly acceptsPerSecond: number;
  readonly bytesPerConnection: number;
  readonly one: Measured;
  readonly several: Measured;
  readonly burst: Measured;
  readonly slow: Measured | null;
  readonly fast: Measured | null;
}

const options = benchOptions();
const subscribers = options.subscribers ?? (options.quick ? 100 : 1_000);
const seconds = options.seconds ?? (options.quick ? 0.3 : 1);
const rounds = options.quick ? 1 : 3;
/** Events outstanding in the second column: with more subscribers fewer, as each takes longer. */
const SEVERAL = subscribers > 2_000 ? 4 : 8;
const BURST = 100;

const peers: readonly (readonly [string, Start])[] = [
  ["nchan", startNchan],
  ["node:http", nodePeer("node:http, a shared buffer", "node-http.js", null)],
  ["better-sse", nodePeer("better-sse `broadcast`", "better-sse.js", "better-sse")],
  ["better-sse-batch", nodePeer("better-sse shared `batch`", "better-sse.js", "better-sse", ["batch"])],
  ["@fastify/sse", nodePeer("@fastify/sse", "fastify-sse.js", "@fastify/sse")],
  ["hono", nodePeer("hono `streamSSE`", "hono.js", "hono")],
  ["ceiling", ceiling(false)],
  ["ceiling-batch", ceiling(true)],
];

// Ours comes first: what its frames weigh, the others' are to weigh.
const ours = await row(() => startMillrace({ messages: BURST }, SERVER_CORE), null);
const rows = [ours];
for (const [name, start] of peers) {
  if (!isWanted(options, name)) continue;
  const { bytesPerFrame } = ours.one;
  rows.push(await row(() => start(bytesPerFrame, SERVER_CORE), bytesPerFrame));
}
const nchan = rows.find(({ target }) => target.name === "nchan");
const heading = `${subscribers.toLocaleString("en")} subscribers, ${Math.round(ours.one.bytesPerFrame)} bytes a delivery`;
console.log(`${machine()}. ${heading}; the server on one core, the driver on another.\n`);
printTable(
  [
    "server",
    "one at a time",
    `${SEVERAL} outstanding`,
    `bursts of ${BURST}`,
    "× nchan",
    "µs CPU a delivery",
    "p50 / p99 ms at 20k/s",
    "at 100k/s",
    "KB a connection",
    "accepts/s",
    "driver's core",
  ],
  rows.map(cells),
);

async function row(start: () => Promise<Target>, frameBytes: number | null): Promise<Row> {
  const target = await start();
  try {
    await using driver = Driver.start(DRIVER_CORE);
    await driver.target(target.url, target.paths);
    await driver.publishing(target.publishing);
    // What is loaded and compiled for the first of them is not what each of them costs.
    await openAll(driver, 50);
    if (frameBytes !== null) await weighTheSame(driver, target, frameBytes);
    await driver.close();
    await driver.settle(0.3);
    const before = residentBytes(target.pid);
    const { perSecond } = await openAll(driver, subscribers);
    await driver.settle(0.5);
    const bytesPerConnection = (residentBytes(target.pid) - before) / subscribers;
    await driver.outstanding(SEVERAL, seconds);
    const one = await best(driver, target, rounds, () => driver.outstanding(1, seconds));
    const several = await best(driver, target, rounds, () => driver.outstanding(SEVERAL, seconds));
    const burst = await best(driver, target, rounds, () => driver.bursts(BURST, seconds));
    const most = Math.max(one.perSecond, several.perSecond, burst.perSecond);
    // A server that cannot keep up is not asked for what it cannot do.
    const atRate = async (rate: number) =>
      most < rate
        ? null
        : await best(
            driver,
            target,
            rounds,
            () => driver.rate(rate / subscribers, seconds),
            (a, b) => a.p99Ms < b.p99Ms,
          );
    const [slow, fast] = [await atRate(20_000), await atRate(100_000)];
    return { target, acceptsPerSecond: perSecond, bytesPerConnection, one, several, burst, slow, fast };
  } finally {
    await target.stop();
  }
}

function cells({ target, one, several, burst, slow, fast, bytesPerConnection, acceptsPerSecond }: Row): string[] {
  const all = [one, several, burst];
  const base = nchan === undefined ? [] : [nchan.one, nchan.several, nchan.burst];
  return [
    `${target.name} ${target.version}`.trim(),
    ...all.map((run) => thousands(run.perSecond)),
    base.map((run, index) => ((all[index]?.perSecond ?? 0) / run.perSecond).toFixed(2)).join(" / "),
    all.map((run) => run.cpuUs.toFixed(1)).join(" / "),
    slow === null ? "saturated" : latency(slow),
    fast === null ? "saturated" : latency(fast),
    (bytesPerConnection / 1024).toFixed(1),
    thousands(acceptsPerSecond),
    all.map((run) => `${Math.round(run.driverCpu * 100)}%`).join(" / "),
  ];
}
