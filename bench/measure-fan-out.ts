import { Driver } from "./driver/driver.ts";
import { residentBytes } from "./machine.ts";
import { DRIVER_CORE, latency, type Measured, openAll, stretch, thousands, weighTheSame } from "./measured.ts";
import type { Target } from "./target.ts";

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
  /** What peers' frames are to weigh, in bytes; null: as much as ours. */
  readonly frameBytes: number | null;
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

interface Contender {
  readonly target: Target;
  readonly driver: Driver;
  readonly bytesPerConnection: number;
  acceptsPerSecond: number;
}

/**
 * Measures servers in turns: a stretch of the first, of the second …, and again, so that what else the machine does
 * meets all of them. The first one is ours: what its frames weigh, the others' are to weigh. All are stopped.
 */
export async function measureFanOut(
  starts: readonly ((frameBytes: number) => Promise<Target>)[],
  options: FanOutOptions,
): Promise<FanOut[]> {
  const contenders: Contender[] = [];
  try {
    let { frameBytes } = options;
    for (const [index, start] of starts.entries()) {
      const contender = await enter(await start(frameBytes ?? 450), index === 0 ? null : frameBytes, options);
      contenders.push(contender);
      frameBytes ??= (await contender.driver.outstanding(1, 0.1)).bytesPerFrame;
    }
    const { seconds, several: outstanding, burst: size } = options;
    const one = await inTurns(contenders, options, (driver) => driver.outstanding(1, seconds));
    const several = await inTurns(contenders, options, (driver) => driver.outstanding(outstanding, seconds));
    const burst = await inTurns(contenders, options, (driver) => driver.bursts(size, seconds));
    const atRates = new Map<Contender, (Measured | null)[]>(contenders.map((each) => [each, []]));
    for (const rate of options.rates) {
      // A server that cannot keep up is not asked for what it cannot do.
      const able = contenders.filter((each) =>
        [one, several, burst].some((measured) => (measured.get(each)?.perSecond ?? 0) > rate),
      );
      const perSecond = rate / options.subscribers;
      const less = (a: Measured, b: Measured) => a.p99Ms < b.p99Ms;
      const found = await inTurns(
        able,
        options,
        (driver) => driver.rate(perSecond, Math.max(seconds, 10 / perSecond)),
        less,
      );
      for (const each of contenders) atRates.get(each)?.push(found.get(each) ?? null);
    }
    await reconnect(contenders, options);
    return contenders.map((each) => ({
      name: `${each.target.name} ${each.target.version}`.trim(),
      acceptsPerSecond: each.acceptsPerSecond,
      bytesPerConnection: each.bytesPerConnection,
      one: known(one.get(each)),
      several: known(several.get(each)),
      burst: known(burst.get(each)),
      atRates: atRates.get(each) ?? [],
    }));
  } finally {
    for (const { driver, target } of contenders) {
      await driver[Symbol.asyncDispose]();
      await target.stop();
    }
  }
}

/** Opens the subscribers; what they cost in memory is taken here. */
async function enter(target: Target, frameBytes: number | null, { subscribers, several, seconds }: FanOutOptions) {
  const driver = Driver.start(DRIVER_CORE);
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
  await driver.outstanding(several, seconds);
  return { target, driver, bytesPerConnection, acceptsPerSecond: perSecond };
}

async function inTurns(
  contenders: readonly Contender[],
  { rounds }: FanOutOptions,
  run: (driver: Driver) => ReturnType<Driver["rate"]>,
  better = (a: Measured, b: Measured) => a.perSecond > b.perSecond,
): Promise<Map<Contender, Measured>> {
  const best = new Map<Contender, Measured>();
  for (let round = 0; round < rounds; round += 1) {
    for (const each of contenders) {
      const measured = await stretch(each.driver, each.target, () => run(each.driver));
      const before = best.get(each);
      if (before === undefined || better(measured, before)) best.set(each, measured);
    }
  }
  return best;
}

/** Connections accepted a second, by servers that have long been warm. */
async function reconnect(contenders: readonly Contender[], { rounds, subscribers }: FanOutOptions): Promise<void> {
  for (let round = 1; round < rounds; round += 1) {
    for (const each of contenders) {
      await each.driver.close();
      await each.driver.settle(0.2);
      const { perSecond } = await openAll(each.driver, subscribers);
      each.acceptsPerSecond = Math.max(each.acceptsPerSecond, perSecond);
    }
  }
}

function known(measured: Measured | undefined): Measured {
  if (measured === undefined) throw new Error("nothing was measured");
  return measured;
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
