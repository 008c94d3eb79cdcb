import assert from "node:assert/strict";
import { test } from "node:test";
import { checkJournal } from "../support/check-journal.ts";
import { eventually } from "../support/eventually.ts";
import { Fleet } from "../support/fleet.ts";
import { HeldAdapter } from "../support/held-adapter.ts";
import { readStream } from "../support/read-stream.ts";
import { withoutSharedStack } from "../support/shared-stack.ts";
import { watchThroughFaults } from "../support/watch-through-faults.ts";

const skip = await withoutSharedStack();

/** With messages at every place: made, waiting, in flight, done. */
const HELD = `
version: "1.0"
limits: { max_fanout_pending: 10 }
routes:
  make: { adapters: [{ type: generate, config: { count: 200 } }], outbound: [work] }
  work: { inbound: { concurrency: 4 }, adapters: [{ type: held }], outbound: [end] }
  end: { adapters: [{ type: filter, config: { when: "false" } }] }
init_message: { route: make }
`;

const stages: readonly (readonly [string, (fleet: Fleet) => Promise<unknown>])[] = [
  ["killed", async (fleet) => fleet.nodes[1]?.end("SIGKILL")],
  ["stopped", async (fleet) => assert.equal(await fleet.nodes[1]?.end("SIGTERM"), 0)],
];

for (const [what, end] of stages) {
  test(`a worker that is ${what} costs an interruption: another goes on with its run`, { skip }, async () => {
    using held = new HeldAdapter();
    await using fleet = await Fleet.start(["serve", "work"], { flags: [...held.flags, "--shutdown-grace", "0.1"] });
    held.letThrough(50);
    const id = await fleet.run(HELD);
    const watched = watchThroughFaults(`${fleet.url}/api/v1/executions/${id}/events`);
    await eventually(async () =>
      assert.equal((await fleet.client.executions.stats(id)).routes[2]?.completed_messages, 50),
    );
    await fleet.add("work");
    await end(fleet);
    held.letThrough(200);
    assert.equal((await fleet.client.executions.wait(id, 60)).status, "completed", fleet.stderr);
    const frames = await watched;
    checkJournal(frames);
    assert.deepEqual((await readStream(`${fleet.url}/api/v1/executions/${id}/events`)).frames, frames);
    const { recoveries } = await fleet.client.executions.get(id);
    assert.equal(recoveries.at(-1)?.interrupted_by, what === "killed" ? "crash" : "shutdown");
  });
}

test("a worker that is frozen past its lease settles nothing when it is let go: another has taken over", {
  skip,
}, async () => {
  using held = new HeldAdapter();
  await using fleet = await Fleet.start(["serve", "work"], { flags: held.flags });
  held.letThrough(20);
  const id = await fleet.run(HELD);
  await eventually(async () =>
    assert.equal((await fleet.client.executions.stats(id)).routes[2]?.completed_messages, 20),
  );
  await fleet.add("work");
  const [, frozen] = fleet.nodes;
  frozen?.freeze(true);
  // All that it held is let through while it cannot see it: it would settle four messages the moment it is let go.
  held.letThrough(100);
  await eventually(async () => {
    const { recoveries } = await fleet.client.executions.get(id);
    assert.equal(recoveries.length, 1);
  });
  await eventually(async () =>
    assert.ok(((await fleet.client.executions.stats(id)).routes[2]?.completed_messages ?? 0) > 30),
  );
  frozen?.freeze(false);
  await eventually(async () =>
    assert.equal((await fleet.client.executions.stats(id)).routes[2]?.completed_messages, 100),
  );
  held.letThrough(200);
  assert.equal((await fleet.client.executions.wait(id, 60)).status, "completed", fleet.stderr);
  checkJournal((await readStream(`${fleet.url}/api/v1/executions/${id}/events`)).frames);
  // And it is of use again.
  await fleet.nodes[2]?.end("SIGKILL");
  const next = await fleet.run(HELD);
  assert.equal((await fleet.client.executions.wait(next, 60)).status, "completed", fleet.stderr);
});

test("a run that no node can take up is interrupted, and goes on when one comes", { skip }, async () => {
  using held = new HeldAdapter();
  await using fleet = await Fleet.start(["serve", "work"], { flags: held.flags });
  const id = await fleet.run(HELD);
  await eventually(async () => assert.equal((await fleet.client.executions.routes(id)).routes[1]?.in_flight, 4));
  await fleet.nodes[1]?.end("SIGKILL");
  await eventually(async () => assert.equal((await fleet.client.executions.get(id)).status, "interrupted"));
  held.letThrough(200);
  await fleet.nodes[1]?.start();
  assert.equal((await fleet.client.executions.wait(id, 60)).status, "completed", fleet.stderr);
  checkJournal((await readStream(`${fleet.url}/api/v1/executions/${id}/events`)).frames);
});

test("a node that serves and is killed costs its clients a connection", { skip }, async () => {
  using held = new HeldAdapter();
  await using fleet = await Fleet.start(["serve", "serve", "work"], { flags: held.flags });
  const id = await fleet.run(HELD);
  const watched = Array.from({ length: 6 }, () => watchThroughFaults(`${fleet.url}/api/v1/executions/${id}/events`));
  held.letThrough(50);
  await eventually(async () =>
    assert.equal((await fleet.client.executions.stats(id)).routes[2]?.completed_messages, 50),
  );
  await fleet.nodes[0]?.end("SIGKILL");
  held.letThrough(100);
  await eventually(async () =>
    assert.equal((await fleet.client.executions.stats(id)).routes[2]?.completed_messages, 100),
  );
  await fleet.nodes[0]?.start();
  await fleet.nodes[1]?.end("SIGKILL");
  held.letThrough(200);
  // A connection that is kept alive may have been the killed node's.
  const { frames } = await eventually(() => readStream(`${fleet.url}/api/v1/executions/${id}/events`));
  checkJournal(frames);
  for (const seen of await Promise.all(watched)) assert.deepEqual(seen, frames);
});
