import assert from "node:assert/strict";
import { test } from "node:test";
import { type ProgressData, progressDataSchema } from "@millrace/protocol";
import { ProgressFeed, type ProgressFrame, type ProgressSnapshot } from "./progress-feed.ts";
import type { ProgressSubscriber } from "./progress-subscriber.ts";
import { FakeClock } from "./testing/fake-clock.ts";
import { turns } from "./testing/memory-journal.ts";

/** What one stream was shown, and when. */
class Watcher {
  readonly shown: { readonly at: number; readonly id: number; readonly data: ProgressData }[] = [];
  lost = 0;
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  /** As what a feed shows its states to: it calls nothing but what is here. */
  get asSubscriber(): ProgressSubscriber {
    return this as unknown as ProgressSubscriber;
  }

  show(_executionId: string, frame: ProgressFrame): void {
    const [, data = "", id] = /^event: progress\ndata: (.*)\nid: (\d+)\n\n$/.exec(frame.frames.bytes.toString()) ?? [];
    this.shown.push({ at: this.#clock.now, id: Number(id), data: progressDataSchema.parse(JSON.parse(data)) });
  }

  lose(): void {
    this.lost += 1;
  }
}

/** A run whose counts a test sets. */
class Run {
  completed = 0;
  status: ProgressSnapshot["status"] = "running";
  readonly startedAt = Date.now();
  lastEventAt: number | null = null;
  gone = false;
  asked = 0;
  turns = 0;

  async read(): Promise<ProgressSnapshot | null> {
    this.asked += 1;
    const { completed, status, lastEventAt } = this;
    await turns(this.turns);
    if (this.gone) throw new Error("the store is gone");
    const route = { route: "x", name: null, queued: 0, running: 0, retrying: 0, completed, failed: 0 };
    return { status, routes: [route], firstEventAt: this.startedAt, lastEventAt };
  }
}

function feedOf(t: Parameters<typeof FakeClock.install>[0]) {
  const clock = FakeClock.install(t);
  const run = new Run();
  const feed = new ProgressFeed("e", () => run.read(), 1);
  const watcher = new Watcher(clock);
  /** Moves the clock on in small steps, so that what falls due is done in its time. */
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 10) {
      clock.advance(10);
      await turns(1 + run.turns);
    }
  };
  return { clock, run, feed, watcher, pass };
}

test("the first state comes at once, and others no closer together than 250 ms, each the newest", async (t) => {
  const { run, feed, watcher, pass } = feedOf(t);
  feed.join(watcher.asSubscriber);
  await pass(20);
  assert.equal(watcher.shown.length, 1);
  for (let commit = 1; commit <= 300; commit += 1) {
    run.completed = commit;
    feed.changed(commit + 1);
    await pass(10);
  }
  await pass(300);
  const { shown } = watcher;
  assert.ok(shown.length >= 11 && shown.length <= 14, `${shown.length} states in three seconds`);
  for (const [index, { at }] of shown.entries()) {
    if (index > 0) assert.ok(at - (shown[index - 1]?.at ?? 0) >= 250);
  }
  assert.equal(shown.at(-1)?.data.completed, 300);
  assert.equal(shown.at(-1)?.id, 301);
  await pass(8_000);
  assert.equal(shown.at(-1)?.data.rate, 0, "a run that has fallen quiet does not keep its rate");
  const asked = run.asked;
  await pass(10_000);
  assert.equal(run.asked, asked, "nothing is asked while nothing changes");
});

test("a hundred who watch are shown the same state, which is asked for once", async (t) => {
  const { clock, run, feed, pass } = feedOf(t);
  const watchers = Array.from({ length: 100 }, () => new Watcher(clock));
  for (const watcher of watchers) feed.join(watcher.asSubscriber);
  await pass(20);
  assert.equal(run.asked, 1);
  const late = new Watcher(clock);
  feed.join(late.asSubscriber);
  assert.equal(late.shown.length, 1, "it is there already");
  assert.equal(run.asked, 1);
  for (const watcher of watchers) assert.deepEqual(watcher.shown[0]?.data, late.shown[0]?.data);
});

test("rates are of the last five seconds, also after a run was quiet, and of the whole run once it is over", async (t) => {
  const { run, feed, watcher, pass } = feedOf(t);
  feed.join(watcher.asSubscriber);
  const settle = async (perSecond: number, seconds: number) => {
    for (let tenth = 0; tenth < seconds * 10; tenth += 1) {
      run.completed += perSecond / 10;
      feed.changed(run.completed + 1);
      await pass(100);
    }
  };
  const rate = () => watcher.shown.at(-1)?.data.rate ?? 0;
  await settle(100, 10);
  assert.ok(Math.abs(rate() - 100) < 15, `${rate()} is not about 100`);
  await settle(20, 10);
  assert.ok(Math.abs(rate() - 20) < 5, `${rate()} is not about 20`);
  await pass(60_000);
  run.completed += 50;
  feed.changed(run.completed + 1);
  await pass(300);
  assert.ok(Math.abs(rate() - 10) < 3, `fifty in the last five seconds are not ${rate()} a second`);
  run.status = "completed";
  run.lastEventAt = Date.now();
  feed.changed(null);
  await pass(300);
  const whole = run.completed / ((run.lastEventAt - run.startedAt) / 1000);
  assert.ok(Math.abs(rate() - whole) < 0.01, `${rate()} is not ${whole}`);
});

test("the last state tells of everything, with the id of the last event, though it was committed while it was asked for", async (t) => {
  const { clock, run, feed, watcher, pass } = feedOf(t);
  feed.join(watcher.asSubscriber);
  await pass(20);
  run.turns = 4;
  run.status = "completed";
  run.completed = 7;
  feed.changed(8);
  const asked = run.asked;
  while (run.asked === asked) clock.advance(10);
  // The answer is on its way: whatever is in it.
  feed.changed(9);
  await pass(600);
  // A stream ends with the first such state.
  assert.equal(watcher.shown.find(({ data }) => data.status === "completed")?.id, 9);
});

test("where the store cannot be read those who watch are let go of, and whoever comes next is shown no old state", async (t) => {
  const { clock, run, feed, watcher, pass } = feedOf(t);
  feed.join(watcher.asSubscriber);
  await pass(300);
  run.gone = true;
  feed.changed(2);
  await pass(300);
  assert.equal(watcher.lost, 1);
  run.gone = false;
  run.completed = 5;
  const next = new Watcher(clock);
  feed.join(next.asSubscriber);
  await pass(600);
  assert.equal(next.shown[0]?.data.completed, 5);
});

test("nothing is asked for where nobody watches", async (t) => {
  const { clock, run, feed, watcher, pass } = feedOf(t);
  feed.changed(2);
  await pass(300);
  feed.join(watcher.asSubscriber);
  feed.leave(watcher.asSubscriber);
  feed.changed(3);
  await pass(600);
  assert.equal(run.asked, 0);
  assert.equal(clock.timers, 0);
});
