/**
 * What a commit costs until another process has it: how many a second the feed carries between two processes over NATS,
 * and how long one takes. The commits are made up; no database takes part.
 *
 *     npx node bench/feed.ts [nats://127.0.0.1:4222]
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import type { JournalEntry } from "@millrace/engine";
import { busFeed, type CommittedGroup, openNatsBus } from "@millrace/stores";
import { v7 } from "uuid";

const [servers = "nats://127.0.0.1:4222", role = "tells", prefix = `bench.${v7()}`] = process.argv.slice(2);

/** Frames of a commit: what five messages of five events come to. */
const EVENTS = 25;
const FRAMES = Buffer.alloc(EVENTS * 400, "x");

/** Commits per run. */
const PACED = { commits: 5_000, perSecond: 500 };
const FLOOD = 50_000;

/** The store of a service that has only ever been told: nothing is read. */
const source = {
  readHead: async () => 0,
  readAfter: async (last: number) => ({ last, entries: [], objectEntries: [] }),
};

const bus = await openNatsBus({ servers, prefix, name: `bench ${role}` });
const feed = busFeed(bus)(source, 0);
if (role === "listens") await listen();
else await tell();

async function tell(): Promise<void> {
  const listener = spawn(process.execPath, [import.meta.filename, servers, "listens", prefix], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  listener.stdout.on("data", (chunk) => {
    output += chunk;
  });
  while (!output.includes("ready\n")) await wait(10);
  let position = 0;
  const commit = () => {
    position = send(position);
  };
  const start = performance.now();
  for (let sent = 0; sent < PACED.commits; ) {
    for (const due = ((performance.now() - start) / 1_000) * PACED.perSecond; sent < due; sent += 1) commit();
    await wait(1);
  }
  while (!output.includes("paced")) await wait(10);
  for (let sent = 0; sent < FLOOD; sent += 1) {
    commit();
    // As a service whose turns have other things to do as well; and what is published too fast is lost.
    if (sent % 20 === 19) await new Promise((resolve) => setImmediate(resolve));
  }
  await once(listener, "exit");
  process.stdout.write(output.replace("ready\n", ""));
  feed.close();
  await bus.close();
}

/** A commit after a position; returns its last. The time is at the beginning of its frames. */
function send(prev: number): number {
  const last = prev + EVENTS;
  const frames = Buffer.from(FRAMES);
  frames.writeBigInt64LE(process.hrtime.bigint());
  const executionId = "01920000-0000-7000-8000-000000000000";
  const entry: JournalEntry = { kind: "events", executionId, first: prev + 1, last, count: EVENTS, frames };
  const group: CommittedGroup = { prev, last, entries: [entry], objectEntries: [] };
  feed.committed(group);
  return last;
}

async function listen(): Promise<void> {
  let delays: number[] = [];
  let began = 0n;
  const { promise, resolve } = Promise.withResolvers<void>();
  feed.onCommit((entries) => {
    const now = process.hrtime.bigint();
    for (const entry of entries) {
      if (entry.kind !== "events") continue;
      if (delays.length === 0) began = now;
      delays.push(Number(now - entry.frames.readBigInt64LE()) / 1e6);
    }
    if (delays.length === PACED.commits && feed.head === PACED.commits * EVENTS) {
      report(`paced, ${PACED.perSecond} commits a second`, delays, now - began);
      delays = [];
    } else if (feed.head === (PACED.commits + FLOOD) * EVENTS) {
      report("as fast as they go", delays, now - began);
      resolve();
    }
  });
  process.stdout.write("ready\n");
  await promise;
  feed.close();
  await bus.close();
}

function report(what: string, delays: number[], took: bigint): void {
  const sorted = delays.toSorted((a, b) => a - b);
  const at = (share: number) => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(2);
  const rate = (delays.length / Number(took)) * 1e9;
  process.stdout.write(
    `${what}: ${Math.round(rate)} commits/s of ${EVENTS} events and ${FRAMES.length} bytes, ${delays.length} told; latency p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(0.9999)} ms\n`,
  );
}
