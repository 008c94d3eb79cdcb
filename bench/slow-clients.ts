/**
 * Clients that stop reading: what they cost in memory, what they cost the others, and whether they get every event in
 * the end: `npx node bench/slow-clients.ts [--subscribers 1000] [--events 20000]`.
 */
import { Driver } from "./driver/driver.ts";
import { machine, residentBytes } from "./machine.ts";
import { DRIVER_CORE, openAll, SERVER_CORE, thousands, weighTheSame } from "./measured.ts";
import { startMillrace } from "./millrace.ts";
import { benchOptions, isWanted } from "./options.ts";
import { nodePeer, startNchan } from "./peers/servers.ts";
import { printTable, progress } from "./report.ts";
import type { Start, Target } from "./target.ts";

const options = benchOptions();
const slow = options.subscribers ?? (options.quick ? 20 : 1_000);
const events = options.events ?? (options.quick ? 1_000 : 20_000);
const seconds = options.seconds ?? (options.quick ? 0.2 : 2);
const HEALTHY = 100;
const BURST = 100;

const peers: readonly (readonly [string, Start])[] = [
  ["nchan", startNchan(1)],
  ["node:http", nodePeer("node:http, a shared buffer", "node-http.js", null)],
];
let frameBytes: number | null = null;
/** Events that there are: more than are read in all, however quick the machine is. */
const GATES = 400;
const rows = [await row(() => startMillrace({ gates: GATES }, SERVER_CORE))];
for (const [name, start] of peers) {
  if (isWanted(options, name)) rows.push(await row(() => start(frameBytes ?? 450, SERVER_CORE)));
}
console.log(
  `${machine()}. ${slow.toLocaleString("en")} clients that stop reading, beside ${HEALTHY} that read; ${events.toLocaleString("en")} events of ${Math.round(frameBytes ?? 0)} bytes.\n`,
);
printTable(
  [
    "server",
    "deliveries/s to the others, alone",
    "beside the slow",
    "memory before",
    "grown by, while they do not read",
    "a slow client",
    "while they catch up",
    "slow clients that got every event",
    "caught up in",
  ],
  rows,
);

async function row(start: () => Promise<Target>): Promise<string[]> {
  const target = await start();
  try {
    await using driver = Driver.start(DRIVER_CORE);
    await driver.target(target.url, target.paths);
    await driver.publishing(target.publishing);
    await openAll(driver, HEALTHY);
    if (frameBytes !== null) await weighTheSame(driver, target, frameBytes);
    const alone = await driver.bursts(BURST, seconds);
    frameBytes ??= alone.bytesPerFrame;
    await driver.close();
    // All anew, so that each has the same to read.
    await openAll(driver, HEALTHY);
    await openAll(driver, slow);
    await driver.settle(0.5);
    const before = residentBytes(target.pid);
    await driver.stall(HEALTHY, HEALTHY + slow);
    let published = 0;
    let beside = alone;
    while (published < events) {
      beside = await driver.bursts(BURST, seconds / 4);
      published += beside.events;
      if (beside.outstanding > 0)
        throw new Error(`${target.name}: ${beside.outstanding} events did not reach the others`);
    }
    const stalled = residentBytes(target.pid);
    let most = stalled;
    const sampler = setInterval(() => {
      most = Math.max(most, residentBytes(target.pid));
    }, 100);
    const unstalledAt = performance.now();
    await driver.unstall(HEALTHY, HEALTHY + slow);
    const readers = await driver.until(published, target.name === "Millrace" ? 300 : 30);
    const caughtUpS = (performance.now() - unstalledAt) / 1_000;
    clearInterval(sampler);
    const got = readers.alike - HEALTHY;
    const cells = [
      `${target.name} ${target.version}`,
      thousands(alone.perSecond),
      thousands(beside.perSecond),
      mebibytes(before),
      mebibytes(stalled - before),
      `${((stalled - before) / slow / 1024).toFixed(1)} KB`,
      mebibytes(most - before),
      `${got.toLocaleString("en")} of ${slow.toLocaleString("en")}`,
      got < slow ? "never" : `${caughtUpS.toFixed(1)} s`,
    ];
    progress(cells);
    return cells;
  } finally {
    await target.stop();
  }
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
