import { Driver } from "./driver/driver.ts";
import { residentBytes } from "./machine.ts";
import { best, DRIVER_CORE, latency, type Measured, openAll, thousands, weighTheSame } from "./measured.ts";
import type { Target } from "./targets.ts";

/** What fan-out is measured by. */
export interface FanOutOptions {
  readonly subscribers: number;
  /** How long a stretch takes, and how many there are, of which the best counts. */
  readonly seconds: number;
  readonly rounds: number;
  /** Events outstanding in the second measurement. */
  readonly several: number;
  readonly burst: number;
  /** Deliveries a second at which latencies are taken. */
  readonly rates: readonly number[];
}

/** One server's fan-out. */
export interface FanOut {
  readonly name: string;
  readonly acceptsPerSecond: number;
  readonly bytesPerConnection: number;
  readonly one: Measured;
  readonly several: Measured;
  readonly burst: Measured;
  /** At each of the rates; null where the server does not reach it. */
  readonly atRates: readonly (Measured | null)[];
}

/** Measures a server, and stops it. `frameBytes`: what its frames are to weigh, where that can be chosen. */
export async function measureFanOut(
  start: () => Promise<Target>,
  frameBytes: number | null,
  { subscribers, seconds, rounds, several: outstanding, burst: size, rates }: FanOutOptions,
): Promise<FanOut> {
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
    await driver.outstanding(outstanding, seconds);
    const one = await best(driver, target, rounds, () => driver.outstanding(1, seconds));
    const several = await best(driver, target, rounds, () => driver.outstanding(outstanding, seconds));
    const burst = await best(driver, target, rounds, () => driver.bursts(size, seconds));
    const most = Math.max(one.perSecond, several.perSecond, burst.perSecond);
    const atRates: (Measured | null)[] = [];
    for (const rate of rates) {
      // A server that cannot keep up is not asked for what it cannot do.
      if (most < rate) atRates.push(null);
      else {
        const stretch = () => driver.rate(rate / subscribers, seconds);
        atRates.push(await best(driver, target, rounds, stretch, (a, b) => a.p99Ms < b.p99Ms));
      }
    }
    const name = `${target.name} ${target.version}`.trim();
    return { name, acceptsPerSecond: perSecond, bytesPerConnection, one, several, burst, atRates };
  } finally {
    await target.stop();
  }
}

/** The heads of the columns of {@link fanOutCells}. */
export function fanOutHead({ several, burst, rates }: FanOutOptions): string[] {
  return [
    "server",
    "one at a time",
    `${several} outstanding`,
    `bursts of ${burst}`,
    "× nchan",
    "µs CPU a delivery",
    ...rates.map((rate) => `p50 / p99 ms at ${rate / 1000}k/s`),
    "KB a connection",
    "accepts/s",
    "driver's core",
  ];
}

/** A row of the table: deliveries a second, as they are and as ratios to nchan's, and the rest. */
export function fanOutCells(row: FanOut, nchan: FanOut | undefined): string[] {
  const all = [row.one, row.several, row.burst];
  const base = nchan === undefined ? [] : [nchan.one, nchan.several, nchan.burst];
  return [
    row.name,
    ...all.map((run) => thousands(run.perSecond)),
    base.map((run, index) => ((all[index]?.perSecond ?? 0) / run.perSecond).toFixed(2)).join(" / "),
    all.map((run) => run.cpuUs.toFixed(1)).join(" / "),
    ...row.atRates.map((run) => (run === null ? "saturated" : latency(run))),
    (row.bytesPerConnection / 1024).toFixed(1),
    thousands(row.acceptsPerSecond),
    all.map((run) => `${Math.round(run.driverCpu * 100)}%`).join(" / "),
  ];
}
