import assert from "node:assert/strict";
import { test } from "node:test";
import { type ExecutionEvent, executionEventSchema, executionSchema } from "@millrace/protocol";
import { eventually } from "../support/eventually.ts";
import { Fleet } from "../support/fleet.ts";
import { HeldAdapter } from "../support/held-adapter.ts";
import { WAITS } from "../support/pipelines.ts";
import { readStream } from "../support/read-stream.ts";
import { withoutSharedStack } from "../support/shared-stack.ts";

const skip = await withoutSharedStack();

test("as many executions run at once, over all nodes, as max_executions allows", { skip }, async () => {
  await using fleet = await Fleet.start(["both", "both", "both"], { flags: ["--max-executions", "4"] });
  const starts = await Promise.allSettled(
    Array.from({ length: 9 }, (_, index) => fleet.run(WAITS, fleet.nodes[index % 3]?.url)),
  );
  const refused = starts.filter((start) => start.status === "rejected");
  assert.equal(starts.length - refused.length, 4);
  for (const { reason } of refused) assert.match(String(reason), /4 executions are running/);
});

test("of several starts with one idempotency key or one tag, on several nodes at once, one makes an execution", {
  skip,
}, async () => {
  await using fleet = await Fleet.start(["both", "both", "serve"]);
  const config = await fleet.client.configs.create({ config_yaml: WAITS, name: "once" });
  const run = (index: number, query: string) =>
    fetch(`${fleet.nodes[index % 3]?.url}/api/v1/configs/${config.id}/run?${query}`, { method: "POST" });
  const keyed = await Promise.all(Array.from({ length: 9 }, (_, index) => run(index, "idempotency_key=one")));
  const ids = await Promise.all(keyed.map(async (answer) => executionSchema.parse(await answer.json()).id));
  assert.equal(new Set(ids).size, 1);
  const tagged = await Promise.all(Array.from({ length: 9 }, (_, index) => run(index, "tag=one")));
  assert.deepEqual(tagged.map(({ status }) => status).sort(), [201, ...Array.from({ length: 8 }, () => 409)]);
});

test("a route's messages in flight, over all nodes, are as many as its concurrency allows", { skip }, async () => {
  using held = new HeldAdapter();
  // So few slots that most of what is in flight has to be on other nodes than the owner.
  await using fleet = await Fleet.start(["serve", "work", "work", "work"], {
    flags: [...held.flags, "--work-slots", "4"],
  });
  const id = await fleet.run(`
version: "1.0"
limits: { max_handlers: 20 }
routes:
  make: { adapters: [{ type: generate, config: { count: 60 } }], outbound: [work] }
  work: { inbound: { concurrency: 10 }, adapters: [{ type: held }] }
init_message: { route: make }
`);
  const inFlight = async () => (await fleet.client.executions.routes(id)).routes[1]?.in_flight;
  await eventually(async () => assert.equal(await inFlight(), 10));
  for (let through = 5; through <= 60; through += 5) {
    held.letThrough(through);
    await eventually(async () =>
      assert.equal((await fleet.client.executions.stats(id)).routes[1]?.completed_messages, through),
    );
  }
  assert.equal((await fleet.client.executions.wait(id, 60)).status, "completed", fleet.stderr);
  const { frames } = await readStream(`${fleet.url}/api/v1/executions/${id}/events`);
  const events = frames.slice(0, -1).map(({ data }) => executionEventSchema.parse(data));
  assert.equal(mostAtOnce(events.filter(({ route }) => route === "work")), 10);
});

test("a cancel reaches messages on every node within moments", { skip }, async () => {
  await using fleet = await Fleet.start(["serve", "work", "work"], { flags: ["--work-slots", "2"] });
  const id = await fleet.run(`
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 40 } }], outbound: [work] }
  work: { inbound: { concurrency: 6 }, adapters: [{ type: delay, config: { seconds: 600 } }] }
init_message: { route: make }
`);
  await eventually(async () => assert.equal((await fleet.client.executions.routes(id)).routes[1]?.in_flight, 4));
  assert.equal((await fleet.client.executions.cancel(id)).current_status, "cancelled");
  const { routes } = await fleet.client.executions.routes(id);
  assert.equal(routes[1]?.in_flight, 0);
  // The slots are free again on all of them.
  const next = await fleet.run(WAITS);
  await eventually(async () => assert.equal((await fleet.client.executions.routes(next)).routes[0]?.in_flight, 1));
});

function mostAtOnce(events: readonly ExecutionEvent[]): number {
  let now = 0;
  let most = 0;
  for (const { type } of events) {
    if (type === "initiated") now += 1;
    if (type === "completed" || type === "failed") now -= 1;
    most = Math.max(most, now);
  }
  return most;
}
