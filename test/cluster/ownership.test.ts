import assert from "node:assert/strict";
import { test } from "node:test";
import { defineAdapter } from "@millrace/engine";
import { z } from "zod";
import { ClusterRig } from "../support/cluster/cluster-rig.ts";
import { Gate } from "../support/cluster/gate.ts";
import { define } from "../support/engine-rig.ts";
import { eventually } from "../support/eventually.ts";

test("an execution that a node without an engine starts is run by one that has an engine", async () => {
  await using rig = new ClusterRig();
  const api = rig.join("api", { engine: false });
  rig.join("worker");
  const id = await rig.run(api, define({ a: { steps: [] } }));
  assert.ok(await api.executions.wait(id, 30_000));
  assert.equal(await rig.status(id), "completed");
  assert.deepEqual(
    (await rig.events(id)).map(({ type }) => type),
    ["initiated", "completed"],
  );
  assert.deepEqual(await rig.lifecycle(id), ["started", "ended"], "it is not taken up again: it is begun");
  assert.deepEqual(rig.faults, []);
});

test("any node stops, and tells of, an execution that another works on, also where the answer is lost", async () => {
  await using rig = new ClusterRig();
  const held = new Gate();
  const worker = rig.join("worker");
  const api = rig.join("api", { engine: false });
  const id = await rig.run(worker, define({ a: { steps: [{ adapter: held.adapter }] } }));
  await eventually(() => assert.equal(held.taken.length, 1));
  await eventually(async () => assert.equal((await api.executions.progress(id))?.open.size, 1));
  assert.deepEqual({ ...(await api.executions.depths(id)) }, { a: 1 });
  api.bus.answersToLose = 1;
  const record = await api.executions.stop(id, "cancelled", null);
  assert.equal(record.status, "cancelled");
  assert.equal(held.aborted.length, 1);
  await assert.rejects(api.executions.stop(id, "cancelled", null), { code: "STATUS_CHANGE_NOT_ALLOWED" });
  await assert.rejects(api.executions.stop("00000000-0000-7000-8000-000000000000", "cancelled", null), {
    code: "EXECUTION_NOT_FOUND",
  });
});

test("a retry by way of another node takes a failed message back once, also where the answer is lost", async () => {
  await using rig = new ClusterRig();
  const held = new Gate();
  let fails = true;
  const failing = defineAdapter({
    type: "failing",
    description: "Fails.",
    config: z.any(),
    process: ({ payload }) => {
      if (fails) throw new Error("no");
      return payload;
    },
  });
  const split = defineAdapter({
    type: "split",
    description: "Splits.",
    config: z.any(),
    process: () => [{ n: 1 }],
  });
  const worker = rig.join("worker");
  const api = rig.join("api", { engine: false });
  const route = { errorHandling: { maxRetries: 0, onError: "continue" as const } };
  const id = await rig.run(
    worker,
    define({
      a: { steps: [{ adapter: split }], outbound: ["held", "failing"] },
      held: { steps: [{ adapter: held.adapter }] },
      failing: { steps: [{ adapter: failing }], ...route },
    }),
  );
  await eventually(async () => assert.equal((await worker.executions.progress(id))?.failed, 1));
  const [failed] = await rig.store.failures.after(id, {}, 0, { limit: 1, maxBytes: 1_000, payloads: false });
  fails = false;
  api.bus.answersToLose = 2;
  const done = await api.executions.retry(id, { filter: { messageIds: [failed?.id ?? ""] } });
  assert.equal(done.retried, 1);
  assert.equal(done.record?.id, id);
  await assert.rejects(api.executions.retry(id, { filter: { messageIds: ["no such"] } }), {
    code: "MESSAGE_NOT_FOUND",
  });
  held.open();
  assert.ok(await api.executions.wait(id, 30_000));
  assert.equal((await api.executions.progress(id))?.failed, 0);
  assert.equal((await api.executions.progress(id))?.completed, 3);
});

test("what a dead node worked on is taken up by another, and what a frozen node still does then counts for nothing", async () => {
  for (const how of ["kill", "freeze"] as const) {
    await using rig = new ClusterRig();
    const first = new Gate();
    const second = new Gate();
    const one = rig.join("one");
    const id = await rig.run(
      one,
      define({ a: { steps: [{ adapter: first.adapter }] } }),
      {},
      {
        two: define({ a: { steps: [{ adapter: second.adapter }] } }),
      },
    );
    await eventually(() => assert.equal(first.taken.length, 1));
    await eventually(async () => assert.equal((await rig.events(id)).length, 2));
    rig.join("two");
    one[how]();
    await eventually(() => assert.equal(rig.owner(id), "two"));
    await eventually(() => assert.equal(second.taken.length, 1));
    first.open();
    if (how === "freeze") {
      // What it had on its way is refused.
      await eventually(() => assert.equal(one.executions.running, 0));
      one.letGo();
    }
    assert.equal(await rig.status(id), "running");
    second.open();
    assert.ok(await rig.nodes[1]?.executions.wait(id, 30_000));
    const types = (await rig.events(id)).map(({ type }) => type);
    assert.deepEqual(types, ["initiated", "processing", "completed"], `after ${how}`);
    assert.deepEqual(await rig.lifecycle(id), ["started", "resumed", "ended"]);
    assert.deepEqual(rig.faults, []);
  }
});

test("a node that is shut down leaves its executions to others at once", async () => {
  await using rig = new ClusterRig();
  const first = new Gate();
  const one = rig.join("one");
  const id = await rig.run(
    one,
    define({ a: { steps: [{ adapter: first.adapter }] } }),
    {},
    {
      two: define({ a: { steps: [] } }),
    },
  );
  await eventually(() => assert.equal(first.taken.length, 1));
  const two = rig.join("two");
  await one.executions.close(0);
  assert.ok(await two.executions.wait(id, 30_000));
  assert.deepEqual(await rig.lifecycle(id), ["started", "paused", "resumed", "ended"]);
  const [recovery] = await rig.store.journal.recoveries(id, 1);
  assert.equal(recovery?.interruption?.by, "shutdown");
});

test("a node whose lease was lost drops what it worked on, and goes on as a new one", async () => {
  await using rig = new ClusterRig();
  const held = new Gate();
  const one = rig.join("one");
  const id = await rig.run(one, define({ a: { steps: [{ adapter: held.adapter }] } }));
  await eventually(() => assert.equal(held.taken.length, 1));
  await eventually(async () => assert.equal((await rig.events(id)).length, 2));
  one.ownership.lose();
  await eventually(() => assert.equal(held.aborted.length, 1));
  await eventually(() => assert.equal(held.taken.length, 2));
  held.open();
  assert.ok(await one.executions.wait(id, 30_000));
  assert.deepEqual(await rig.lifecycle(id), ["started", "resumed", "ended"]);
  assert.deepEqual(rig.faults, []);
});

test("an execution that no node takes up is interrupted, said once, and runs as soon as a node comes", async () => {
  await using rig = new ClusterRig();
  const api = rig.join("api", { engine: false });
  rig.join("another", { engine: false });
  const id = await rig.run(api, define({ a: { steps: [] } }));
  await eventually(async () => assert.equal(await rig.status(id), "interrupted"));
  rig.join("worker");
  assert.ok(await api.executions.wait(id, 30_000));
  assert.deepEqual(await rig.lifecycle(id), ["started", "interrupted", "resumed", "ended"]);
  assert.deepEqual(rig.faults, []);
});

test("an execution that nobody works on can be stopped, and told of", async () => {
  await using rig = new ClusterRig();
  const api = rig.join("api", { engine: false });
  const id = await rig.run(api, define({ a: { steps: [] } }));
  assert.equal((await api.executions.progress(id))?.outstanding, 1);
  assert.deepEqual({ ...(await api.executions.depths(id)) }, { a: 1 });
  assert.equal((await api.executions.stop(id, "cancelled", null)).status, "cancelled");
  assert.deepEqual(await rig.lifecycle(id), ["started", "ended"]);
});

test("executions are shared out among nodes, and no more than max_executions are unfinished over all of them", async () => {
  await using rig = new ClusterRig();
  const held = new Gate();
  const api = rig.join("api", { engine: false, maxExecutions: 12 });
  const workers = [rig.join("one"), rig.join("two"), rig.join("three", { maxOwned: 2 })];
  const definition = define({ a: { steps: [{ adapter: held.adapter }] } });
  for (let count = 0; count < 12; count += 1) await rig.run(api, definition);
  await assert.rejects(rig.run(api, definition), { code: "TOO_MANY_EXECUTIONS" });
  await eventually(() =>
    assert.equal(
      workers.reduce((sum, { executions }) => sum + executions.running, 0),
      12,
    ),
  );
  const [one = 0, two = 0, three = 0] = workers.map(({ executions }) => executions.running);
  assert.ok(three <= 2, `${three}`);
  assert.ok(Math.max(one, two) <= 10 && Math.min(one, two) >= 2, `${one}, ${two}, ${three}`);
  held.open();
});
