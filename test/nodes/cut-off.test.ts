import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { checkJournal } from "../support/check-journal.ts";
import { eventually } from "../support/eventually.ts";
import { Fleet } from "../support/fleet.ts";
import { HeldAdapter } from "../support/held-adapter.ts";
import { NatsServer, withoutNatsServer } from "../support/nats-servers.ts";
import { PostgresServer, withoutPostgresServer } from "../support/postgres-server.ts";
import { readStream } from "../support/read-stream.ts";

/** Addresses that are set aside for trials (RFC 2544). */
const HERE = "198.18.234.1";
const THERE = "198.18.234.2";
const NAMESPACE = `millrace-cut-${process.pid}`;
const [DEVICE, ITS_DEVICE] = [`mc${process.pid}a`, `mc${process.pid}b`];
const ip = (...words: string[]) => execFileSync("ip", words, { stdio: ["ignore", "pipe", "pipe"] });

describe("a node that is cut off from the network", { skip: skipReason() }, () => {
  before(() => {
    ip("netns", "add", NAMESPACE);
    ip("link", "add", DEVICE, "type", "veth", "peer", "name", ITS_DEVICE);
    ip("link", "set", ITS_DEVICE, "netns", NAMESPACE);
    ip("addr", "add", `${HERE}/30`, "dev", DEVICE);
    ip("link", "set", DEVICE, "up");
    for (const words of [
      ["link", "set", "lo", "up"],
      ["addr", "add", `${THERE}/30`, "dev", ITS_DEVICE],
      ["link", "set", ITS_DEVICE, "up"],
    ])
      ip("-n", NAMESPACE, ...words);
  });
  after(() => {
    spawnSync("ip", ["netns", "del", NAMESPACE]);
    spawnSync("ip", ["link", "del", DEVICE]);
  });

  test("loses its runs to others, settles nothing from then on, and is of use again when it is back", async () => {
    using held = new HeldAdapter();
    await using postgres = await PostgresServer.start({ address: HERE });
    await using nats = await NatsServer.start({ address: HERE });
    await using fleet = await Fleet.start(["serve"], {
      env: { MILLRACE_DATABASE_URL: postgres.url(), MILLRACE_NATS_URL: nats.url },
      flags: held.flags,
    });
    await fleet.add("work", [], ["ip", "netns", "exec", NAMESPACE]);
    held.letThrough(20);
    const id = await fleet.run(`
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 100 } }], outbound: [work] }
  work: { inbound: { concurrency: 4 }, adapters: [{ type: held }] }
init_message: { route: make }
`);
    const completed = async () => (await fleet.client.executions.stats(id)).routes[1]?.completed_messages ?? 0;
    await eventually(async () => assert.equal(await completed(), 20));
    await fleet.add("work");
    // Without a word: no connection is closed, packets are lost.
    ip("link", "set", DEVICE, "down");
    held.letThrough(60);
    await eventually(async () => assert.equal(await completed(), 60));
    ip("link", "set", DEVICE, "up");
    held.letThrough(100);
    assert.equal((await fleet.client.executions.wait(id, 60)).status, "completed", fleet.stderr);
    checkJournal((await readStream(`${fleet.url}/api/v1/executions/${id}/events`)).frames);
    // The one that was cut off is alone again.
    await fleet.nodes[2]?.end("SIGKILL");
    const next = await fleet.run(`
version: "1.0"
routes: { work: { adapters: [{ type: held }] } }
init_message: { route: work }
`);
    assert.equal((await fleet.client.executions.wait(next, 60)).status, "completed", fleet.stderr);
  });
});

function skipReason(): string | false {
  const missing = withoutPostgresServer() || withoutNatsServer();
  if (missing !== false) return missing;
  const able = spawnSync("ip", ["netns", "list"]).status === 0 && process.getuid?.() === 0;
  if (able || process.env.TEST_REQUIRE_NETNS === "1") return false;
  return "network namespaces take root and iproute2";
}
