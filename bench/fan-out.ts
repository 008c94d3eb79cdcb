/**
 * Deliveries a second from one execution to many subscribers, beside other servers of event streams in the same run:
 * `npx node bench/fan-out.ts [--subscribers 10000] [--only millrace,nchan]`.
 */
import { Driver, type Opened, type Run } from "./driver/driver.ts";
import { cpuSeconds, machine, residentBytes } from "./machine.ts";
import { benchOptions, isWanted } from "./options.ts";
import { printTable } from "./report.ts";
import { ceiling, nodePeer, type Start, startMillrace, startNchan, type Target } from "./targets.ts";

/** One server's row. */
interface Row {
  readonly target: Target;
  readonly opened: Opened;
  readonly bytesPerConnection: number;
  readonly one: Run;
  readonly some: Run;
  readonly burst: Run;
  readonly cpuOne: number;
  readonly cpuBurst: number;
  readonly slow: Run;
  readonly fast: Run | null;
}

const options = benchOptions();
const subscribers = options.subscribers ?? (options.quick ? 100 : 1_000);
const seconds = options.seconds ?? (options.quick ? 0.3 : 3);
/** Events outstanding in the middle row: fewer to more subscribers, or the time to come around is what is measured. */
const several = subscribers > 2_000 ? 4 : 8;
const BURST = 100;
const SERVER_CORE = 0;
const DRIVER_CORE = 1;

const peers: readonly (readonly [string, Start])[] = [
  ["nchan", startNchan],
  ["node:http", nodePeer("node:http, a shared buffer", "node-http.js", null)],
  ["better-sse", nodePeer("better-sse `broadcast`", "better-sse.js", "better-sse")],
  ["better-sse batch", nodePeer("better-sse shared `batch`", "better-sse.js", "better-sse", ["batch"])],
  ["@fastify/sse", nodePeer("@fastify/sse", "fastify-sse.js", "@fastify/sse")],
  ["hono", nodePeer("hono `streamSSE`", "hono.js", "hono")],
  ["ceiling", ceiling(false)],
  ["ceiling-batch", ceiling(true)],
];

const rows: Row[] = [];
// Ours is first: what its frames weigh, the others' are to weigh.
const ours = await row(() => startMillrace({ messages: BURST }, SERVER_CORE));
if (isWanted(options, "millrace")) rows.push(ours);
for (const [name, start] of peers) {
  if (!isWanted(options, name)) continue;
  try {
    const { bytesPerFrame } = ours.one;
    rows.push(await row(() => start(bytesPerFrame, SERVER_CORE), bytesPerFrame));
  } catch (error) {
    console.error(`${name}: ${error instanceof Error ? error.message : error}`);
  }
}
print();

async function row(start: () => Promise<Target>, frameBytes = 0): Promise<Row> {
  const target = await start();
  try {
    await using driver = Driver.start(DRIVER_CORE);
    await driver.target(target.url, target.paths);
    await driver.publishing(target.publishing);
    await driver.settle(0.2);
    const before = residentBytes(target.pid);
    const opened = await driver.open(subscribers);
    if (opened.opened !== subscribers) throw new Error(`only ${opened.opened} of ${subscribers} streams were opened`);
    await driver.settle(0.5);
    const bytesPerConnection = (residentBytes(target.pid) - before) / subscribers;
    const warm = await driver.outstanding(1, seconds / 3);
    await weighTheSame(driver, target, frameBytes - warm.bytesPerFrame);
    await driver.outstanding(several, seconds / 3);
    const one = await measured(driver, target, () => driver.outstanding(1, seconds));
    const some = await measured(driver, target, () => driver.outstanding(several, seconds));
    const burst = await measured(driver, target, () => driver.bursts(BURST, seconds));
    const slow = await driver.rate(20_000 / subscribers, seconds);
    // What cannot keep up at all need not be asked for what it cannot do.
    const fast =
      some.run.perSecond > 90_000 || burst.run.perSecond > 110_000
        ? await driver.rate(100_000 / subscribers, seconds)
        : null;
    return {
      target,
      opened,
      bytesPerConnection,
      one: one.run,
      some: some.run,
      burst: burst.run,
      cpuOne: one.cpu,
      cpuBurst: burst.cpu,
      slow,
      fast,
    };
  } finally {
    await target.stop();
  }
}

/** Gives a peer's frames the weight of ours: what a frame has beside its data is known once one has come. */
async function weighTheSame(driver: Driver, { publishing }: Target, more: number): Promise<void> {
  if (publishing.kind === "post") await driver.publishing({ ...publishing, bytes: publishing.bytes + more });
}

async function measured(driver: Driver, target: Target, run: () => Promise<Run>): Promise<{ run: Run; cpu: number }> {
  const before = cpuSeconds(target.pid);
  const done = await run();
  if (done.outstanding > 0) throw new Error(`${done.outstanding} events did not reach everybody`);
  await driver.settle(0.1);
  return { run: done, cpu: ((cpuSeconds(target.pid) - before) / done.deliveries) * 1e6 };
}

function print(): void {
  const base = rows.find(({ target }) => target.name === "nchan");
  console.log(
    `${machine()}. ${subscribers.toLocaleString("en")} subscribers, ${Math.round(ours.one.bytesPerFrame)} bytes a delivery; the server on one core, the driver on another.\n`,
  );
  printTable(
    [
      "server",
      "one at a time",
      `${several} outstanding`,
      `bursts of ${BURST}`,
      "against nchan",
      "µs CPU: one / burst",
      "p50 / p99 ms at 20k/s",
      "at 100k/s",
      "KB a connection",
      "accepts/s",
      "driver's core",
      "bytes",
    ],
    rows.map((each) => [
      `${each.target.name} ${each.target.version}`.trim(),
      thousands(each.one),
      thousands(each.some),
      thousands(each.burst),
      base === undefined
        ? ""
        : [each.one, each.some, each.burst]
            .map((run, index) => ratio(run, [base.one, base.some, base.burst][index]))
            .join(" / "),
      `${each.cpuOne.toFixed(1)} / ${each.cpuBurst.toFixed(1)}`,
      latency(each.slow),
      each.fast === null ? "saturated" : latency(each.fast),
      (each.bytesPerConnection / 1024).toFixed(1),
      `${(each.opened.perSecond / 1000).toFixed(1)}k`,
      [each.one, each.some, each.burst].map((run) => `${Math.round(run.driverCpu * 100)}%`).join(" / "),
      Math.round(each.one.bytesPerFrame),
    ]),
  );
}

function thousands(run: Run): string {
  return `${(run.perSecond / 1000).toFixed(0)}k`;
}

function latency(run: Run): string {
  const lost = run.outstanding > 0 ? ` (${run.outstanding} events late)` : "";
  return `${run.p50Ms.toFixed(1)} / ${run.p99Ms.toFixed(1)}${lost}`;
}

function ratio(run: Run, base: Run | undefined): string {
  return base === undefined ? "" : (run.perSecond / base.perSecond).toFixed(2);
}
