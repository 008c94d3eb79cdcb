/**
 * Has the stream become slower? Ratios to a peer in the same run, beside those in baseline.json:
 * `npm run bench:check`, and with `-- --record` to keep today's as the new ones.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { machine } from "./machine.ts";
import { type FanOutOptions, measureFanOut } from "./measure-fan-out.ts";
import { replay } from "./measure-replay.ts";
import { SERVER_CORE } from "./measured.ts";
import { startFinished, startMillrace } from "./millrace.ts";
import { benchOptions } from "./options.ts";
import { nodePeer, startFile } from "./peers/servers.ts";
import { printTable } from "./report.ts";

interface Expectation {
  readonly what: string;
  /** Ours divided by the peer's. */
  readonly value: number;
  readonly better: "more" | "less";
  /** How far it may be off, as a part of it, before it counts: what chance does on a shared machine. */
  readonly tolerance: number;
}

interface Baseline {
  readonly machine: string;
  readonly expectations: readonly Expectation[];
}

const FILE = join(import.meta.dirname, "baseline.json");
const options = benchOptions();
const events = options.quick ? 30_000 : 150_000;
const fanOut: FanOutOptions = {
  subscribers: options.quick ? 100 : 1_000,
  seconds: options.seconds ?? (options.quick ? 0.2 : 0.7),
  rounds: options.quick ? 1 : 5,
  several: 8,
  burst: 100,
  rates: [],
  frameBytes: null,
};

const found = [...(await fanOuts()), ...(await replays())];
if (options.record && !options.quick) {
  const baseline: Baseline = { machine: machine(), expectations: found.map(rounded) };
  writeFileSync(FILE, `${JSON.stringify(baseline, null, 2)}\n`);
}
const baseline: Baseline = JSON.parse(readFileSync(FILE, "utf8"));
const rows = found.map(compare);
console.log(`${machine()}; the baseline: ${baseline.machine}.\n`);
printTable(
  ["ours to the peer's", "now", "baseline", "allowed", ""],
  rows.map(({ cells }) => cells),
);
// Smoke says that it runs, not how fast.
if (!options.quick && rows.some(({ worse }) => worse)) process.exitCode = 1;

async function fanOuts(): Promise<Expectation[]> {
  const peerOf = nodePeer("node:http", "node-http.js", null);
  const [ours, peer] = await measureFanOut(
    [() => startMillrace({}, SERVER_CORE), (bytes) => peerOf(bytes, SERVER_CORE)],
    fanOut,
  );
  if (ours === undefined || peer === undefined) throw new Error("nothing was measured");
  return [
    more("deliveries/s, one event at a time", ours.one.perSecond / peer.one.perSecond, 0.3),
    more("deliveries/s, 8 events outstanding", ours.several.perSecond / peer.several.perSecond, 0.3),
    more("deliveries/s, bursts of 100", ours.burst.perSecond / peer.burst.perSecond, 0.4),
    less("processor time a delivery, one at a time", ours.one.cpuUs / peer.one.cpuUs, 0.2),
    less("processor time a delivery, 8 outstanding", ours.several.cpuUs / peer.several.cpuUs, 0.25),
    more("connections accepted a second", ours.acceptsPerSecond / peer.acceptsPerSecond, 0.4),
  ];
}

async function replays(): Promise<Expectation[]> {
  const ours = await startFinished(events, SERVER_CORE);
  let fastest = 0;
  let limit = 0;
  try {
    const { bytes } = await replay(ours, ours.path, 1);
    const peer = await startFile(bytes, SERVER_CORE);
    try {
      for (let round = 0; round < 5; round += 1) {
        fastest = Math.max(fastest, (await replay(ours, ours.path, 1)).megabytesPerSecond);
        limit = Math.max(limit, (await replay(peer, "/", 1)).megabytesPerSecond);
      }
    } finally {
      await peer.stop();
    }
  } finally {
    await ours.stop();
  }
  return [more("bytes/s of a finished run, to one client", fastest / limit, 0.3)];
}

function more(what: string, value: number, tolerance: number): Expectation {
  return { what, value, better: "more", tolerance };
}

function less(what: string, value: number, tolerance: number): Expectation {
  return { what, value, better: "less", tolerance };
}

function rounded(each: Expectation): Expectation {
  return { ...each, value: Number(each.value.toFixed(3)) };
}

function compare({ what, value, better }: Expectation): { cells: string[]; worse: boolean } {
  const expected = baseline.expectations.find((each) => each.what === what);
  if (expected === undefined) return { cells: [what, value.toFixed(2), "", "", "new: record it"], worse: false };
  const bound =
    better === "more" ? expected.value * (1 - expected.tolerance) : expected.value * (1 + expected.tolerance);
  const worse = better === "more" ? value < bound : value > bound;
  const allowed = `${better === "more" ? "from" : "up to"} ${bound.toFixed(2)}`;
  return { cells: [what, value.toFixed(2), expected.value.toFixed(2), allowed, worse ? "WORSE" : "ok"], worse };
}
