import assert from "node:assert/strict";
import { test } from "node:test";
import type { Lifecycle, Position } from "@millrace/engine";
import { EventFilter } from "./frame-filter.ts";
import { type HubParts, StreamHub, type StreamRequest } from "./hub.ts";
import type { ProgressSnapshot } from "./progress-feed.ts";
import { FakeClock } from "./testing/fake-clock.ts";
import { FakeResponse } from "./testing/fake-response.ts";
import { MemoryJournal, turns } from "./testing/memory-journal.ts";

const AT = "2026-01-01T00:00:00.000Z";
const ENDED: Lifecycle = { kind: "ended", at: AT, status: "completed" };
const MiB = 1024 * 1024;

/** A hub over a journal in memory in which two executions have begun. */
function hubOf(parts: Partial<HubParts> = {}) {
  const journal = new MemoryJournal();
  journal.commit([
    { executionId: "a", events: [], lifecycle: { kind: "started", at: AT } },
    { executionId: "b", events: [], lifecycle: { kind: "started", at: AT } },
  ]);
  const hub = new StreamHub({
    journal,
    records: { findExecution: async (id) => ({ id, project: "default", status: "running" }) },
    readProgress: async () => null,
    maxSubscribers: 1_000,
    ...parts,
  });
  return { journal, hub };
}

function commit(journal: MemoryJournal, executionId: string, count: number, bytes = 1, told = true): void {
  const event = { type: "completed" as const, route: "x", text: "x".repeat(bytes) };
  journal.commit([{ executionId, events: Array.from({ length: count }, () => event) }], () => told);
}

function open(hub: StreamHub, executionIds: readonly string[], request: Partial<StreamRequest> = {}): FakeResponse {
  const response = new FakeResponse();
  const after = request.after ?? 0;
  hub.attach(
    {
      executionIds,
      projects: new Map(executionIds.map((id) => [id, "default"])),
      openIds: executionIds,
      many: executionIds.length > 1,
      view: "events",
      filter: null,
      after,
      lastId: after,
      timeoutMs: 3_600_000,
      preface: "",
      gaps: new Map(),
      lastEvents: new Map(),
      ...request,
    },
    response.asResponse,
  );
  return response;
}

function idsOf(response: FakeResponse): Position[] {
  return [...response.text.matchAll(/^event: completed\n.*\nid: (\d+)$/gm)].map((match) => Number(match[1]));
}

function endsOf(response: FakeResponse): string[] {
  return [...response.text.matchAll(/^event: end\ndata: (.*)\nid: (\d+)$/gm)].map((match) => `${match[2]} ${match[1]}`);
}

for (const many of [false, true]) {
  const kind = many ? "over several executions" : "of one execution";

  test(`a stream ${kind} that begins at an event which is not delivered yet gets what is after it, and no more`, async (t) => {
    // Deliveries seem to take long: what is committed meanwhile waits for the next.
    FakeClock.install(t).perLook = 20;
    const { journal, hub } = hubOf();
    const watcher = open(hub, many ? ["a", "b"] : ["a"]);
    await turns(4);
    // The first goes out at once; the others are one delivery, which is still to come when the stream is opened.
    for (let time = 0; time < 4; time += 1) commit(journal, "a", 2);
    const late = open(hub, many ? ["a", "b"] : ["a"], { after: 8 });
    const chosen = open(hub, many ? ["a", "b"] : ["a"], { after: 8, filter: EventFilter.of(["completed"], []) });
    await turns(40);
    commit(journal, "a", 1);
    await turns(40);
    assert.deepEqual(idsOf(watcher), [3, 4, 5, 6, 7, 8, 9, 10, 11]);
    assert.deepEqual(idsOf(late), [9, 10, 11]);
    assert.deepEqual(idsOf(chosen), [9, 10, 11]);
    await hub.close();
  });

  test(`a stream ${kind} reads from the journal what was too much to keep for it, and goes on`, async (t) => {
    FakeClock.install(t).perLook = 20;
    const { journal, hub } = hubOf();
    const watcher = open(hub, many ? ["a", "b"] : ["a"]);
    await turns(5);
    for (let time = 0; time < 8; time += 1) commit(journal, "a", 1, MiB);
    // Comes at the live edge, which is what the others are about to be told to read up to.
    const late = open(hub, many ? ["a", "b"] : ["a"], { after: journal.head });
    await turns(60);
    commit(journal, "a", 1);
    await turns(60);
    assert.deepEqual(idsOf(watcher), [3, 4, 5, 6, 7, 8, 9, 10, 11]);
    assert.deepEqual(idsOf(late), [11]);
    await hub.close();
    assert.equal(endsOf(watcher).length, 1);
  });

  test(`a stream ${kind} reads what the hub was told that it had not been told of, however often that is said`, async (t) => {
    FakeClock.install(t);
    const { journal, hub } = hubOf();
    const watcher = open(hub, many ? ["a", "b"] : ["a"]);
    await turns(5);
    commit(journal, "a", 2, 1, false);
    hub.markUnread("a", journal.head);
    await turns(10);
    hub.markUnread("a", journal.head);
    hub.markUnread("a", 3);
    await turns(10);
    commit(journal, "a", 1);
    hub.markUnread("a", 4);
    await turns(10);
    assert.deepEqual(idsOf(watcher), [3, 4, 5]);
    await hub.close();
  });
}

test("a client that stopped reading is sent the newest state when it reads again, and none of those in between", async (t) => {
  const clock = FakeClock.install(t);
  const { journal, hub } = hubOf({ readProgress: async () => snapshot() });
  let completed = 0;
  // A state of some 100 KB: two are more than may wait for a client.
  const snapshot = (): ProgressSnapshot => {
    const route = { name: "n".repeat(90_000), queued: 0, running: 0, retrying: 0, completed, failed: 0 };
    return { status: "running", routes: [{ route: "x", ...route }], firstEventAt: null, lastEventAt: null };
  };
  const watcher = open(hub, ["a"], { view: "progress" });
  const pass = async () => {
    completed += 1;
    commit(journal, "a", 1);
    clock.advance(300);
    await turns(5);
  };
  await turns(5);
  clock.advance(5);
  await turns(5);
  watcher.stall();
  for (let time = 0; time < 20; time += 1) await pass();
  watcher.drain();
  await turns(5);
  const told = [...watcher.text.matchAll(/^data: \{.*?"completed":(\d+)/gm)].map((match) => Number(match[1]));
  assert.equal(told[0], 0);
  assert.equal(told.at(-1), 20);
  assert.ok(told.length <= 4, `${told} were sent`);
  await hub.close();
  assert.equal(clock.timers, 0);
});

test("a stream of states learns of the end though the hub was not told of it", async (t) => {
  const clock = FakeClock.install(t);
  let status: ProgressSnapshot["status"] = "running";
  const readProgress = async () => ({ status, routes: [], firstEventAt: null, lastEventAt: null });
  const { journal, hub } = hubOf({ readProgress });
  const watcher = open(hub, ["a"], { view: "progress" });
  await turns(5);
  clock.advance(5);
  await turns(5);
  status = "completed";
  journal.commit([{ executionId: "a", events: [], lifecycle: ENDED }], () => false);
  hub.markUnread("a", journal.head);
  clock.advance(300);
  await turns(5);
  assert.match(endsOf(watcher).join(), /"reason":"completed"/);
  assert.equal(hub.size, 0);
});

test("the end of a stream of states has the id of the last event, though the run went on while it was opened", async (t) => {
  const clock = FakeClock.install(t);
  const readProgress = async () => ({
    status: "completed" as const,
    routes: [],
    firstEventAt: null,
    lastEventAt: null,
  });
  const { journal, hub } = hubOf({ readProgress });
  // It was looked up before this, and is watched from after it.
  commit(journal, "a", 3);
  journal.commit([{ executionId: "a", events: [], lifecycle: ENDED }]);
  const watcher = open(hub, ["a"], { view: "progress", lastId: 1, lastEvents: new Map([["a", 1]]) });
  await turns(5);
  clock.advance(5);
  await turns(5);
  assert.deepEqual(endsOf(watcher), ['5 {"reason":"completed","status":"completed"}']);
});

test("a stream whose execution cannot be read ends without a word, and what was asked for it is called off", async (t) => {
  FakeClock.install(t);
  const watched: string[] = [];
  const { journal, hub } = hubOf({
    watch: async (id) => {
      watched.push(`watch ${id}`);
      return journal.head;
    },
    unwatch: (id) => watched.push(`unwatch ${id}`),
  });
  journal.bounds = () => Promise.reject(new Error("the store is gone"));
  const watcher = open(hub, ["a"]);
  await turns(5);
  assert.ok(watcher.destroyed);
  assert.deepEqual(watched, ["watch a", "unwatch a"]);
  assert.equal(hub.size, 0);
});

test("a stream that was being opened when its credential ended ends as it begins; others of the execution go on", async () => {
  const { hub } = hubOf();
  const early = open(hub, ["a"], { openedBy: ["key:gone"] });
  const staying = open(hub, ["a"], { openedBy: ["key:good"] });
  await turns(4);
  hub.endOf("key:gone");
  const late = open(hub, ["a"], { openedBy: ["key:gone", "session"] });
  await turns(4);
  for (const response of [early, late]) assert.match(endsOf(response).join(), /"reason":"timeout"/);
  assert.deepEqual(endsOf(staying), []);
  await hub.close();
});
