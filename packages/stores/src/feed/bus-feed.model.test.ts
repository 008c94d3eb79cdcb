import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import type { JournalEntry, Position } from "@millrace/engine";
import { eventually } from "../../../../test/support/eventually.ts";
import { Random } from "../../../../test/support/random.ts";
import { type MemoryBus, MemoryNetwork } from "../conformance/memory-bus.ts";
import { BusFeed } from "./bus-feed.ts";
import type { CommittedGroup } from "./commit-feed.ts";
import { away, MemoryCommits, type Part } from "./memory-commits.ts";

/** More with TEST_RUNS; the seed of what fails is printed, and run alone with TEST_SEED. */
const RUNS = Number(process.env.TEST_RUNS ?? 60);
const SEED = process.env.TEST_SEED;

test("whatever is lost, late or out of order, each listener of each node is told each commit once, in order", async () => {
  const seeds =
    SEED === undefined ? Array.from({ length: RUNS }, () => Math.floor(Math.random() * 2 ** 31)) : [Number(SEED)];
  // Several at once: a run waits most of its time.
  for (let at = 0; at < seeds.length; at += 20) await Promise.all(seeds.slice(at, at + 20).map(checkRun));
});

/** A listener, and what it has to have been told in the end: all after the head that it began at. */
interface Listening {
  readonly from: Position;
  readonly of: "events" | "objects";
  readonly told: JournalEntry[];
  /** Where it stopped; null while it listens. */
  until: Position | null;
  stop: () => void;
}

interface Node {
  readonly bus: MemoryBus;
  readonly feed: BusFeed;
  readonly listening: Listening[];
  /** Its commits, told in their order. */
  telling: Promise<void>;
}

async function checkRun(seed: number): Promise<void> {
  const random = new Random(seed);
  const network = new MemoryNetwork();
  const store = new MemoryCommits();
  const loss = random.chance(0.5) ? random.next() * 0.5 : 0;
  const slowness = random.between(0, 20);
  const failing = random.chance(0.5) ? random.next() * 0.6 : 0;
  network.onTheWay = (arrive) => {
    if (random.chance(loss)) return;
    if (random.chance(0.3)) setTimeout(arrive, random.between(0, slowness));
    else setImmediate(arrive);
  };
  let calm = false;
  store.beforeRead = async () => {
    await wait(random.between(0, 3));
    if (!calm && random.chance(failing)) throw away();
  };
  for (let count = random.between(0, 3); count > 0; count -= 1) store.commit(someParts(random));
  const options = {
    holdMs: random.between(1, 10),
    checkMs: random.between(10, 40),
    pauseMs: 5,
    maxHeldBytes: random.between(0, 1) * random.between(500, 20_000),
    pageBytes: random.between(1, 3_000),
    maxNoticeBytes: random.between(500, 10_000),
  };
  const nodes: Node[] = Array.from({ length: random.between(2, 4) }, () => {
    const bus = network.connect();
    return { bus, feed: new BusFeed(bus, store, store.head, options), listening: [], telling: Promise.resolve() };
  });
  try {
    for (let step = 0; step < 120; step += 1) {
      takeStep(random, store, nodes);
      if (random.chance(0.4)) await wait(random.between(0, 3));
    }
    calm = true;
    for (const { bus } of nodes) bus.setConnected(true);
    await eventually(() => {
      for (const { feed, listening } of nodes) {
        if (listening.some(({ until }) => until === null)) assert.equal(feed.head, store.head);
      }
    });
    await Promise.all(nodes.map(({ telling }) => telling));
    for (const { listening } of nodes) for (const each of listening) check(each, store);
  } catch (error) {
    throw new Error(`TEST_SEED=${seed}`, { cause: error });
  } finally {
    for (const { feed } of nodes) feed.close();
  }
}

function takeStep(random: Random, store: MemoryCommits, nodes: readonly Node[]): void {
  const node = nodes[random.between(0, nodes.length - 1)];
  if (node === undefined) return;
  const choice = random.next();
  if (choice < 0.7) {
    const group = store.commit(someParts(random));
    node.telling = tell(node, group, random.chance(0.2) ? random.between(0, 10) : 0);
  } else if (choice < 0.8) listen(node, random.chance(0.5) ? "events" : "objects");
  else if (choice < 0.85) {
    const going = node.listening.find(({ until }) => until === null);
    if (going === undefined) return;
    going.until = node.feed.head;
    going.stop();
  } else if (choice < 0.9) node.bus.setConnected(!node.bus.connected);
}

/** A node learns of its own commit a little after the store has it. */
async function tell(node: Node, group: CommittedGroup, delayMs: number): Promise<void> {
  await node.telling;
  await wait(delayMs);
  const told = node.feed.committed(group);
  // It goes on before all are told, as a committer does.
  told.then(() => {
    if (node.listening.some(({ until }) => until === null)) assert.ok(node.feed.head >= group.last);
  });
}

function listen(node: Node, of: "events" | "objects"): void {
  const told: JournalEntry[] = [];
  const { feed } = node;
  const listener = (entries: readonly JournalEntry[]) => {
    assert.ok(entries.length > 0);
    assert.ok(feed.head >= (entries.at(-1)?.last ?? 0), "what is told is not after the head");
    told.push(...entries);
  };
  const from = feed.head;
  const stop = of === "events" ? feed.onCommit(listener) : feed.onObjects(listener);
  node.listening.push({ from, of, told, until: null, stop });
}

function check({ from, of, told, until }: Listening, store: MemoryCommits): void {
  const all = store.groups
    .flatMap(({ entries, objectEntries }) => (of === "events" ? entries : objectEntries))
    .filter(({ first, last }) => first > from && (until === null || last <= until));
  assert.deepEqual(told.map(shape), all.map(shape));
}

function shape(entry: JournalEntry): unknown {
  const { kind, executionId, first, last } = entry;
  return kind === "events"
    ? [executionId, first, last, entry.count, Buffer.from(entry.frames).toString()]
    : [executionId, first, last, entry.lifecycle];
}

function someParts(random: Random): Part[] {
  return Array.from({ length: random.between(1, 4) }, (): Part => {
    const executionId = `execution ${random.between(1, 3)}`;
    const choice = random.next();
    if (choice < 0.1) return { kind: "hole" };
    if (choice < 0.2) return { kind: "ended", executionId };
    const size = { count: random.between(1, 5), bytes: random.between(10, random.chance(0.1) ? 5_000 : 200) };
    return { kind: choice < 0.4 ? "objects" : "events", executionId, ...size };
  });
}
