import assert from "node:assert/strict";
import { test } from "node:test";
import { onDatabase } from "../../packages/stores/src/support/postgres.ts";
import { eventually } from "../support/eventually.ts";
import { Fleet } from "../support/fleet.ts";
import { drops } from "../support/pipelines.ts";
import { openSharedStack, withoutSharedStack } from "../support/shared-stack.ts";
import { Receiver } from "../triggers/receiver.ts";

const skip = await withoutSharedStack();

test("on three nodes each due time makes one run and each end is told once, also where a node is killed in between", {
  skip,
}, async () => {
  await using receiver = await Receiver.start();
  await using stack = await openSharedStack();
  await using fleet = await Fleet.start(["both", "both", "serve"], {
    env: stack.env,
    flags: ["--http-allow-hosts", "127.0.0.1"],
  });
  const { configs, triggers, webhooks, executions } = fleet.client;
  const hook = await webhooks.create({ url: receiver.url });
  const config = await configs.create({ config_yaml: drops(3), name: "p" });
  const made = await Promise.all(
    Array.from({ length: 6 }, () =>
      triggers.create({ config_id: config.id, kind: "cron", cron: { expression: "0 0 1 1 *" } }),
    ),
  );
  // As if all of them were due just now, and once more.
  for (let round = 1; round <= 2; round += 1) {
    await onDatabase(stack.databaseUrl, `UPDATE triggers SET next_at = ${Date.UTC(2020, 0, round)}`);
    if (round === 2) {
      await fleet.nodes[1]?.end("SIGKILL");
      // As if what it had claimed had run out.
      await onDatabase(
        stack.databaseUrl,
        "UPDATE deliveries SET next_at = 0 WHERE state = 'pending'",
        "UPDATE firings SET next_at = 0 WHERE outcome = 'starting'",
      );
    }
    await eventually(async () => {
      for (const { id } of made) {
        const { firings } = await triggers.firings(id);
        // The last time that it was due is the same in both rounds, but for a new year in between.
        assert.equal(firings[0]?.outcome, "started");
        assert.ok(firings.length <= 2);
      }
      const left = await onDatabase(stack.databaseUrl, "SELECT 1 FROM triggers WHERE next_at <= 1600000000000");
      assert.equal(left.length, 0);
    });
  }
  const { total, executions: runs } = await executions.list();
  assert.equal(total, made.length);
  for (const { id } of runs) assert.equal((await executions.wait(id, 60)).completed, true);
  await eventually(async () => {
    const { deliveries } = await webhooks.deliveries(hook.id);
    assert.equal(deliveries.filter(({ state }) => state === "delivered").length, made.length);
  });
  const told = receiver.received.map(({ body }) => body.data.id);
  assert.deepEqual([...new Set(told)].sort(), runs.map(({ id }) => id).sort());
  // What a killed node had sent, and could not note, is sent again under the same id.
  assert.equal(new Set(receiver.received.map(({ id }) => id)).size, made.length);
});

test("of a call that comes to several nodes at once with one idempotency key, one run comes", { skip }, async () => {
  await using fleet = await Fleet.start(["both", "serve"]);
  const config = await fleet.client.configs.create({ config_yaml: drops(1), name: "p" });
  const trigger = await fleet.client.triggers.create({ config_id: config.id, kind: "call" });
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      fetch(`${fleet.nodes[index % 2]?.url}${trigger.call_path}`, {
        method: "POST",
        headers: { "idempotency-key": "one" },
      }),
    ),
  );
  for (const { status } of answers) assert.ok(status === 201 || status === 202, String(status));
  await eventually(async () => {
    const { firings } = await fleet.client.triggers.firings(trigger.id);
    assert.deepEqual(
      firings.map(({ outcome }) => outcome),
      ["started"],
    );
  });
  assert.equal((await fleet.client.executions.list()).total, 1);
});
