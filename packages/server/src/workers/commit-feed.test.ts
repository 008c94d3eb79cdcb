import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import type { JournalEntry } from "@millrace/engine";
import { openSqliteStore } from "@millrace/stores";
import { openSqliteReader } from "@millrace/stores/sqlite-reader";
import { temporaryFolder } from "../../../stores/src/support/temporary-folder.ts";
import type { MainCalls, WorkerCalls } from "./calls.ts";
import { Channel } from "./channel.ts";
import { CommitFeed, type GroupSink } from "./commit-feed.ts";
import { WatchedJournal } from "./watched-journal.ts";

/** A journal that is written here, and watched over a socket as a worker does. */
class Rig {
  readonly #folder = temporaryFolder();
  readonly store = openSqliteStore(this.#folder.path, { durability: "normal" });
  readonly #reader = openSqliteReader(this.#folder.path);
  readonly #sockets: Socket[] = [];
  readonly seen: JournalEntry[] = [];
  /** What was seen of an execution, and what it was told to read: positions, in the order in which they came. */
  readonly told: { executionId: string; kind: "entry" | "unread"; last: number }[] = [];
  /** Commit groups' messages that were sent to the worker. */
  sent = 0;
  watched: WatchedJournal | undefined;
  /** The worker's end of the line. */
  workerSocket: Socket | undefined;
  /** The most that has waited for the worker, in bytes. */
  mostPending = 0;

  async open(maxPendingBytes: number): Promise<WatchedJournal> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const client = connect(typeof address === "object" && address !== null ? address.port : 0, "127.0.0.1");
    const [accepted]: [Socket] = (await once(server, "connection")) as [Socket];
    server.close();
    this.#sockets.push(client, accepted);
    const feed = new CommitFeed(this.store.journal, maxPendingBytes);
    const sink: GroupSink = {
      get pending() {
        return accepted.writableLength;
      },
      sendGroup: (parts) => {
        this.sent += 1;
        main.sendGroup(parts);
        this.mostPending = Math.max(this.mostPending, accepted.writableLength);
      },
    };
    const main = new Channel<Record<never, never>, Pick<MainCalls, "watch" | "unwatch">>(
      accepted,
      {
        watch: ({ topic, executionId }) => {
          return feed.watch(sink, topic, executionId);
        },
        unwatch: ({ topic }) => {
          feed.unwatch(sink, topic);
          return null;
        },
      },
      { group: () => {}, drained: () => feed.drained(sink), closed: () => feed.drop(sink) },
    );
    const worker = new Channel<MainCalls, Pick<WorkerCalls, never>>(
      client,
      {},
      { group: (message) => this.watched?.receive(message), drained: () => {}, closed: () => {} },
    );
    this.workerSocket = client;
    this.watched = new WatchedJournal(this.#reader.journal, worker, 0);
    this.watched.onCommit((entries) => {
      this.seen.push(...entries);
      for (const { executionId, last } of entries) this.told.push({ executionId, kind: "entry", last });
    });
    this.watched.onUnread = (executionId, last) => this.told.push({ executionId, kind: "unread", last });
    return this.watched;
  }

  async execution(id: string): Promise<void> {
    await this.store.records.createExecution(
      {
        id,
        project: "default",
        configId: null,
        startedAt: new Date(0).toISOString(),
        parentExecutionId: null,
        replaySource: null,
        tag: null,
        configSnapshot: {},
        rootCorrelationId: id,
        metadata: {},
        idempotencyKey: null,
      },
      null,
    );
  }

  /** Commits some events of an execution, as one group. */
  async append(executionId: string, count = 1, padding = 0): Promise<void> {
    await this.store.journal.append({
      executionId,
      events: Array.from({ length: count }, (_, index) => ({
        execution_id: executionId,
        message_id: `${index}${"x".repeat(padding)}`,
        parent_message_id: null,
        correlation_id: executionId,
        root_correlation_id: executionId,
        route: "route",
        type: "initiated" as const,
        timestamp: new Date(0).toISOString(),
        attempt: 1,
      })),
    });
  }

  /** All that the execution's journal has. */
  async journal(executionId: string): Promise<JournalEntry[]> {
    return this.store.journal.read([executionId], 0, Number.POSITIVE_INFINITY);
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#reader.close();
    this.store.close();
    this.#folder[Symbol.dispose]();
  }
}

test("a worker is told each commit to what it watches, byte for byte, and nothing else", async () => {
  using rig = new Rig();
  const watched = await rig.open(1_000_000);
  await rig.execution("a");
  await rig.execution("b");
  await rig.append("a", 3);
  await watched.watch("a");
  const before = await watched.read(["a"], 0, 1_000_000);
  for (let turn = 0; turn < 50; turn += 1) {
    await Promise.all([rig.append("a", turn), rig.append("b"), rig.append("a")]);
  }
  // Larger than what is copied, and than what a socket holds.
  await rig.append("a", 20, 100_000);
  await rig.store.journal.append({
    executionId: "a",
    events: [],
    lifecycle: { kind: "ended", at: new Date(0).toISOString(), status: "completed" },
    record: { status: "completed" },
  });
  const all = await rig.journal("a");
  await until(() => rig.seen.length + before.length === all.length);
  assert.deepEqual([...before, ...rig.seen], all);
  assert.deepEqual(
    Buffer.concat(rig.seen.flatMap((entry) => (entry.kind === "events" ? [entry.frames] : []))),
    Buffer.concat(all.slice(before.length).flatMap((entry) => (entry.kind === "events" ? [entry.frames] : []))),
  );
  const { sent } = rig;
  watched.unwatch("a");
  await rig.append("b");
  await watched.watch("b");
  await rig.append("a");
  await rig.append("b");
  await until(() => rig.seen.at(-1)?.executionId === "b");
  assert.equal(rig.sent, sent + 1);
});

test("one that does not keep up is sent no more, and told up to where to read the journal, without a hole", async () => {
  using rig = new Rig();
  const limit = 200_000;
  const watched = await rig.open(limit);
  await rig.execution("a");
  await rig.execution("b");
  const from = await Promise.all([watched.watch("a"), watched.watch("b")]);
  for (let round = 0; round < 5; round += 1) {
    rig.workerSocket?.pause();
    const sent = rig.sent;
    for (let turn = 0; turn < 300; turn += 1) await Promise.all([rig.append("a", 1, 50_000), rig.append("b", 2)]);
    assert.ok(rig.sent < sent + 300, "15 MB are not sent to one that does not read");
    rig.workerSocket?.resume();
    // While it catches up; in the last round nothing comes any more.
    for (let turn = 0; turn < (round === 4 ? 0 : 100); turn += 1) {
      await Promise.all([rig.append("a", 1, 1_000), rig.append("b")]);
      if (turn % 10 === 0) await wait(1);
    }
  }
  assert.ok(rig.mostPending < limit + 200_000, `${rig.mostPending} bytes waited`);
  for (const [index, id] of ["a", "b"].entries()) {
    const all = (await rig.journal(id)).filter(({ last }) => last > (from[index] ?? 0));
    const own = () => rig.told.filter((each) => each.executionId === id);
    await until(() => own().at(-1)?.last === all.at(-1)?.last);
    assert.ok(own().some(({ kind }) => kind === "unread"));
    // Each entry is either told, or before the end of what is to be read before the next is told.
    const open = all.map(({ last }) => last);
    for (const { kind, last } of own()) {
      if (kind === "entry") assert.equal(open.shift(), last);
      else while ((open[0] ?? Number.POSITIVE_INFINITY) <= last) open.shift();
    }
    assert.deepEqual(open, []);
  }
});

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!condition()) {
    assert.ok(performance.now() < deadline, "it does not come");
    await wait(5);
  }
}
