import assert from "node:assert/strict";
import { test } from "node:test";
import { AdapterError, defineAdapter } from "@millrace/engine";
import { emptyProgress, foldEvent, type Progress } from "@millrace/protocol";
import { z } from "zod";
import { define, Rig } from "../support/engine-rig.ts";
import { eventually } from "../support/eventually.ts";

const none = z.object({});

/** Fails every message whose number is in `bad`, until it is taken out of it; emits one more before it fails. */
function picky(bad: Set<number>, emitFirst = false) {
  return defineAdapter({
    type: "picky",
    category: "test",
    description: "",
    config: none,
    async *process({ payload }) {
      if (emitFirst) yield { early: payload.n ?? null };
      if (bad.has(Number(payload.n))) throw new AdapterError("BAD", "bad number", { retryable: false });
      yield payload;
    },
  });
}

function count(n: number) {
  return defineAdapter({
    type: "count",
    category: "test",
    description: "",
    config: none,
    *process() {
      for (let index = 0; index < n; index += 1) yield { n: index };
    },
  });
}

const sink = defineAdapter({ type: "sink", category: "test", description: "", config: none, process: () => undefined });

/** Holds the execution open until it is let go. */
function held() {
  let release = () => {};
  const promise = new Promise<void>((resolve) => {
    release = resolve;
  });
  const adapter = defineAdapter({
    type: "hold",
    category: "test",
    description: "",
    config: none,
    async process() {
      await promise;
    },
  });
  return { adapter, release };
}

function pipeline(bad: Set<number>, n: number, hold: ReturnType<typeof held>, emitFirst = false) {
  return define({
    make: { steps: [{ adapter: count(n) }], outbound: ["work", "hold"] },
    work: {
      steps: [{ adapter: picky(bad, emitFirst) }],
      outbound: ["end"],
      concurrency: 4,
      errorHandling: { onError: "continue", timeoutMs: 60_000 },
    },
    hold: { steps: [{ adapter: hold.adapter }], concurrency: n, errorHandling: { timeoutMs: 60_000 } },
    end: { steps: [{ adapter: sink }], concurrency: 2 },
  });
}

for (const emitFirst of [false, true]) {
  test(`a failed message of a running execution is retried in it and counted out of the failed ones${emitFirst ? ", what it had emitted not emitted again" : ""}`, async () => {
    await using rig = new Rig();
    const hold = held();
    const bad = new Set([1, 3]);
    const id = await rig.run(pipeline(bad, 5, hold, emitFirst));
    await eventually(async () => assert.equal(await rig.store.failures.count(id, {}), 2));
    const { items } = await rig.store.failures.list(id, {}, { limit: 10, offset: 0, payloads: true });
    assert.deepEqual(
      items.map(({ route, attempt, error, payloadJson }) => [route, attempt, error.code, error.adapter, payloadJson]),
      [
        ["work", 1, "BAD", "picky", '{"n":1}'],
        ["work", 1, "BAD", "picky", '{"n":3}'],
      ],
    );
    bad.delete(1);
    const [first] = items;
    assert.ok(first !== undefined);
    const done = await rig.engine.retry(id, { filter: { messageIds: [first.id] } });
    assert.deepEqual([done.retried, done.started, done.record?.id], [1, false, id]);
    await eventually(async () => assert.equal((await rig.engine.progress(id))?.routes.work?.completed, 4));
    // It fails again, and is kept again with the attempts that were made.
    assert.equal((await rig.engine.retry(id, { filter: {} })).retried, 1);
    await eventually(async () => assert.equal(await rig.store.failures.count(id, {}), 1));
    assert.equal(
      (await rig.store.failures.list(id, {}, { limit: 1, offset: 0, payloads: false })).items[0]?.attempt,
      2,
    );
    const merged = await rig.engine.retry(id, { filter: { code: "BAD" }, payloadMerge: { n: 30 } });
    assert.equal(merged.retried, 1);
    hold.release();
    assert.equal(await rig.engine.wait(id, 60_000), true);
    assert.equal(await rig.status(id), "completed");
    const progress = await rig.engine.progress(id);
    assert.deepEqual([progress?.failed, progress?.outstanding, progress?.routes.work?.completed], [0, 0, 5]);
    assert.equal(progress?.routes.end?.completed, emitFirst ? 10 : 5);
    // Whoever reads the events alone comes to the same counts.
    const replayed = emptyProgress();
    for (const event of await rig.events(id)) foldEvent(replayed, event);
    assert.deepEqual(plain(replayed), plain(progress));
    assert.deepEqual(
      (await rig.events(id))
        .filter((event) => event.message_id === first.id && event.type === "initiated")
        .map((event) => event.attempt),
      [1, 2],
    );
  });
}

test("what was taken back survives a crash before its attempt; the execution does not end before it is settled", async () => {
  await using rig = new Rig();
  const hold = held();
  const bad = new Set(Array.from({ length: 20 }, (_, index) => index));
  const definition = pipeline(bad, 20, hold);
  const id = await rig.run(definition);
  await eventually(async () => assert.equal(await rig.store.failures.count(id, {}), 20));
  bad.clear();
  // Nothing is taken any more, and what is committed until then is all that the next process finds.
  let committed = () => {};
  const requeued = new Promise<void>((resolve) => {
    committed = resolve;
  });
  rig.store.journal.onCommit((entries) => {
    if (!entries.some((entry) => entry.kind === "lifecycle" && entry.lifecycle.kind === "requeued")) return;
    hold.release();
    committed();
  });
  const retry = rig.engine.retry(id, { filter: {} }).catch(() => undefined);
  await requeued;
  await Promise.all([rig.reopen(), retry]);
  assert.equal(await rig.engine.wait(id, 60_000), true);
  const progress = await rig.engine.progress(id);
  assert.deepEqual([progress?.failed, progress?.routes.work?.completed, progress?.routes.end?.completed], [0, 20, 20]);
});

test("messages that were taken back and not taken again are kept as failed when the execution is cancelled", async () => {
  await using rig = new Rig();
  const hold = held();
  const bad = new Set([0, 1, 2, 3, 4, 5]);
  const definition = pipeline(bad, 6, hold);
  const id = await rig.run(definition);
  await eventually(async () => assert.equal(await rig.store.failures.count(id, {}), 6));
  await rig.engine.retry(id, { filter: {} });
  await rig.engine.stop(id, "cancelled", null);
  assert.equal(await rig.store.failures.count(id, { route: "work" }), 6);
  const progress = await rig.engine.progress(id);
  assert.equal(progress?.routes.work?.failed, 6);
  assert.equal(progress?.routes.work?.requeued, 0);
});

test("once the execution is over its failures are retried in a new one, once, however many ask at once", async () => {
  await using rig = new Rig();
  const hold = held();
  hold.release();
  const bad = new Set([2, 4, 6]);
  const { id, status } = await rig.complete(pipeline(bad, 8, hold));
  assert.equal(status, "completed");
  bad.clear();
  const both = await Promise.all([rig.engine.retry(id, { filter: {} }), rig.engine.retry(id, { filter: {} })]);
  assert.deepEqual(
    both.map(({ retried }) => retried),
    [3, 0],
  );
  const record = both[0]?.record;
  assert.ok(record);
  assert.deepEqual([record.parentExecutionId, record.replaySource], [id, "lineage"]);
  assert.equal(await rig.engine.wait(record.id, 60_000), true);
  const events = await rig.events(record.id);
  assert.equal(events.filter((event) => event.type === "completed" && event.route === "work").length, 3);
  assert.equal(await rig.status(record.id), "completed");
  const replayed = emptyProgress();
  for (const event of events) foldEvent(replayed, event);
  assert.deepEqual(plain(replayed), plain(await rig.engine.progress(record.id)));
  const kept = await rig.store.failures.list(id, {}, { limit: 10, offset: 0, payloads: false });
  assert.deepEqual(
    kept.items.map(({ retriedIn }) => retriedIn),
    [record.id, record.id, record.id],
  );
  const one = kept.items[0]?.id ?? "";
  await assert.rejects(rig.engine.retry(id, { filter: { messageIds: [one] } }), { code: "MESSAGE_NOT_FAILED" });
  assert.equal((await rig.engine.retry(id, { filter: { messageIds: [one] }, again: true })).retried, 1);
  await assert.rejects(rig.engine.retry(id, { filter: { messageIds: ["nobody"] } }), { code: "MESSAGE_NOT_FOUND" });
});

function plain(progress: Progress | null): unknown {
  return JSON.parse(JSON.stringify({ ...progress, open: [...(progress?.open ?? [])] }));
}
