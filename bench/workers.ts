/**
 * One port served by several processes, on both cores, the driver among them: `npx node bench/workers.ts`.
 */
import { machine } from "./machine.ts";
import { type FanOutOptions, fanOutCells, fanOutHead, measureFanOut } from "./measure-fan-out.ts";
import { startMillrace } from "./millrace.ts";
import { benchOptions, isWanted } from "./options.ts";
import { startNchan } from "./peers/servers.ts";
import { printTable } from "./report.ts";

const options = benchOptions();
const subscribers = options.subscribers ?? (options.quick ? 100 : 1_000);
const measured: FanOutOptions = {
  subscribers,
  seconds: options.seconds ?? (options.quick ? 0.2 : 0.7),
  rounds: options.quick ? 1 : 5,
  several: subscribers > 2_000 ? 4 : 8,
  burst: 100,
  rates: [20_000, 100_000],
  frameBytes: null,
};

const counts = [1, 2];
const ours = counts.map((workers) => async () => {
  const target = await startMillrace({ flags: ["--workers", String(workers)] }, null);
  return { ...target, name: `Millrace, \`--workers ${workers}\`` };
});
const peers = isWanted(options, "nchan")
  ? counts.map((workers) => (bytes: number) => startNchan(workers)(bytes, null))
  : [];
const rows = await measureFanOut([...ours, ...peers], measured);
const nchan = rows.find(({ name }) => name.startsWith("nchan"));
console.log(
  `${machine()}. ${subscribers.toLocaleString("en")} subscribers, ${Math.round(rows[0]?.one.bytesPerFrame ?? 0)} bytes a delivery; the server on both cores, the driver pinned to one of them.\n`,
);
printTable(
  fanOutHead(measured),
  rows.map((row) => fanOutCells(row, nchan)),
);
