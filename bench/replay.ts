/**
 * A finished run read back, by one client and by a hundred at once, beside plain `node:http` that sends as many bytes
 * from memory: `npx node bench/replay.ts [--events 1000000]`.
 */
import { machine } from "./machine.ts";
import { type Replay, replay } from "./measure-replay.ts";
import { SERVER_CORE } from "./measured.ts";
import { startFinished } from "./millrace.ts";
import { benchOptions } from "./options.ts";
import { startFile } from "./peers/servers.ts";
import { printTable, progress } from "./report.ts";

const options = benchOptions();
const events = options.events ?? (options.quick ? 30_000 : 1_000_000);
const many = options.subscribers ?? (options.quick ? 5 : 100);
const rounds = options.quick ? 1 : 3;

const rows: string[][] = [];
const ours = await startFinished(events, SERVER_CORE);
let bytes = 0;
let single: Replay;
try {
  single = await fastest(rounds, () => replay(ours, ours.path, 1));
  bytes = single.bytes;
  const all = await replay(ours, ours.path, many);
  rows.push(cells("Millrace", 1, single), cells("Millrace", many, all));
} finally {
  await ours.stop();
}
const peer = await startFile(bytes, SERVER_CORE);
try {
  rows.push(cells("`node:http` from memory", 1, await fastest(rounds, () => replay(peer, "/", 1))));
  rows.push(cells("`node:http` from memory", many, await replay(peer, "/", many)));
} finally {
  await peer.stop();
}
console.log(
  `${machine()}. A run of ${single.most.toLocaleString("en")} events, ${Math.round(bytes / 1e6)} MB; the server on one core, the driver on another.\n`,
);
printTable(
  ["server", "clients", "MB/s", "events/s", "memory before", "a quarter through", "half", "three quarters", "most"],
  rows,
);

async function fastest(times: number, measure: () => Promise<Replay>): Promise<Replay> {
  let found = await measure();
  for (let time = 1; time < times; time += 1) {
    const next = await measure();
    if (next.megabytesPerSecond > found.megabytesPerSecond) found = next;
  }
  return found;
}

function cells(server: string, clients: number, done: Replay): string[] {
  const { resident, residentBefore } = done;
  const at = (part: number) => resident[Math.floor(resident.length * part)] ?? residentBefore;
  const row = [
    server,
    String(clients),
    done.megabytesPerSecond.toFixed(0),
    Math.round(done.frames / done.secondsFromFirstByte).toLocaleString("en"),
    ...[residentBefore, at(0.25), at(0.5), at(0.75), Math.max(residentBefore, ...resident)].map(
      (each) => `${Math.round(each / 2 ** 20)} MiB`,
    ),
  ];
  progress(row);
  return row;
}
