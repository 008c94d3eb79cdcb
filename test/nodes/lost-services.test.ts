import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { healthSchema } from "@millrace/protocol";
import { checkJournal } from "../support/check-journal.ts";
import { eventually } from "../support/eventually.ts";
import { Fleet } from "../support/fleet.ts";
import { freePort } from "../support/free-port.ts";
import { HeldAdapter } from "../support/held-adapter.ts";
import { Link } from "../support/link.ts";
import { MillraceProcess } from "../support/millrace-process.ts";
import { NatsServer, withoutNatsServer } from "../support/nats-servers.ts";
import { PostgresServer, withoutPostgresServer } from "../support/postgres-server.ts";
import { RawReader } from "../support/raw-reader.ts";
import { readStream } from "../support/read-stream.ts";

const skip = withoutPostgresServer() || withoutNatsServer();

const HELD = `
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 200 } }], outbound: [work] }
  work: { inbound: { concurrency: 4 }, adapters: [{ type: held }] }
init_message: { route: make }
`;

for (const what of ["PostgreSQL", "NATS"] as const) {
  test(`while ${what} is away streams stay open and quiet, new work is refused with Retry-After, and all goes on after`, {
    skip,
  }, async () => {
    using held = new HeldAdapter();
    await using postgres = await PostgresServer.start();
    await using nats = await NatsServer.start();
    await using fleet = await Fleet.start(["serve", "work", "both"], {
      env: { MILLRACE_DATABASE_URL: postgres.url(), MILLRACE_NATS_URL: nats.url },
      flags: held.flags,
    });
    const server = what === "NATS" ? nats : postgres;
    const ids = await Promise.all([0, 1, 2].map(() => fleet.run(HELD)));
    const config = (await fleet.client.configs.list({ limit: 1 })).configs[0];
    const watched = await Promise.all(
      ids.map((id) => RawReader.open(`${fleet.nodes[0]?.url}/api/v1/executions/${id}/events`)),
    );
    held.letThrough(50);
    for (const id of ids)
      await eventually(async () =>
        assert.equal((await fleet.client.executions.stats(id)).routes[1]?.completed_messages, 50),
      );
    await server.end("SIGKILL");
    for (const node of fleet.nodes) {
      const health = await eventually(async () => {
        const answer = await fetch(`${node.url}/health/ready`);
        const body = healthSchema.parse(await answer.json());
        assert.equal(body.status, "degraded");
        // No proxy takes it out of service: whoever comes is to be told by the node when to come again.
        assert.equal(answer.status, 200);
        return body;
      });
      assert.match(health.components.store?.detail ?? "", /^Commits fail: /);
    }
    held.letThrough(200);
    const refused = await fetch(`${fleet.url}/api/v1/configs/${config?.id}/run`, { method: "POST" });
    assert.equal(refused.status, 503, await refused.text());
    assert.ok(Number(refused.headers.get("retry-after")) > 0);
    // Longer than a lease: nobody may take anything over for it.
    await wait(3_000);
    for (const { socket } of watched) assert.ok(!socket.closed, "the stream stays open");
    await server.start();
    for (const [index, id] of ids.entries()) {
      await eventually(async () =>
        assert.equal((await fleet.client.executions.get(id)).status, "completed", fleet.stderr),
      );
      await watched[index]?.ended();
      // Each node finds its way back in its own time.
      const frames = await eventually(async () => {
        const read = await readStream(`${fleet.url}/api/v1/executions/${id}/events`);
        assert.equal(read.status, 200);
        return read.frames;
      });
      checkJournal(frames);
      assert.deepEqual(watched[index]?.frames, frames);
      assert.deepEqual((await fleet.client.executions.get(id)).recoveries, [], "nobody was taken for dead");
    }
    const next = await fleet.run(HELD);
    assert.equal((await fleet.client.executions.wait(next, 60)).status, "completed", fleet.stderr);
  });
}

test("a node that cannot reach PostgreSQL or NATS says at its start which one, where, and what to do", {
  skip,
}, async () => {
  await using postgres = await PostgresServer.start();
  await using nats = await NatsServer.start();
  await using bare = await NatsServer.start({ jetStream: false });
  const nowhere = await freePort();
  const failure = async (database: string, broker: string) => {
    await using node = new MillraceProcess(["serve"], { MILLRACE_DATABASE_URL: database, MILLRACE_NATS_URL: broker });
    await assert.rejects(node.start());
    assert.doesNotMatch(node.stderr, /\n\s+at |hush/, "no stack trace, no password");
    return node.stderr;
  };
  assert.match(
    await failure(`postgres://me:hush@127.0.0.1:${nowhere}/millrace`, nats.url),
    new RegExp(`127\\.0\\.0\\.1:${nowhere}.*PostgreSQL`),
  );
  assert.match(await failure(postgres.url("missing"), nats.url), /database "missing" does not exist/);
  assert.match(
    await failure(postgres.url(), `nats://me:hush@127.0.0.1:${nowhere}`),
    new RegExp(`NATS.*127\\.0\\.0\\.1:${nowhere}`),
  );
  assert.match(await failure(postgres.url(), bare.url), /JetStream/);
});

test("while PostgreSQL does not answer, probes are answered before they give up, and keys open metrics and the reasons", {
  skip,
}, async () => {
  await using postgres = await PostgresServer.start();
  await using link = await Link.open(postgres.port);
  await using nats = await NatsServer.start();
  const url = new URL(postgres.url());
  url.port = String(link.port);
  await using fleet = await Fleet.start(["serve", "work"], {
    env: { MILLRACE_DATABASE_URL: url.href, MILLRACE_NATS_URL: nats.url },
    flags: ["--access", "off"],
  });
  // One that is brought is looked up, also where none is wanted.
  const { secret } = await fleet.client.keys.create({ name: "scrapes", scopes: ["read"] });
  const headers = { authorization: `Bearer ${secret}` };
  for (const node of fleet.nodes) assert.equal((await fetch(`${node.url}/metrics`, { headers })).status, 200);
  link.stall(true);
  for (const node of fleet.nodes) {
    // As probes of Kubernetes, and of the proxy, do: each time anew, and for no longer than two seconds.
    const probe = () => fetch(`${node.url}/health/ready`, { signal: AbortSignal.timeout(2_000) });
    await eventually(async () => {
      const { status, components } = healthSchema.parse(await (await probe()).json());
      assert.deepEqual([status, components.database?.status], ["degraded", "degraded"]);
    });
    for (let asked = 0; asked < 5; asked += 1) {
      assert.equal((await probe()).status, 200);
      await wait(200);
    }
    const metrics = await fetch(`${node.url}/metrics`, { headers });
    assert.equal(metrics.status, 200);
    assert.match(await metrics.text(), /^millrace_lease_age_seconds /m);
    const reasons = healthSchema.parse(await (await fetch(`${node.url}/health/ready`, { headers })).json());
    assert.match(reasons.components.database?.detail ?? "", /database/);
  }
  link.stall(false);
  for (const node of fleet.nodes)
    await eventually(async () => {
      const { status } = healthSchema.parse(await (await fetch(`${node.url}/health/ready`)).json());
      assert.equal(status, "healthy");
    });
});
