import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { createClient } from "@millrace/client";
import { parse } from "yaml";
import { z } from "zod";
import { eventually } from "../support/eventually.ts";
import { MillraceProcess } from "../support/millrace-process.ts";
import { drops } from "../support/pipelines.ts";
import { PostgresServer, withoutPostgresServer } from "../support/postgres-server.ts";
import { ProxyProcess, skipWithout } from "../support/proxy-process.ts";
import { readStream } from "../support/read-stream.ts";
import { skipWithoutTool } from "../support/tool.ts";
import { ENVIRONMENT, filledIn, read } from "./files.ts";
import { startNats } from "./nats-server.ts";

const skip = withoutPostgresServer() || skipWithout("caddy") || skipWithoutTool("nats-server", "NATS", "-v") || false;

const { services } = z
  .looseObject({
    services: z.record(
      z.string(),
      z.looseObject({
        image: z.string(),
        command: z.array(z.string()).optional(),
        environment: z.record(z.string(), z.string()).optional(),
      }),
    ),
  })
  .parse(parse(read("compose.yaml"), { merge: true }));

/** What compose.yaml starts, as processes of this machine: each with the command and the variables that stand there. */
async function startTopology() {
  const parts = new AsyncDisposableStack();
  try {
    const postgres = parts.use(await PostgresServer.start());
    const psql = (statement: string) => execFileSync("psql", [postgres.url(), "-qc", statement]);
    psql("CREATE ROLE millrace LOGIN PASSWORD 'secret1'");
    psql("CREATE DATABASE millrace OWNER millrace");
    const nats = parts.use(await startNats());
    await eventually(() => fetch(nats.monitoring));
    const hosted = (text: string) =>
      filledIn(text)
        .replace("@postgres:5432", `@127.0.0.1:${postgres.port}`)
        .replace("@nats:4222", `@127.0.0.1:${nats.port}`);
    const nodes = new Map<string, MillraceProcess>();
    for (const [name, { image, command = [], environment = {} }] of Object.entries(services)) {
      if (image !== "millrace") continue;
      const own = Object.entries(environment).map(([variable, value]) => [variable, hosted(value)]);
      const node = parts.use(new MillraceProcess([...command, "--lease-seconds", "2"], Object.fromEntries(own)));
      await node.start();
      nodes.set(name, node);
    }
    const hosts = [...nodes].map(([name, { url }]) => ({ name: `${name}:8000`, host: new URL(url).host }));
    const caddyfile = hosts
      .reduce((text, { name, host }) => text.replace(name, host), read("Caddyfile"))
      .replace(/^\{\n\tadmin off\n\}\n/m, "")
      .replace(/^:8000/m, ":8080");
    const proxy = parts.use(await ProxyProcess.start("caddy", caddyfile, "http://127.0.0.1:8000"));
    const client = createClient({ baseUrl: proxy.url, apiKey: ADMIN_KEY });
    await eventually(async () => assert.equal((await fetch(`${proxy.url}/health/ready`)).status, 200));
    return { nodes, client, url: proxy.url, [Symbol.asyncDispose]: () => parts.disposeAsync() };
  } catch (error) {
    await parts.disposeAsync();
    throw error;
  }
}

const MESSAGES = 200;
const ADMIN_KEY = ENVIRONMENT.MILLRACE_ADMIN_KEY ?? "";
const authorization = { authorization: `Bearer ${ADMIN_KEY}` };

test("what compose.yaml starts runs pipelines and streams them through its proxy, also when a node that serves is killed", {
  skip,
}, async () => {
  await using topology = await startTopology();
  const { client, url, nodes } = topology;
  assert.deepEqual([...nodes.keys()], ["serve-1", "serve-2", "work"]);
  const config = await client.configs.create({ config_yaml: drops(MESSAGES, 2), name: "drops" });
  const first = await client.configs.run(config.id, {});
  const whole = await readStream(`${url}/api/v1/executions/${first.id}/events`, { headers: authorization });
  assert.equal(whole.frames.length, 3 * MESSAGES + 3 + 1);
  assert.equal(whole.frames.at(-1)?.data.reason, "completed");

  const second = await client.configs.run(config.id, {});
  const events = `${url}/api/v1/executions/${second.id}/events`;
  let seen = 0;
  const before = await readStream(events, { headers: authorization, until: () => ++seen === 50 });
  await nodes.get("serve-1")?.end("SIGKILL");
  const cursor = before.frames.at(-1)?.id ?? "";
  const after = await eventually(async () => {
    const read = await readStream(events, { headers: { ...authorization, "last-event-id": cursor } });
    assert.equal(read.frames.at(-1)?.event, "end");
    return read;
  });
  const ids = [...before.frames, ...after.frames].filter(({ event }) => event !== "end").map(({ id }) => Number(id));
  assert.equal(new Set(ids).size, 3 * MESSAGES + 3);
  assert.deepEqual(
    ids,
    ids.toSorted((a, b) => a - b),
  );
  for (const name of ["serve-2", "work"]) assert.equal(await nodes.get(name)?.end("SIGTERM"), 0, name);
});
