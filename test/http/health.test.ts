import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createAdapterRegistry } from "@millrace/adapters";
import { type Health, healthSchema } from "@millrace/protocol";
import Fastify from "fastify";
import { ANYONE, STRANGER } from "../../packages/server/src/access/principal.ts";
import { registerEndpoints } from "../../packages/server/src/http/endpoint.ts";
import { systemEndpoints } from "../../packages/server/src/http/routes/system-endpoints.ts";
import { smallDisk } from "../../packages/stores/src/support/small-disk.ts";
import { eventually } from "../support/eventually.ts";
import { HeldAdapter } from "../support/held-adapter.ts";
import { MillraceProcess } from "../support/millrace-process.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { notOfNodes } from "../support/shared-stack.ts";

const HELD = `
version: "1.0"
routes:
  main: { adapters: [{ type: held }] }
init_message: { route: main }
`;

async function ready(url: string): Promise<{ status: number; health: Health }> {
  const answer = await fetch(`${url}/health/ready`);
  return { status: answer.status, health: healthSchema.parse(await answer.json()) };
}

test("while a service shuts down it is alive and not ready, and says why", {
  skip: notOfNodes("a node that serves alone has no message in flight to wait for"),
}, async () => {
  using held = new HeldAdapter();
  await using service = await ServiceProcess.start([...held.flags, "--shutdown-grace", "600"]);
  await service.run(HELD);
  assert.equal((await ready(service.url)).status, 200);
  const { url, pid } = service;
  process.kill(pid, "SIGTERM");
  await eventually(async () => {
    const { status, health } = await ready(url);
    assert.deepEqual([status, health.status], [503, "unhealthy"]);
    assert.match(health.components.streams?.detail ?? "", /shutting down/);
    assert.match(health.components.streams?.advice ?? "", /elsewhere/);
  });
  assert.equal((await fetch(`${url}/health/live`)).status, 200);
  held.letThrough(1);
  await service.ended();
});

test("as many executions as may run are degraded, and no reason to take the service out", {
  skip: notOfNodes("nodes count over all of them"),
}, async () => {
  using held = new HeldAdapter();
  await using service = await ServiceProcess.start([...held.flags, "--max-executions", "1"]);
  await service.run(HELD);
  const { status, health } = await ready(service.url);
  assert.deepEqual([status, health.status, health.components.executions?.status], [200, "degraded", "degraded"]);
  assert.match(
    `${health.components.executions?.detail} ${health.components.executions?.advice}`,
    /1 running.*max_executions/,
  );
  held.letThrough(1);
  await eventually(async () => assert.equal((await ready(service.url)).health.status, "healthy"));
});

test("a disk that has little room left is degraded before it is full, and healthy again when there is room", async (t) => {
  using disk = smallDisk(t, "64m");
  if (disk === null) return;
  // What is left is enough to work on.
  writeFileSync(join(disk.path, "filling"), Buffer.alloc(62 * 1024 * 1024));
  await using service = new MillraceProcess(["serve", "--data-dir", disk.path, "--log-level", "warn"]);
  await service.start();
  const { status, health } = await ready(service.url);
  assert.deepEqual([status, health.components.disk?.status], [200, "degraded"], JSON.stringify(health));
  assert.match(
    `${health.components.disk?.detail} ${health.components.disk?.advice}`,
    /\d MiB of 64 MiB are free.*retain_days/,
  );
  writeFileSync(join(disk.path, "filling"), "");
  await eventually(async () => assert.equal((await ready(service.url)).health.status, "healthy"));
});

test("whoever may not read is told the states alone: no path, host or figure", async () => {
  const told: Health = {
    status: "degraded",
    components: {
      store: {
        status: "degraded",
        detail: "Commits fail: connect ECONNREFUSED 10.1.2.3:5432",
        advice: "Look at /var/lib.",
      },
      streams: { status: "healthy", detail: "17 open", advice: null },
    },
  };
  for (const principal of [ANYONE, STRANGER]) {
    const app = Fastify();
    app.decorateRequest("principal", { getter: () => principal });
    const adapters = await createAdapterRegistry({ adaptersDir: null, baseDir: process.cwd() });
    const info = () => assert.fail("nobody asks");
    registerEndpoints(app, systemEndpoints({ adapters, health: async () => told, info }));
    const answer = await app.inject("/health/ready");
    assert.equal(answer.statusCode, 200);
    const body = healthSchema.parse(answer.json());
    if (principal === ANYONE) assert.deepEqual(body, told);
    else {
      assert.doesNotMatch(answer.body, /ECONNREFUSED|10\.1|var|17/);
      assert.deepEqual(
        Object.entries(body.components).map(([name, { status }]) => [name, status]),
        [
          ["store", "degraded"],
          ["streams", "healthy"],
        ],
      );
    }
    await app.close();
  }
});
