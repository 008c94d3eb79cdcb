import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient } from "@millrace/client";
import { onDatabase } from "../../packages/stores/src/support/postgres.ts";
import { checkJournal } from "../support/check-journal.ts";
import { eventually } from "../support/eventually.ts";
import { Fleet } from "../support/fleet.ts";
import { HeldAdapter } from "../support/held-adapter.ts";
import { MILLRACE, MillraceProcess } from "../support/millrace-process.ts";
import { NEXT_VERSION, NextVersion } from "../support/next-version.ts";
import { WAITS } from "../support/pipelines.ts";
import { readStream } from "../support/read-stream.ts";
import { withoutSharedStack } from "../support/shared-stack.ts";
import { watchThroughFaults } from "../support/watch-through-faults.ts";

const skip = await withoutSharedStack();

/** A commit to upgrade from, to this version; otherwise it is from this version to one that the test makes of it. */
const OLDER = process.env.TEST_OLDER;

/** Two of them have more in flight than one node has slots: some of it is on another node than the owner, of either version. */
const HELD = `
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 200 } }], outbound: [work] }
  work: { inbound: { concurrency: 4 }, adapters: [{ type: held }] }
init_message: { route: make }
`;

test("a new version comes in node by node while runs and streams go on: nothing is missed, and nothing comes twice", {
  skip,
}, async () => {
  using held = new HeldAdapter();
  using other = OLDER === undefined ? NextVersion.make() : NextVersion.of(OLDER);
  const [from, to] = OLDER === undefined ? [MILLRACE, other.program] : [other.program, MILLRACE];
  await using fleet = await Fleet.start(["serve", "serve", "work", "work"], {
    program: from,
    flags: [...held.flags, "--work-slots", "6", "--shutdown-grace", "0.2"],
  });
  const ids = await Promise.all(fleet.nodes.slice(0, 2).map(({ url }) => fleet.run(HELD, url)));
  const all = ids.map((id) => `execution_id=${id}`).join("&");
  const paths = [...ids.map((id) => `/api/v1/executions/${id}/events`), `/api/v1/events?${all}`];
  const watched = paths.flatMap((path) => [0, 1].map(() => watchThroughFaults(fleet.url + path)));
  let through = 0;
  const goOn = async () => {
    through += 25;
    held.letThrough(through);
    for (const id of ids) {
      await eventually(async () => {
        const { routes } = await fleet.client.executions.stats(id);
        assert.equal(routes[1]?.completed_messages, through, fleet.stderr);
        // As many as there is room for, where other things keep the nodes busy as well.
        assert.ok(((await fleet.client.executions.routes(id)).routes[1]?.in_flight ?? 0) >= 1);
      });
    }
  };
  await goOn();
  // Workers and servers in turns, so that each asks, and is asked by, the other version.
  for (const index of [2, 0, 3, 1]) {
    const node = fleet.nodes[index];
    assert.ok(node !== undefined);
    node.program = to;
    assert.equal(await node.end("SIGTERM"), 0);
    await node.start();
    await eventually(async () => assert.equal((await fetch(`${node.url}/health/ready`)).status, 200));
    await goOn();
    await crossed(fleet);
  }
  held.letThrough(200);
  for (const id of ids) assert.equal((await fleet.client.executions.wait(id, 60)).status, "completed", fleet.stderr);
  const frames = await Promise.all(paths.map(async (path) => (await readStream(fleet.url + path)).frames));
  for (const journal of frames.slice(0, 2)) checkJournal(journal);
  const seen = await Promise.all(watched);
  for (const [index, one] of seen.entries()) assert.deepEqual(one, frames[Math.floor(index / 2)]);
  const versions = await onDatabase(
    fleet.env.MILLRACE_DATABASE_URL ?? "",
    "SELECT DISTINCT version FROM nodes WHERE lease_until > now() AND left_at IS NULL",
  );
  if (OLDER === undefined) assert.deepEqual(versions, [{ version: NEXT_VERSION }]);
  assert.doesNotMatch(fleet.stderr, /not understood|does not know|version/);
});

/** What is started on one of the nodes that serve is told of, and ended, by the other. */
async function crossed(fleet: Fleet): Promise<void> {
  const [one, other] = fleet.nodes.slice(0, 2).map(({ url }) => createClient({ baseUrl: url }));
  assert.ok(one !== undefined && other !== undefined);
  for (const [starts, ends] of [
    [one, other],
    [other, one],
  ] as const) {
    const config = await starts.configs.create({ config_yaml: WAITS, name: "crossed" });
    const { id } = await starts.configs.run(config.id, {});
    await eventually(async () => assert.equal((await ends.executions.routes(id)).routes[0]?.in_flight, 1));
    assert.equal((await ends.executions.cancel(id)).current_status, "cancelled");
    assert.equal((await starts.executions.get(id)).status, "cancelled");
  }
}

test("a node of the version before starts beside newer ones where the database lets it, and else says that it is too old", {
  skip,
}, async () => {
  using next = NextVersion.make();
  await using fleet = await Fleet.start([]);
  const node = (program: string) => {
    const process = new MillraceProcess(["serve", "--log-level", "warn", "--lease-seconds", "2"], fleet.env);
    process.program = program;
    return process;
  };
  await using newer = node(next.program);
  await newer.start();
  await using older = node(MILLRACE);
  await older.start();
  const id = await fleet.run(WAITS, older.url);
  const client = createClient({ baseUrl: newer.url });
  await eventually(async () => assert.equal((await client.executions.routes(id)).routes[0]?.in_flight, 1));
  next.addMigration("9002-incompatible.sql", "ALTER TABLE nodes DROP COLUMN zone");
  await newer.end("SIGTERM");
  await newer.start();
  // It was there before: what it was promised when it started, it keeps.
  await eventually(async () => assert.equal((await client.executions.get(id)).status, "running"));
  await older.end("SIGTERM");
  await assert.rejects(older.start(), /ended with 6/);
  assert.match(older.stderr, /migrated by a newer Millrace \(schema \d+\).*Update Millrace/);
  assert.doesNotMatch(older.stderr, /\n\s+at /);
});
