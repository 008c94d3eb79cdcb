import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient } from "@millrace/client";
import { checkJournal } from "../support/check-journal.ts";
import { eventually } from "../support/eventually.ts";
import { Fleet } from "../support/fleet.ts";
import { HeldAdapter } from "../support/held-adapter.ts";
import { type Frame, readStream } from "../support/read-stream.ts";
import { withoutSharedStack } from "../support/shared-stack.ts";

const skip = await withoutSharedStack();

const HELD = `
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 400 } }], outbound: [work] }
  work: { inbound: { concurrency: 8 }, adapters: [{ type: held }] }
init_message: { route: make }
`;

const eventsOf = (url: string, id: string) => `${url}/api/v1/executions/${id}/events`;

test("any node serves the stream of any execution, and all of them the same", { skip }, async () => {
  using held = new HeldAdapter();
  await using fleet = await Fleet.start(["serve", "both", "serve", "work"], { flags: held.flags });
  const serving = fleet.nodes.slice(0, 3);
  const ids = await Promise.all(serving.map(({ url }) => fleet.run(HELD, url)));
  const watched = serving.flatMap(({ url }) => ids.map((id) => readStream(eventsOf(url, id))));
  await Promise.all(
    ids.map((id) =>
      readStream(eventsOf(fleet.url, id), {
        until: ({ event, data }) => event === "initiated" && data.route === "work",
      }),
    ),
  );
  held.letThrough(400);
  const streams = await Promise.all(watched);
  for (const [index, id] of ids.entries()) {
    const own = streams.filter((_, place) => place % ids.length === index).map(({ frames }) => frames);
    assert.equal(checkJournal(own[0] ?? []).filter(({ type }) => type === "completed").length, 401);
    for (const other of own.slice(1)) assert.deepEqual(other, own[0]);
    for (const { url } of serving) assert.deepEqual((await readStream(eventsOf(url, id))).frames, own[0]);
  }
});

test("a client that comes back to another node goes on where it was, with no gap and no repeat", { skip }, async () => {
  using held = new HeldAdapter();
  await using fleet = await Fleet.start(["both", "both", "both"], { flags: held.flags });
  const id = await fleet.run(HELD);
  const seen: Frame[] = [];
  // A little more of the run each time, and each time on the next node.
  for (let turn = 0; seen.at(-1)?.event !== "end"; turn += 1) {
    held.letThrough(20 * (turn + 1));
    const node = fleet.nodes[turn % fleet.nodes.length];
    const cursor = seen.at(-1)?.id;
    let more = 0;
    const { frames, status } = await readStream(eventsOf(node?.url ?? "", id), {
      headers: cursor === undefined ? {} : { "last-event-id": cursor },
      until: ({ event }) => {
        more += event === "completed" ? 1 : 0;
        return more === 15;
      },
    });
    assert.equal(status, 200);
    seen.push(...frames);
  }
  const { frames } = await readStream(eventsOf(fleet.url, id));
  assert.deepEqual(seen, frames);
  checkJournal(frames);
});

test("a stream of several executions is in one order on every node", { skip }, async () => {
  using held = new HeldAdapter();
  await using fleet = await Fleet.start(["both", "both"], { flags: held.flags });
  const ids = await Promise.all(fleet.nodes.flatMap(({ url }) => [fleet.run(HELD, url), fleet.run(HELD, url)]));
  const path = `/api/v1/events?${ids.map((id) => `execution_id=${id}`).join("&")}`;
  const watched = fleet.nodes.map(({ url }) => readStream(url + path));
  held.letThrough(400);
  const [one, other] = await Promise.all(watched);
  assert.deepEqual(one, other);
  const positions = (one?.frames ?? []).flatMap(({ event, id }) => (event === "end" ? [] : [Number(id)]));
  assert.deepEqual(
    positions,
    positions.toSorted((a, b) => a - b),
  );
  assert.equal(new Set(positions).size, ids.length * (3 + 400 * 3));
});

test("every node tells the same of an execution that another one works on, and may cancel it", { skip }, async () => {
  using held = new HeldAdapter();
  await using fleet = await Fleet.start(["serve", "work", "serve"], { flags: held.flags });
  const [first, , last] = fleet.nodes;
  const [one, other] = [first, last].map((node) => createClient({ baseUrl: node?.url ?? "" }));
  assert.ok(one !== undefined && other !== undefined);
  const id = await fleet.run(HELD, first?.url);
  await eventually(async () => assert.equal((await other.executions.routes(id)).routes[1]?.in_flight, 8));
  for (const client of [one, other]) {
    assert.equal((await client.executions.get(id)).status, "running");
    assert.equal((await client.executions.routes(id)).routes[1]?.in_flight, 8);
  }
  assert.equal((await other.executions.cancel(id)).current_status, "cancelled");
  assert.equal((await one.executions.get(id)).status, "cancelled");
  const { frames } = await readStream(eventsOf(first?.url ?? "", id));
  assert.equal(frames.at(-1)?.data.status, "cancelled");
});
