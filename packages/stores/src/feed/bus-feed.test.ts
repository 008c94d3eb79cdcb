import assert from "node:assert/strict";
import { test } from "node:test";
import type { JournalEntry } from "@millrace/engine";
import { eventually } from "../../../../test/support/eventually.ts";
import { MemoryNetwork } from "../conformance/memory-bus.ts";
import { BusFeed, type BusFeedOptions, busFeed } from "./bus-feed.ts";
import { away, MemoryCommits, type Part } from "./memory-commits.ts";

/** Nothing is read, or asked for, but where a test lets it. */
const NEVER_MS = 600_000;

/** Two nodes: the one tells, the other listens. */
function twoNodes(options: BusFeedOptions = {}) {
  const network = new MemoryNetwork();
  const store = new MemoryCommits();
  const [tellingBus, listeningBus] = [network.connect(), network.connect()];
  const telling = busFeed(tellingBus, { maxNoticeBytes: 20_000 })(store, store.head);
  const listening = new BusFeed(listeningBus, store, store.head, { checkMs: NEVER_MS, ...options });
  const told: JournalEntry[] = [];
  return {
    network,
    store,
    listeningBus,
    telling,
    listening,
    told,
    listen: () => listening.onCommit((entries) => told.push(...entries)),
    [Symbol.dispose]: () => {
      telling.close();
      listening.close();
    },
  };
}

const some = (bytes = 10): Part => ({ kind: "events", executionId: "an execution", count: 2, bytes });

test("commits are told as they are, without a read, events and objects each in their own journal", async () => {
  using nodes = twoNodes({ holdMs: NEVER_MS });
  const objects: JournalEntry[] = [];
  nodes.listen();
  nodes.listening.onObjects((entries) => objects.push(...entries));
  await eventually(() => assert.equal(nodes.store.asked, 1));
  const group = nodes.store.commit([
    { kind: "objects", executionId: "one", count: 2, bytes: 50 },
    { kind: "events", executionId: "one", count: 3, bytes: 70 },
    { kind: "ended", executionId: "one" },
    { kind: "objects", executionId: "two", count: 1, bytes: 20 },
    { kind: "events", executionId: "two", count: 1, bytes: 0 },
  ]);
  await nodes.telling.committed(group);
  await eventually(() => assert.equal(nodes.listening.head, group.last));
  assert.deepEqual(nodes.told, group.entries);
  assert.deepEqual(objects, group.objectEntries);
  assert.equal(nodes.store.reads, 0);
});

test("a commit that is heard of ahead of the one before it is told after it, without a read", async () => {
  using nodes = twoNodes({ holdMs: NEVER_MS });
  nodes.listen();
  const [first, second] = [nodes.store.commit([some()]), nodes.store.commit([some()])];
  await nodes.telling.committed(second);
  await nodes.telling.committed(first);
  await eventually(() => assert.deepEqual(nodes.told, [...first.entries, ...second.entries]));
  assert.equal(nodes.store.reads, 0);
});

test("a commit of the node's own waits for those of others before it, and is told then", async () => {
  using nodes = twoNodes({ holdMs: NEVER_MS });
  nodes.listen();
  const [first, own] = [nodes.store.commit([some()]), nodes.store.commit([some()])];
  let over = false;
  const committed = nodes.listening.committed(own).then(() => {
    over = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(over, false);
  await nodes.telling.committed(first);
  await committed;
  assert.deepEqual(nodes.told, [...first.entries, ...own.entries]);
});

test("a notice that is lost is read from the store when a later one has come", async () => {
  using nodes = twoNodes({ holdMs: 1 });
  nodes.listen();
  const [first, second] = [nodes.store.commit([some()]), nodes.store.commit([some()])];
  await nodes.telling.committed(second);
  await eventually(() => assert.deepEqual(nodes.told, [...first.entries, ...second.entries]));
  assert.ok(nodes.store.reads > 0);
});

test("a notice that is lost with none after it is found by asking the store", async () => {
  using nodes = twoNodes({ checkMs: 20 });
  nodes.listen();
  const lost = nodes.store.commit([some()]);
  await eventually(() => assert.deepEqual(nodes.told, lost.entries));
});

test("a commit that is too large for a notice is told of, and read", async () => {
  using nodes = twoNodes({ holdMs: 1 });
  nodes.listen();
  const large = nodes.store.commit([some(19_000), some(1_500)]);
  await nodes.telling.committed(large);
  await eventually(() => assert.equal(nodes.told.length, 2));
  assert.deepEqual(nodes.told, large.entries);
  assert.ok(nodes.store.reads > 0);
});

test("a node on which nobody listens subscribes to nothing and asks for nothing, and can begin at any time", async () => {
  using nodes = twoNodes({ checkMs: 5 });
  const quiet = nodes.store.commit([some()]);
  await nodes.telling.committed(quiet);
  await nodes.listening.committed(nodes.store.commit([some()]));
  assert.deepEqual([nodes.listeningBus.subscriptions, nodes.store.asked, nodes.store.reads], [0, 0, 0]);
  assert.equal(nodes.listening.head, nodes.store.head, "it knows of its own commits");
  const stop = nodes.listen();
  const next = nodes.store.commit([some()]);
  await nodes.telling.committed(next);
  await eventually(() => assert.deepEqual(nodes.told, next.entries));
  stop();
  assert.equal(nodes.listeningBus.subscriptions, 0);
  const { asked, reads } = nodes.store;
  await nodes.telling.committed(nodes.store.commit([some()]));
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual([nodes.store.asked, nodes.store.reads], [asked, reads]);
  assert.deepEqual(nodes.told, next.entries);
});

test("a node that is behind holds so much and no more, and reads the rest when the store is back", async () => {
  using nodes = twoNodes({ holdMs: 1, pauseMs: 5, maxHeldBytes: 100_000, pageBytes: 50_000 });
  let gone = true;
  nodes.store.beforeRead = async () => {
    if (gone) throw away();
  };
  nodes.listen();
  nodes.store.commit([some()]);
  for (let count = 0; count < 100; count += 1) await nodes.telling.committed(nodes.store.commit([some(10_000)]));
  await eventually(() => {
    assert.ok(nodes.store.reads > 3);
    assert.ok(nodes.listening.heldBytes > 50_000);
  });
  assert.ok(nodes.listening.heldBytes <= 100_000);
  assert.deepEqual(nodes.told, []);
  gone = false;
  await eventually(() => assert.equal(nodes.told.length, 101));
  assert.deepEqual(
    nodes.told,
    nodes.store.groups.flatMap(({ entries }) => entries),
  );
  assert.equal(nodes.listening.heldBytes, 0);
});

test("while the bus is away commits are found by asking the store; when it is back nothing is missing", async () => {
  using nodes = twoNodes({ checkMs: 20 });
  nodes.listen();
  nodes.listeningBus.setConnected(false);
  const meanwhile = nodes.store.commit([some()]);
  await nodes.telling.committed(meanwhile);
  await eventually(() => assert.deepEqual(nodes.told, meanwhile.entries));
  const next = nodes.store.commit([some()]);
  await nodes.telling.committed(next);
  nodes.listeningBus.setConnected(true);
  await eventually(() => assert.deepEqual(nodes.told, [...meanwhile.entries, ...next.entries]));
});

test("a notice of another version is read from the store instead", async () => {
  using nodes = twoNodes({ holdMs: 1 });
  nodes.listen();
  await eventually(() => assert.equal(nodes.store.asked, 1));
  const group = nodes.store.commit([some()]);
  const head = Buffer.from(JSON.stringify({ v: 2, all: "is different" }));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(head.length);
  nodes.network.connect().publish("commits", Buffer.concat([length, head]));
  await eventually(() => assert.deepEqual(nodes.told, group.entries));
});

test("who stops listening hears no more, while others go on; a feed that is closed tells nothing", async () => {
  using nodes = twoNodes();
  const other: JournalEntry[] = [];
  const stop = nodes.listening.onCommit((entries) => other.push(...entries));
  nodes.listen();
  const first = nodes.store.commit([some()]);
  await nodes.telling.committed(first);
  await eventually(() => assert.deepEqual(nodes.told, first.entries));
  stop();
  const second = nodes.store.commit([some()]);
  await nodes.telling.committed(second);
  await eventually(() => assert.equal(nodes.told.length, 2));
  assert.deepEqual(other, first.entries);
  nodes.listening.close();
  assert.equal(nodes.listeningBus.subscriptions, 0);
  await nodes.listening.committed(nodes.store.commit([some()]));
  assert.equal(nodes.told.length, 2);
});
