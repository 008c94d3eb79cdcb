import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import type { TakenTask, TaskQueue } from "@millrace/engine";
import { eventually } from "../../../../test/support/eventually.ts";

/** A node of a test's own network. */
export interface TaskNode {
  readonly queue: TaskQueue;
  /** It goes without a word. */
  vanish(): Promise<void>;
}

/** An empty queue of its own for a test. Each call is another node that shares it. */
export type TaskQueueFactory = (
  t: TestContext,
  options: { readonly redeliverAfterMs: number; readonly maxTasks?: number },
) => Promise<() => Promise<TaskNode>>;

/** So soon a task is given to another, in milliseconds, where a test waits for it. */
const SOON_MS = 1_000;

/** So late, where it must not be. */
const LATE_MS = 600_000;

/** How long a take waits for what is there, or comes, in milliseconds. */
const PATIENCE_MS = 60_000;

/** What every `TaskQueue` promises. Registers its tests under the name of the implementation; `skip`: why they are skipped. */
export function taskQueueConformance(name: string, open: TaskQueueFactory, skip: string | false = false): void {
  const suite = (title: string, run: (t: TestContext) => Promise<void>) => test(`${name}: ${title}`, { skip }, run);

  suite("tasks are given out in the order in which they were put, as many at once as asked for", async (t) => {
    const connect = await open(t, { redeliverAfterMs: LATE_MS });
    const [one, two] = [await connect(), await connect()];
    for (const text of ["a", "b", "c", "d", "e"]) await one.queue.put(Buffer.from(text));
    const first = await two.queue.take(2, PATIENCE_MS);
    const others = await one.queue.take(10, PATIENCE_MS);
    assert.deepEqual(
      [texts(first), texts(others)],
      [
        ["a", "b"],
        ["c", "d", "e"],
      ],
    );
    assert.deepEqual(
      [...first, ...others].map(({ deliveries }) => deliveries),
      [1, 1, 1, 1, 1],
    );
  });

  suite("its depth tells of what waits and of what is being worked on, and not of what is done", async (t) => {
    const connect = await open(t, { redeliverAfterMs: LATE_MS });
    const [one, two] = [await connect(), await connect()];
    for (const text of ["a", "b", "c"]) await one.queue.put(Buffer.from(text));
    const [task] = await two.queue.take(1, PATIENCE_MS);
    assert.deepEqual(await one.queue.depth(), { waiting: 2, taken: 1 });
    task?.done();
    await eventually(async () => assert.deepEqual(await one.queue.depth(), { waiting: 2, taken: 0 }));
  });

  suite("each task is given to one, however many take", async (t) => {
    const connect = await open(t, { redeliverAfterMs: LATE_MS });
    const nodes = [await connect(), await connect(), await connect()];
    const put = Array.from({ length: 300 }, (_, index) => `task ${index}`);
    const taken: string[] = [];
    const takers = nodes.map(async ({ queue }) => {
      while (taken.length < put.length) {
        for (const task of await queue.take(7, 200)) {
          taken.push(Buffer.from(task.data).toString());
          task.done();
        }
      }
    });
    await Promise.all(put.map((text) => nodes[0]?.queue.put(Buffer.from(text))));
    await Promise.all(takers);
    assert.deepEqual(taken.toSorted(), put.toSorted());
  });

  suite("whoever waits gets a task as soon as there is one, and none where there is none or it is told to stop", async (t) => {
    const connect = await open(t, { redeliverAfterMs: LATE_MS });
    const { queue } = await connect();
    assert.deepEqual(await queue.take(5, 10), []);
    const waiting = queue.take(5, LATE_MS);
    await queue.put(Buffer.from("x"));
    assert.deepEqual(texts(await waiting), ["x"]);
    const stop = new AbortController();
    const stopped = queue.take(5, LATE_MS, stop.signal);
    stop.abort();
    assert.deepEqual(await stopped, []);
    assert.deepEqual(await queue.take(5, LATE_MS, AbortSignal.abort()), []);
    // What comes for one that has stopped is not lost on it.
    await queue.put(Buffer.from("y"));
    assert.deepEqual(texts(await queue.take(5, PATIENCE_MS)), ["y"]);
  });

  suite("a task whose worker has gone is given to another, which is told that it is not the first", async (t) => {
    const connect = await open(t, { redeliverAfterMs: SOON_MS });
    const [one, two] = [await connect(), await connect()];
    await one.queue.put(Buffer.from("x"));
    assert.equal((await one.queue.take(1, PATIENCE_MS)).length, 1);
    await one.vanish();
    const [again, ...rest] = await two.queue.take(5, PATIENCE_MS);
    assert.deepEqual([again?.data.toString(), again?.deliveries, rest.length], ["x", 2, 0]);
  });

  suite("a task that is done, or extended for as long as it is worked on, is not given out again", async (t) => {
    const connect = await open(t, { redeliverAfterMs: 4 * SOON_MS });
    const [one, two] = [await connect(), await connect()];
    for (const text of ["done", "worked on"]) await one.queue.put(Buffer.from(text));
    const [done, workedOn] = await one.queue.take(2, PATIENCE_MS);
    done?.done();
    const another = two.queue.take(5, 6 * SOON_MS);
    for (let round = 0; round < 30; round += 1) {
      workedOn?.extend();
      await wait(SOON_MS / 5);
    }
    assert.deepEqual(texts(await another), []);
    // From now on nobody says that it is worked on.
    assert.deepEqual(texts(await two.queue.take(5, PATIENCE_MS)), ["worked on"]);
  });

  suite("who was held up until a task was given to another settles nothing any more", async (t) => {
    const connect = await open(t, { redeliverAfterMs: SOON_MS });
    const [one, two] = [await connect(), await connect()];
    await one.queue.put(Buffer.from("x"));
    const [heldUp] = await one.queue.take(1, PATIENCE_MS);
    const [another] = await two.queue.take(1, PATIENCE_MS);
    heldUp?.done();
    another?.giveBack(0);
    const [again] = await two.queue.take(1, PATIENCE_MS);
    assert.deepEqual(again?.data.toString(), "x");
    assert.ok(again.deliveries > 2);
  });

  suite("a task that is given back goes to another, at once or after a while", async (t) => {
    const connect = await open(t, { redeliverAfterMs: LATE_MS });
    const [one, two] = [await connect(), await connect()];
    await one.queue.put(Buffer.from("x"));
    for (const [round, delayMs] of [0, 50].entries()) {
      const [task] = await one.queue.take(1, PATIENCE_MS);
      assert.equal(task?.deliveries, 2 * round + 1);
      task?.giveBack(delayMs);
      const [again] = await two.queue.take(1, PATIENCE_MS);
      assert.equal(again?.deliveries, 2 * round + 2);
      again?.giveBack(0);
    }
  });

  suite("a queue that is full refuses what is put, and takes it when there is room again", async (t) => {
    const connect = await open(t, { redeliverAfterMs: LATE_MS, maxTasks: 3 });
    const { queue } = await connect();
    for (const text of ["a", "b", "c"]) await queue.put(Buffer.from(text));
    await assert.rejects(queue.put(Buffer.from("d")), { name: "MillraceError", code: "SERVICE_UNAVAILABLE" });
    const [task] = await queue.take(1, PATIENCE_MS);
    task?.done();
    await untilPut(queue, "e");
    assert.deepEqual(texts(await queue.take(5, PATIENCE_MS)), ["b", "c"].concat("e"));
  });
}

/** Puts a task once a place that was given up is free. */
async function untilPut(queue: TaskQueue, text: string): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await queue.put(Buffer.from(text));
      return;
    } catch (error) {
      if (tries > 1_000) throw error;
      await wait(10);
    }
  }
}

function texts(tasks: readonly TakenTask[]): string[] {
  return tasks.map(({ data }) => Buffer.from(data).toString());
}
