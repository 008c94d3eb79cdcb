import assert from "node:assert/strict";
import { test } from "node:test";
import { defineAdapter } from "@millrace/engine";
import { z } from "zod";
import { ALL_OBJECTS } from "../../packages/stores/src/support/all-objects.ts";
import { ClusterRig } from "../support/cluster/cluster-rig.ts";
import { define } from "../support/engine-rig.ts";
import { eventually } from "../support/eventually.ts";

const write = defineAdapter({
  type: "write",
  description: "Writes an object.",
  config: z.any(),
  async process({ id, executionId }, { objects }) {
    const key = `executions/${executionId}/a/result/${id}.txt`;
    await objects.put(key, Buffer.from("hello"), { contentType: "text/plain", createdAt: new Date().toISOString() });
  },
});

async function started() {
  const rig = new ClusterRig();
  const owner = rig.join("owner", { workSlots: 0, worthOfferingMs: 0 });
  const worker = rig.join("worker", { workSlots: 4, maxOwned: 0 });
  return { rig, owner, worker, definition: define({ a: { steps: [{ adapter: write }] } }) };
}

test("objects that another node writes for an execution are listed with it", async () => {
  const { rig, owner, definition } = await started();
  await using _ = rig;
  const id = await rig.run(owner, definition);
  assert.ok(await owner.executions.wait(id, 30_000));
  assert.equal(await rig.status(id), "completed");
  const [message] = await rig.events(id);
  const { objects } = await rig.store.storedObjects.list(ALL_OBJECTS);
  assert.deepEqual(
    objects.map(({ messageId, size }) => ({ messageId, size })),
    [{ messageId: message?.message_id, size: 5 }],
  );
});

test("an object whose writing ends after the worker was told to stop is listed all the same, while the execution is there", async () => {
  const { rig, owner, worker, definition } = await started();
  await using _ = rig;
  const go = rig.objects.hold();
  const id = await rig.run(owner, definition);
  await eventually(() => assert.equal(worker.executions.workingForOthers, 1));
  await eventually(async () => assert.equal((await rig.events(id)).length, 2));
  await worker.executions.close(0);
  go();
  await eventually(async () => assert.equal((await rig.store.storedObjects.list(ALL_OBJECTS)).total, 1));
});
