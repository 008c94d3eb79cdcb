/**
 * One port served by several processes, on both cores, the driver among them: `npx node bench/workers.ts`.
 */
import { machine } from "./machine.ts";
import { type FanOutOptions, fanOutCells, fanOutHead, measureFanOut } from "./measure-fan-out.ts";
import { benchOptions, isWanted } from "./options.ts";
import { printTable } from "./report.ts";
import { startMillrace, startNchan } from "./targets.ts";

const options = benchOptions();
const subscribers = options.subscribers ?? (options.quick ? 100 : 1_000);
const measured: FanOutOptions = {
  subscribers,
  seconds: options.seconds ?? (options.quick ? 0.2 : 1),
  rounds: options.quick ? 1 : 3,
  several: subscribers > 2_000 ? 4 : 8,
  burst: 100,
  rates: [20_000, 100_000],
};

const rows = [];
let frameBytes = 450;
for (const workers of [1, 2]) {
  const flags = ["--workers", String(workers)];
  const row = await measureFanOut(() => startMillrace({ flags }, null), null, measured);
  frameBytes = row.one.bytesPerFrame;
  rows.push({ ...row, name: `${row.name}, \`--workers ${workers}\`` });
}
for (const workers of isWanted(options, "nchan") ? [1, 2] : []) {
  rows.push(await measureFanOut(() => startNchan(workers)(frameBytes, null), frameBytes, measured));
}
const nchan = rows.find(({ name }) => name.startsWith("nchan"));
console.log(
  `${machine()}. ${subscribers.toLocaleString("en")} subscribers, ${Math.round(frameBytes)} bytes a delivery; the server on both cores, the driver pinned to one of them.\n`,
);
printTable(
  fanOutHead(measured),
  rows.map((row) => fanOutCells(row, nchan)),
);
