import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Client, createClient } from "@millrace/client";
import { ServiceProcess } from "../support/service-process.ts";

let service: ServiceProcess;
before(async () => {
  service = await ServiceProcess.start();
});
after(() => service[Symbol.asyncDispose]());

/** A call per method; what it is answered does not matter here. */
const CALLS: {
  readonly [Resource in keyof Client]: { readonly [Method in keyof Client[Resource]]: (of: Client) => unknown };
} = {
  configs: {
    list: (of) => of.configs.list(),
    get: (of) => of.configs.get("x"),
    find: (of) => of.configs.find("x"),
    named: (of) => of.configs.named("x"),
    create: (of) => of.configs.create({ config_yaml: "" }),
    update: (of) => of.configs.update("x", {}),
    delete: (of) => of.configs.delete("x"),
    validate: (of) => of.configs.validate(""),
    versions: (of) => of.configs.versions("x"),
    version: (of) => of.configs.version("x", 1),
    run: (of) => of.configs.run("x"),
  },
  executions: {
    list: (of) => of.executions.list(),
    get: (of) => of.executions.get("x"),
    start: (of) => of.executions.start({ config_id: "x" }),
    run: (of) => of.executions.run("x"),
    patch: (of) => of.executions.patch("x", { status: "failed" }),
    cancel: (of) => of.executions.cancel("x"),
    delete: (of) => of.executions.delete("x"),
    wait: (of) => of.executions.wait("x"),
    ticket: (of) => of.executions.ticket("x"),
    stats: (of) => of.executions.stats("x"),
    dag: (of) => of.executions.dag("x"),
    routes: (of) => of.executions.routes("x"),
    events: (of) => of.executions.events("x").next(),
    eventsOf: (of) => of.executions.eventsOf(["x"]).next(),
    eventBatches: (of) => of.executions.eventBatches("x").next(),
    eventBatchesOf: (of) => of.executions.eventBatchesOf(["x"]).next(),
    progress: (of) => of.executions.progress("x").next(),
    progressOf: (of) => of.executions.progressOf(["x"]).next(),
    failures: (of) => of.executions.failures("x"),
    failureGroups: (of) => of.executions.failureGroups("x"),
    retry: (of) => of.executions.retry("x", { all: true }),
    replay: (of) => of.executions.replay("x", { replay_source: "manual", to_route: "x", payloads: [{}] }),
    replays: (of) => of.executions.replays("x"),
  },
  projects: { list: (of) => of.projects.list() },
  lineage: {
    list: (of) => of.lineage.list(),
    failures: (of) => of.lineage.failures(),
    stats: (of) => of.lineage.stats(),
    get: (of) => of.lineage.get("x"),
    chain: (of) => of.lineage.chain("x"),
    children: (of) => of.lineage.children("x"),
  },
  storage: {
    list: (of) => of.storage.list(),
    get: (of) => of.storage.get("x"),
    metadata: (of) => of.storage.metadata("x"),
    events: (of) => of.storage.events(["x"]).next(),
  },
  search: {
    find: (of) => of.search.find({ collection: "x", q: "x" }),
    query: (of) => of.search.query({ collection: "x", q: "x" }),
    collections: (of) => of.search.collections(),
    collection: (of) => of.search.collection("x"),
    deleteCollection: (of) => of.search.deleteCollection("x"),
  },
  adapters: { list: (of) => of.adapters.list(), get: (of) => of.adapters.get("x") },
  system: {
    info: (of) => of.system.info(),
    live: (of) => of.system.live(),
    ready: (of) => of.system.ready(),
    openapi: (of) => of.system.openapi(),
    pipelineSchema: (of) => of.system.pipelineSchema(),
  },
  triggers: {
    list: (of) => of.triggers.list(),
    get: (of) => of.triggers.get("x"),
    create: (of) => of.triggers.create({ config_id: "x", kind: "call" }),
    update: (of) => of.triggers.update("x", {}),
    delete: (of) => of.triggers.delete("x"),
    fire: (of) => of.triggers.fire("x"),
    call: (of) => of.triggers.call("x", "x"),
    rotate: (of) => of.triggers.rotate("x"),
    firings: (of) => of.triggers.firings("x"),
  },
  webhooks: {
    list: (of) => of.webhooks.list(),
    get: (of) => of.webhooks.get("x"),
    create: (of) => of.webhooks.create({ url: "https://example.org" }),
    update: (of) => of.webhooks.update("x", {}),
    delete: (of) => of.webhooks.delete("x"),
    test: (of) => of.webhooks.test("x"),
    deliveries: (of) => of.webhooks.deliveries("x"),
    delivery: (of) => of.webhooks.delivery("x", "x"),
    redeliver: (of) => of.webhooks.redeliver("x", "x"),
  },
  session: {
    get: (of) => of.session.get(),
    create: (of) => of.session.create(),
    delete: (of) => of.session.delete(),
  },
  keys: {
    list: (of) => of.keys.list(),
    get: (of) => of.keys.get("x"),
    create: (of) => of.keys.create({ name: "x", scopes: ["read"] }),
    rotate: (of) => of.keys.rotate("x"),
    revoke: (of) => of.keys.revoke("x"),
  },
  audit: { list: (of) => of.audit.list() },
};

test("the client has a call for everything that the service documents, and none for what it does not know", async () => {
  const asked = new Set<string>();
  const client = createClient({
    baseUrl: service.url,
    fetch: async (url, init) => {
      asked.add(`${init?.method ?? "GET"} ${new URL(String(url)).pathname}`);
      // For whoever pages, or waits: an end.
      return String(url).includes("/events")
        ? new Response(null, { status: 204 })
        : Response.json({ completed: true, has_more: false, configs: [], id: "x" });
    },
  });
  for (const resource of Object.values(CALLS)) for (const call of Object.values(resource)) await call(client);
  const { paths } = (await service.client.system.openapi()) as { paths: Record<string, Record<string, unknown>> };
  const documented = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map(
      (method) => `${method.toUpperCase()} ${path.replaceAll(/\{version\}/g, "1").replaceAll(/\{\w+\}/g, "x")}`,
    ),
  );
  asked.delete("GET /openapi.json");
  // That is Prometheus's.
  assert.deepEqual([...asked, "GET /metrics"].sort(), documented.sort());
});

test("all that is listed with a query, changed with a body or asked with a header arrives as it was given", async () => {
  const seen: { url: string; body: unknown; token: string | null }[] = [];
  let token = 0;
  const client = createClient({
    baseUrl: "http://service/behind/a/path/",
    headers: async () => {
      token += 1;
      return { authorization: `Bearer ${token}` };
    },
    fetch: async (url, init) => {
      const body = typeof init?.body === "string" ? JSON.parse(init.body) : null;
      seen.push({ url: String(url), body, token: new Headers(init?.headers).get("authorization") });
      return Response.json({});
    },
  });
  await client.executions.failures("a/b", { message_id: ["m&1", "m2"], retried: undefined, limit: 5 });
  await client.executions.retry("é", { code: "X", payload_merge: { a: 1 } });
  assert.deepEqual(seen, [
    {
      url: "http://service/behind/a/path/api/v1/executions/a%2Fb/failures?message_id=m%261&message_id=m2&limit=5",
      body: null,
      token: "Bearer 1",
    },
    {
      url: "http://service/behind/a/path/api/v1/executions/%C3%A9/failures/retry",
      body: { code: "X", payload_merge: { a: 1 } },
      token: "Bearer 2",
    },
  ]);
});

test("a wrong address is told of when the client is made", () => {
  assert.throws(() => createClient(), /baseUrl: say where the service is/);
  for (const baseUrl of ["localhost:8000", "ftp://host", "http://", "/api"])
    assert.throws(() => createClient({ baseUrl }), /baseUrl: expected an http or https URL, got/);
});

test("a config is run by its name, as long as only one has it", async () => {
  const yaml = `
name: mine
version: "1.0"
routes: { say: { adapters: [{ type: log, config: { message: "\${who}" } }] } }
init_message: { route: say }
`;
  const { client } = service;
  const config = await client.configs.create({ config_yaml: yaml });
  const run = await client.executions.run("mine", {
    tag: "by-name",
    payload: { who: "me" },
    metadata: { why: "trial" },
  });
  assert.deepEqual(
    [run.execution.config_id, run.execution.tag, run.execution.metadata],
    [config.id, "by-name", { why: "trial" }],
  );
  const types: string[] = [];
  for await (const { type } of run.events()) types.push(type);
  assert.deepEqual(types, ["initiated", "processing", "completed", "end"]);
  assert.equal((await run.wait()).status, "completed");
  await assert.rejects(client.executions.run("nobody's"), /nobody's/);
  const twin = await client.configs.create({ config_yaml: yaml });
  await assert.rejects(
    client.executions.run("mine"),
    new RegExp(`2 configs are named "mine"; use an id: .*${twin.id}`),
  );
  assert.equal((await (await client.executions.run(twin.id, { payload: { who: "you" } })).wait()).status, "completed");
});
