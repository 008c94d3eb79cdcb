/**
 * As many subscribers, spread over one execution, a hundred, and one each: `npx node bench/spread.ts`.
 */
import { Driver } from "./driver/driver.ts";
import { machine, residentBytes } from "./machine.ts";
import { best, DRIVER_CORE, latency, openAll, SERVER_CORE, thousands, weighTheSame } from "./measured.ts";
import { startMillrace } from "./millrace.ts";
import { benchOptions, isWanted } from "./options.ts";
import { startNchan } from "./peers/servers.ts";
import { printTable, progress } from "./report.ts";
import type { Target } from "./target.ts";

const options = benchOptions();
const subscribers = options.subscribers ?? (options.quick ? 300 : 15_000);
const seconds = options.seconds ?? (options.quick ? 0.2 : 2);
const spreads = [1, Math.min(100, subscribers / 10), subscribers];

let frameBytes: number | null = null;
const rows: string[][] = [];
for (const executions of spreads) {
  // In each of the executions as many events as the measurement can want of it.
  const messages = executions === 1 ? 1_000 : executions > 1_000 ? 1 : 50;
  const gates = 60;
  rows.push(await row(executions, () => startMillrace({ executions, messages, gates }, SERVER_CORE)));
  if (isWanted(options, "nchan")) {
    rows.push(await row(executions, () => startNchan(1, executions)(frameBytes ?? 450, SERVER_CORE)));
  }
}
console.log(
  `${machine()}. ${subscribers.toLocaleString("en")} subscribers; the server on one core, the driver on another.\n`,
);
printTable(
  [
    "executions",
    "server",
    "deliveries/s, one event at a time",
    "with as many outstanding",
    "µs CPU a delivery",
    "p50 / p99 ms, one at a time",
    "KB a connection",
    "accepts/s",
  ],
  rows,
);

async function row(executions: number, start: () => Promise<Target>): Promise<string[]> {
  const target = await start();
  try {
    await using driver = Driver.start(DRIVER_CORE);
    await driver.target(target.url, target.paths);
    await driver.publishing(target.publishing);
    await openAll(driver, Math.min(50, subscribers));
    if (frameBytes !== null) await weighTheSame(driver, target, frameBytes);
    await driver.close();
    await driver.settle(0.3);
    const before = residentBytes(target.pid);
    const opened = await openAll(driver, subscribers);
    await driver.settle(0.5);
    const bytesPerConnection = (residentBytes(target.pid) - before) / subscribers;
    await driver.outstanding(1, seconds / 4);
    const one = await best(driver, target, 2, () => driver.outstanding(1, seconds));
    frameBytes ??= one.bytesPerFrame;
    const atOnce = Math.max(100, Math.min(executions, 15_000));
    const many = await best(driver, target, 2, () => driver.outstanding(atOnce, seconds));
    const cells = [
      executions.toLocaleString("en"),
      `${target.name} ${target.version}`,
      thousands(one.perSecond),
      `${thousands(many.perSecond)} (${atOnce.toLocaleString("en")})`,
      `${one.cpuUs.toFixed(1)} / ${many.cpuUs.toFixed(1)}`,
      latency(one),
      (bytesPerConnection / 1024).toFixed(1),
      thousands(opened.perSecond),
    ];
    progress(cells);
    return cells;
  } finally {
    await target.stop();
  }
}
