import assert from "node:assert/strict";
import { test } from "node:test";
import { checkJournal } from "../support/check-journal.ts";
import { eventually } from "../support/eventually.ts";
import { Fleet } from "../support/fleet.ts";
import { HeldAdapter } from "../support/held-adapter.ts";
import { NatsServer, withoutNatsServer } from "../support/nats-servers.ts";
import { RawReader } from "../support/raw-reader.ts";
import { readStream } from "../support/read-stream.ts";
import { openSharedStack, withoutSharedStack } from "../support/shared-stack.ts";

const skip = (await withoutSharedStack()) || withoutNatsServer();

test("a cluster of three NATS servers loses one after the other, and no run is the worse for it", {
  skip,
}, async () => {
  using held = new HeldAdapter();
  await using stack = new AsyncDisposableStack();
  const servers = await NatsServer.startCluster();
  for (const server of servers) stack.use(server);
  await using shared = await openSharedStack(servers.map(({ url }) => url).join(","));
  await using fleet = await Fleet.start(["serve", "work", "work", "work"], {
    env: shared.env,
    flags: [...held.flags, "--work-slots", "2"],
  });
  const id = await fleet.run(`
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 90 } }], outbound: [work] }
  work: { inbound: { concurrency: 6 }, adapters: [{ type: held }] }
init_message: { route: make }
`);
  const watched = await RawReader.open(`${fleet.nodes[0]?.url}/api/v1/executions/${id}/events`);
  // One of the three leads the stream of tasks, whichever that is.
  for (const [index, server] of servers.entries()) {
    held.letThrough(30 * index + 10);
    await eventually(async () =>
      assert.equal((await fleet.client.executions.stats(id)).routes[1]?.completed_messages, 30 * index + 10),
    );
    await server.end("SIGKILL");
    held.letThrough(30 * index + 30);
    await eventually(async () =>
      assert.equal((await fleet.client.executions.stats(id)).routes[1]?.completed_messages, 30 * index + 30),
    );
    await server.start();
  }
  assert.equal((await fleet.client.executions.wait(id, 60)).status, "completed", fleet.stderr);
  await watched.ended();
  checkJournal(watched.frames);
  assert.deepEqual((await readStream(`${fleet.url}/api/v1/executions/${id}/events`)).frames, watched.frames);
});
