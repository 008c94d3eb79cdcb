import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type AnyAdapter,
  defineAdapter,
  type Emits,
  type Journal,
  type Message,
  type WorkQueue,
} from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import type { SqliteStore } from "@millrace/stores";
import { z } from "zod";
import { define, Rig } from "../support/engine-rig.ts";
import { eventually } from "../support/eventually.ts";

function adapter(type: string, process: (message: Message) => Emits | Promise<Emits>): AnyAdapter {
  return defineAdapter({ type, description: type, config: z.any(), process });
}

const unreadable = () => new MillraceError("SERVICE_UNAVAILABLE", "The store cannot be read at present.");

test("a store that cannot be read for a moment holds a run up for that long, and loses none of its messages", async () => {
  const messages = 2_500;
  let failed = 0;
  // Every read of the queues fails once, and so does every read of a message for its next attempt.
  const flaky = ({ work }: SqliteStore): WorkQueue => {
    const tried = new Set<string>();
    const once = <T>(what: string, read: () => Promise<T>): Promise<T> => {
      if (tried.has(what)) return read();
      tried.add(what);
      failed += 1;
      return Promise.reject(unreadable());
    };
    return {
      take: (id, route, after, ...rest) => once(`take ${route} ${after}`, () => work.take(id, route, after, ...rest)),
      get: (id, seq) => once(`get ${seq}`, () => work.get(id, seq)),
      delayed: (id) => work.delayed(id),
      countInterruption: (id, ids, by) => work.countInterruption(id, ids, by),
      depths: (id) => work.depths(id),
    };
  };
  await using rig = new Rig({}, undefined, flaky);
  // None is done before all are there: more than a queue holds in memory.
  const made = Promise.withResolvers<void>();
  const make = adapter("make", function* () {
    for (let index = 0; index < messages; index += 1) yield { index };
    made.resolve();
  });
  const work = adapter("work", async ({ payload, attempt }) => {
    await made.promise;
    if (payload.index === 7 && attempt === 1) throw new Error("once");
  });
  const { events, status } = await rig.complete(
    define({
      make: { steps: [{ adapter: make }], outbound: ["work"] },
      work: { steps: [{ adapter: work }], concurrency: 4 },
    }),
  );
  assert.equal(status, "completed");
  assert.equal(events.filter(({ route, type }) => route === "work" && type === "completed").length, messages);
  assert.ok(failed >= 3, `${failed} reads failed`);
});

test("a run that is cancelled while the store cannot be read settles every message that was taken, once it can", async () => {
  let unreadableFor = 0;
  const flaky = ({ work }: SqliteStore): WorkQueue => ({
    take: (...of) => work.take(...of),
    get: (...of) => work.get(...of),
    async delayed(id) {
      if (unreadableFor > 0) {
        unreadableFor -= 1;
        throw unreadable();
      }
      return work.delayed(id);
    },
    countInterruption: (...of) => work.countInterruption(...of),
    depths: (id) => work.depths(id),
  });
  await using rig = new Rig({}, undefined, flaky);
  const failed = Promise.withResolvers<void>();
  const fail = adapter("fail", () => {
    failed.resolve();
    throw new Error("and again");
  });
  // It waits for an attempt that is far off.
  const later = { retryDelayMs: 600_000, maxDelayMs: 600_000 };
  const id = await rig.run(define({ work: { steps: [{ adapter: fail }], errorHandling: later } }));
  await failed.promise;
  await eventually(async () => assert.equal((await rig.events(id)).at(-1)?.type, "failed"));
  unreadableFor = 2;
  await rig.engine.stop(id, "cancelled", null);
  const last = (await rig.events(id)).at(-1);
  assert.deepEqual([last?.type, last?.type === "failed" && last.will_retry], ["failed", false]);
  assert.equal(unreadableFor, 0);
});

test("a start that cannot read the store takes nothing up, and says nothing of the runs that it knows of", async () => {
  let readable = true;
  const flaky = ({ journal }: SqliteStore): Journal =>
    new Proxy(journal, {
      get(target, name) {
        if (name === "read" && !readable) return () => Promise.reject(unreadable());
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  await using rig = new Rig({}, flaky);
  const hang = adapter("hang", () => new Promise(() => {}));
  const id = await rig.run(define({ hang: { steps: [{ adapter: hang }] } }));
  readable = false;
  await assert.rejects(rig.reopen(), { code: "SERVICE_UNAVAILABLE" });
  assert.equal(await rig.status(id), "running");
  readable = true;
  await rig.reopen();
  assert.equal(rig.engine.running, 1);
});
