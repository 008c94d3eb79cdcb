/**
 * What a commit costs until another process has it: how many a second the feed carries between two processes over NATS,
 * and how long one takes. The commits are made up; no database takes part.
 *
 *     npx node bench/feed.ts [--quick]
 *
 * NATS is at NATS_URL, nats://127.0.0.1:4222 by default.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import type { JournalEntry } from "@millrace/engine";
import { busFeed, type CommittedGroup, openNatsBus } from "@millrace/stores";
import { v7 } from "uuid";
import { benchOptions } from "./options.ts";

const { NATS_URL = "nats://127.0.0.1:4222", FEED_LISTENS_TO } = process.env;
const prefix = FEED_LISTENS_TO ?? `bench.${v7()}`;
const { quick } = benchOptions();

/** Frames of a commit: what five messages of five events come to. */
const EVENTS = 25;
const FRAMES = Buffer.alloc(EVENTS * 400, "x");

/** Commits per run. */
const PACED = { commits: quick ? 100 : 5_000, perSecond: 500 };
const FLOOD = quick ? 1_000 : 50_000;

/** Commits that may be on their way to the listener where they go as fast as it takes them. */
const AHEAD = 200;

/** How often it says how far it is, in commits. */
const SAYS_EVERY = 50;

/** The store of a service that has only ever been told: nothing is read. */
const source = {
  readHead: async () => 0,
  readAfter: async (last: number) => ({ last, entries: [], objectEntries: [] }),
};

const bus = await openNatsBus({ servers: NATS_URL, prefix, name: "bench" });
const feed = busFeed(bus)(source, 0);
if (FEED_LISTENS_TO === undefined) await tell();
else await listen();
feed.close();
await bus.close();

async function tell(): Promise<void> {
  const listener = fork(import.meta.filename, process.argv.slice(2), {
    env: { ...process.env, FEED_LISTENS_TO: prefix },
  });
  const exited = once(listener, "exit");
  let told = -1;
  listener.on("message", (message) => {
    told = Number(message);
  });
  while (told < 0) await wait(10);
  let position = 0;
  const start = performance.now();
  for (let sent = 0; sent < PACED.commits; ) {
    for (const due = ((performance.now() - start) / 1_000) * PACED.perSecond; sent < due; sent += 1) {
      position = send(position);
    }
    await wait(1);
  }
  while (told < PACED.commits) await wait(10);
  for (let sent = 0; sent < FLOOD; sent += 1) {
    while (PACED.commits + sent - told >= AHEAD) await new Promise((resolve) => setImmediate(resolve));
    position = send(position);
  }
  await exited;
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
    const commits = feed.head / EVENTS;
    if (commits % SAYS_EVERY === 0) process.send?.(commits);
    if (delays.length === PACED.commits && feed.head === PACED.commits * EVENTS) {
      report(`paced, ${PACED.perSecond} commits a second`, delays, now - began);
      delays = [];
    } else if (feed.head === (PACED.commits + FLOOD) * EVENTS) {
      report(`as fast as they go, ${AHEAD} on their way`, delays, now - began);
      resolve();
    }
  });
  process.send?.(0);
  await promise;
  process.disconnect?.();
}

function report(what: string, delays: number[], took: bigint): void {
  const sorted = delays.toSorted((a, b) => a - b);
  const at = (share: number) => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(2);
  const rate = (delays.length / Number(took)) * 1e9;
  process.stdout.write(
    `${what}: ${Math.round(rate)} commits/s of ${EVENTS} events and ${FRAMES.length} bytes, ${delays.length} told; latency p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(0.9999)} ms\n`,
  );
}
