import assert from "node:assert/strict";
import { test } from "node:test";
import { AdapterError, type AnyAdapter, type Definition, defineAdapter, routeTo } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import { z } from "zod";
import { StepRedactor } from "../../packages/engine/src/secrets/step-redactor.ts";
import { ClusterRig } from "../support/cluster/cluster-rig.ts";
import { Gate } from "../support/cluster/gate.ts";
import { define } from "../support/engine-rig.ts";
import { eventually } from "../support/eventually.ts";

/** A node that works on nothing that another can work on. */
const OWNER = { workSlots: 0, worthOfferingMs: 0 };
const WORKER = { workSlots: 8, worthOfferingMs: 0, maxOwned: 0 };

const make = (count: number): AnyAdapter =>
  defineAdapter({
    type: "make",
    description: "Makes messages.",
    config: z.any(),
    process: () => Array.from({ length: count }, (_, n): JsonObject => ({ n })),
  });

/** A pipeline that makes messages, which are worked on by `adapter`. */
const spreading = (adapter: AnyAdapter, count: number, route: object = {}, limits = {}): Definition =>
  define(
    {
      make: { steps: [{ adapter: make(count) }], outbound: ["work"] },
      work: { steps: [{ adapter }], concurrency: 4, ...route },
    },
    {},
    limits,
  );

/** Runs one message by way of an owner without room, with a gate on each of two workers. */
async function held(rig: ClusterRig) {
  const owner = rig.join("owner", OWNER);
  const gates = { one: new Gate(), two: new Gate() };
  const of = Object.fromEntries(
    Object.entries(gates).map(([name, { adapter }]) => [name, define({ a: { steps: [{ adapter }] } })]),
  );
  const one = rig.join("one", WORKER);
  const id = await rig.run(owner, define({ a: { steps: [{ adapter: new Gate().adapter }] } }), {}, of);
  await eventually(() => assert.equal(gates.one.taken.length, 1));
  await eventually(async () => assert.deepEqual(await typesOf(rig, id), ["initiated", "processing"]));
  return { id, owner, one, gates };
}

async function typesOf(rig: ClusterRig, id: string): Promise<string[]> {
  return (await rig.events(id)).map(({ type }) => type);
}

test("the message of a worker that dies is worked on by another, as the same attempt", async () => {
  await using rig = new ClusterRig();
  const { id, one, owner, gates } = await held(rig);
  rig.join("two", WORKER);
  one.kill();
  await eventually(() => assert.equal(gates.two.taken.length, 1));
  const [message] = await rig.store.work.take(id, "a", 0, 1, 1_000);
  assert.equal(message?.interruptions, 1, "it counts as an interruption");
  gates.two.open();
  assert.ok(await owner.executions.wait(id, 30_000));
  assert.deepEqual(await typesOf(rig, id), ["initiated", "processing", "completed"]);
  assert.equal(gates.two.taken[0]?.attempt, 1);
  assert.deepEqual(rig.faults, []);
});

test("a message that the queue has lost is put there again: it does not wait for its owner's room", async () => {
  await using rig = new ClusterRig();
  const owner = rig.join("owner", OWNER);
  const gate = new Gate();
  const id = await rig.run(owner, define({ a: { steps: [{ adapter: gate.adapter }] } }));
  await eventually(() => assert.equal(rig.tasks.put, 1));
  rig.tasks.lose();
  gate.open();
  rig.join("one", WORKER);
  assert.ok(await owner.executions.wait(id, 30_000));
  assert.deepEqual(await typesOf(rig, id), ["initiated", "processing", "completed"]);
  assert.deepEqual(rig.faults, []);
});

test("a message that is in flight whenever its worker dies is given up", async () => {
  await using rig = new ClusterRig();
  const { id, one, owner, gates } = await held(rig);
  let worker = one;
  for (let times = 1; times <= 10; times += 1) {
    await eventually(() => assert.equal(gates.one.taken.length, times));
    const next = rig.join("one", WORKER);
    worker.kill();
    worker = next;
  }
  assert.ok(await owner.executions.wait(id, 60_000));
  const last = (await rig.events(id)).at(-1);
  assert.equal(last?.type === "failed" && last.error.code, "CRASH_LOOP");
});

test("what a frozen worker says when it is let go again counts for nothing", async () => {
  await using rig = new ClusterRig();
  const { id, one, owner, gates } = await held(rig);
  rig.join("two", WORKER);
  one.bus.connect(false);
  await eventually(() => assert.equal(gates.two.taken.length, 1));
  gates.one.open();
  await eventually(() => assert.equal(gates.one.inside, 0));
  one.bus.connect(true);
  await eventually(() => assert.equal(one.executions.workingForOthers, 0));
  assert.equal(await rig.status(id), "running", "it has settled nothing");
  gates.two.open();
  assert.ok(await owner.executions.wait(id, 30_000));
  assert.deepEqual(await typesOf(rig, id), ["initiated", "processing", "completed"]);
});

test("when an owner dies, what others work on for it is given up, and begun again by the next owner's word", async () => {
  await using rig = new ClusterRig();
  const { id, owner, one, gates } = await held(rig);
  owner.kill();
  rig.join("two", { ...OWNER, workSlots: 4 });
  await eventually(() => assert.equal(gates.one.aborted.length, 1));
  await eventually(() => assert.equal(rig.owner(id), "two"));
  gates.one.open();
  gates.two.open();
  assert.ok(await one.executions.wait(id, 30_000));
  assert.deepEqual(await typesOf(rig, id), ["initiated", "processing", "completed"]);
  assert.deepEqual(rig.faults, []);
});

test("a cancel reaches the worker, and the message fails as it would where it is owned", async () => {
  await using rig = new ClusterRig();
  const { id, one, gates } = await held(rig);
  assert.equal((await one.executions.stop(id, "cancelled", null)).status, "cancelled");
  assert.equal(gates.one.aborted.length, 1);
  const last = (await rig.events(id)).at(-1);
  assert.equal(last?.type === "failed" && last.error.code, "CANCELLED");
  await eventually(() => assert.equal(one.executions.workingForOthers, 0));
  assert.deepEqual(rig.faults, []);
});

test("an execution is stopped, and leaves nothing behind, while its messages wait for a node with room", async () => {
  await using rig = new ClusterRig();
  const owner = rig.join("owner", OWNER);
  const gate = new Gate();
  const id = await rig.run(owner, define({ a: { steps: [{ adapter: gate.adapter }] } }));
  await eventually(() => assert.equal(rig.tasks.put, 1));
  assert.deepEqual(await typesOf(rig, id), [], "what has not begun is not said to have");
  assert.equal((await owner.executions.stop(id, "cancelled", null)).status, "cancelled");
  const worker = rig.join("worker", WORKER);
  await eventually(() => assert.equal(rig.tasks.left, 0));
  await eventually(() => assert.equal(worker.executions.workingForOthers, 0));
  assert.equal(gate.taken.length, 0);
});

test("a worker that is shut down gives its messages back, which is no interruption", async () => {
  await using rig = new ClusterRig();
  const { id, one, owner, gates } = await held(rig);
  rig.join("two", WORKER);
  await one.executions.close(0);
  await eventually(() => assert.equal(gates.two.taken.length, 1));
  const [message] = await rig.store.work.take(id, "a", 0, 1, 1_000);
  assert.equal(message?.interruptions, 0);
  gates.two.open();
  assert.ok(await owner.executions.wait(id, 30_000));
});

test("an owner takes a message itself that no worker takes", async () => {
  await using rig = new ClusterRig();
  const gate = new Gate();
  const owner = rig.join("owner", { workSlots: 1, worthOfferingMs: 0 });
  const id = await rig.run(owner, spreading(gate.adapter, 3));
  await eventually(() => assert.equal(gate.taken.length, 1));
  await eventually(() => assert.equal(rig.tasks.put, 2));
  gate.open();
  assert.ok(await owner.executions.wait(id, 30_000));
  assert.equal(gate.taken.length, 3);
});

test("limits hold over nodes: route concurrency, and max_handlers", async () => {
  for (const [concurrency, maxHandlers] of [
    [3, 30],
    [8, 5],
  ] as const) {
    await using rig = new ClusterRig();
    const gate = new Gate();
    const owner = rig.join("owner", { workSlots: 1, worthOfferingMs: 0 });
    const workers = [rig.join("one", WORKER), rig.join("two", WORKER)];
    const id = await rig.run(owner, spreading(gate.adapter, 40, { concurrency }, { maxHandlers }));
    const most = Math.min(concurrency, maxHandlers);
    await eventually(() => assert.equal(gate.inside, most));
    const busy = () => workers.reduce((sum, { executions }) => sum + executions.workingForOthers, 0);
    await eventually(() => assert.equal(busy(), most - 1));
    gate.open();
    assert.ok(await owner.executions.wait(id, 30_000));
    assert.equal(gate.taken.length, 40);
    assert.equal(gate.most, most);
  }
});

test("messages of a route with concurrency 1 are worked on in order, whichever nodes work on them", async () => {
  await using rig = new ClusterRig();
  const order: number[] = [];
  const note = defineAdapter({
    type: "note",
    description: "Notes.",
    config: z.any(),
    async process({ payload }) {
      await new Promise((resolve) => setImmediate(resolve));
      order.push(Number(payload.n));
    },
  });
  const owner = rig.join("owner", OWNER);
  rig.join("one", WORKER);
  rig.join("two", WORKER);
  const id = await rig.run(owner, spreading(note, 100, { concurrency: 1 }));
  assert.ok(await owner.executions.wait(id, 30_000));
  assert.deepEqual(
    order,
    Array.from({ length: 100 }, (_, n) => n),
  );
});

test("a route with something to remember in the process stays with its owner", async () => {
  await using rig = new ClusterRig();
  const gate = new Gate("counting", { stateful: () => true });
  const owner = rig.join("owner", OWNER);
  const worker = rig.join("one", WORKER);
  const id = await rig.run(owner, spreading(gate.adapter, 4));
  await eventually(() => assert.equal(gate.inside, 4));
  assert.equal(worker.executions.workingForOthers, 0);
  gate.open();
  assert.ok(await owner.executions.wait(id, 30_000));
});

test("slots are given to executions in turns: one with few messages does not wait for all of one with many", async () => {
  await using rig = new ClusterRig();
  const owner = rig.join("owner", { workSlots: 1, worthOfferingMs: 0 });
  const order: string[] = [];
  const opened = Promise.withResolvers<void>();
  const note = (name: string) =>
    defineAdapter({
      type: "note",
      description: "Notes.",
      config: z.any(),
      async process() {
        await opened.promise;
        order.push(name);
      },
    });
  const many = await rig.run(owner, spreading(note("many"), 50, { concurrency: 20 }));
  // One is at work, and all others that may be wait for a slot.
  await eventually(() => assert.equal(rig.tasks.put, 19));
  const few = await rig.run(owner, define({ a: { steps: [{ adapter: note("few") }] } }));
  await eventually(() => assert.equal(rig.tasks.put, 20));
  opened.resolve();
  for (const id of [many, few]) assert.ok(await owner.executions.wait(id, 30_000));
  assert.ok(order.indexOf("few") < 5, `${order}`);
});

test("what an adapter does wrong on another node is said as where it is owned", async () => {
  await using rig = new ClusterRig();
  const owner = rig.join("owner", OWNER);
  rig.join("one", WORKER);
  const wrong: Record<string, AnyAdapter> = Object.fromEntries(
    Object.entries({
      UNKNOWN_ROUTE: () => [routeTo("nowhere", {})],
      INVALID_EMIT: () => ["text" as never],
      MESSAGE_TOO_LARGE: () => ({ text: "x".repeat(1_000_001) }),
      OWN_CODE: () => {
        throw new AdapterError("OWN_CODE", "with password hunter22", { retryable: false });
      },
      ADAPTER_TIMEOUT: () => new Promise<never>(() => {}),
    }).map(([type, process]) => [type, defineAdapter({ type, description: type, config: z.any(), process })]),
  );
  const redactor = new StepRedactor(new Map([["PASSWORD", "hunter22"]]));
  for (const [code, adapter] of Object.entries(wrong)) {
    const definition = define({
      a: { steps: [{ adapter }], outbound: ["b"], errorHandling: { maxRetries: 0, timeoutMs: 50 } },
      b: { steps: [] },
    });
    const [step] = definition.routes[0]?.steps ?? [];
    if (step !== undefined) Object.assign(step, { redactor });
    const id = await rig.run(owner, definition);
    assert.ok(await owner.executions.wait(id, 30_000));
    const last = (await rig.events(id)).at(-1);
    assert.ok(last?.type === "failed", code);
    assert.equal(last.error.code, code);
    assert.equal(last.adapter_index, 0);
    if (code === "OWN_CODE") assert.equal(last.error.message, "with password [secret PASSWORD]");
  }
});

test("more than one message of the bus takes gets through in parts, as one", async () => {
  await using rig = new ClusterRig();
  const owner = rig.join("owner", OWNER);
  rig.join("one", WORKER);
  const large = defineAdapter({
    type: "large",
    description: "Makes large messages.",
    config: z.any(),
    process: () => Array.from({ length: 8 }, (_, n): JsonObject => ({ n, text: noise(300_000) })),
  });
  const id = await rig.run(owner, define({ a: { steps: [{ adapter: large }], outbound: ["b"] }, b: { steps: [] } }));
  assert.ok(await owner.executions.wait(id, 30_000));
  assert.equal(await rig.status(id), "completed");
  assert.equal((await owner.executions.progress(id))?.completed, 9);
});

/** Text that is not made smaller by packing. */
function noise(length: number): string {
  return Array.from({ length }, () => String.fromCharCode(33 + Math.floor(Math.random() * 90))).join("");
}
