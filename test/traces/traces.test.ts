import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createClient } from "@millrace/client";
import { eventually } from "../support/eventually.ts";
import { OtlpReceiver, type ReceivedSpan } from "../support/otlp-receiver.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { Receiver } from "../triggers/receiver.ts";
import { ALLOWED, Caller, RETRIED, RETRIED_TREE, Site } from "./traced-run.ts";

let collector: OtlpReceiver;
let service: ServiceProcess;

before(async () => {
  collector = await OtlpReceiver.open();
  service = await ServiceProcess.start(ALLOWED, {
    ...collector.env,
    OTEL_EXPORTER_OTLP_HEADERS: "x-tenant=acme",
    OTEL_SERVICE_NAME: "shop",
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test",
  });
});
after(async () => {
  await service[Symbol.asyncDispose]();
  await collector[Symbol.asyncDispose]();
});

test("a trace goes from the request through every message, attempt and adapter", async () => {
  const caller = new Caller();
  const id = await caller.run(service, RETRIED);
  const execution = await collector.execution(id);
  const request = await collector.find("request", ({ spanId }) => spanId === execution.parentSpanId);
  assert.equal(execution.traceId, caller.traceId);
  assert.deepEqual([request.parentSpanId, request.traceState, request.kind], [caller.spanId, "vendor=value", 2]);
  assert.equal(request.name, "POST /api/v1/configs/{config_id}/run");
  assert.equal(request.attributes["http.response.status_code"], 201);
  assert.match(String(request.attributes["url.path"]), /^\/api\/v1\/configs\/[0-9a-f-]{36}\/run$/);
  assert.equal(request.resource["service.name"], "shop");
  assert.equal(request.resource["deployment.environment.name"], "test");
  assert.equal(collector.requests[0]?.["x-tenant"], "acme");
  assert.deepEqual(collector.tree(execution), RETRIED_TREE);

  const spans = collector.spans.filter(({ traceId }) => traceId === caller.traceId);
  const ids = new Set(spans.map(({ spanId }) => spanId));
  assert.equal(ids.size, spans.length);
  for (const span of spans) {
    assert.ok(span.start <= span.end, span.name);
    assert.ok(span.parentSpanId === caller.spanId || ids.has(span.parentSpanId), `${span.name} hangs in the air`);
  }
  const failed = spans.find(({ name, status }) => name === "fail" && status === 2);
  assert.equal(failed?.attributes["error.type"], "FLAKY");
  const message = spans.find(({ name }) => name === "process keep");
  assert.equal(message?.attributes["messaging.destination.name"], "keep");
  assert.equal(message?.attributes["millrace.execution.id"], id);
});

test("who is not recorded is not recorded here either, and yet passed on", async () => {
  await using site = await Site.open();
  const caller = new Caller({ sampled: false });
  await service.client.executions.wait(await caller.run(service, site.pipeline));
  const later = await new Caller().run(service, RETRIED);
  await collector.execution(later);
  assert.equal(collector.spans.filter(({ traceId }) => traceId === caller.traceId).length, 0);
  assert.match(String(site.asked[0]?.traceparent), new RegExp(`^00-${caller.traceId}-[0-9a-f]{16}-00$`));
});

test("a request's span says what kind of credential it came with, and never which, and how users came to the proxy", async () => {
  const env = { ...collector.env, MILLRACE_ADMIN_KEY: "0123456789abcdef0123456789abcdef" };
  await using keyed = await ServiceProcess.start([...ALLOWED, "--trusted-proxies", "loopback"], env);
  const admin = createClient({ baseUrl: keyed.url, apiKey: env.MILLRACE_ADMIN_KEY });
  const { id, secret } = await admin.keys.create({ name: "brief", scopes: ["read"], project: "shop" });
  const outcomes = [];
  for (const [key, proto] of [
    [secret, "https"],
    [`${secret}x`, "http"],
  ]) {
    const caller = new Caller();
    const headers = { ...caller.headers, "x-forwarded-proto": proto ?? "", authorization: `Bearer ${key}` };
    await fetch(`${keyed.url}/api/v1/executions`, { headers });
    const { attributes } = await collector.find("request", ({ traceId }) => traceId === caller.traceId);
    outcomes.push([
      attributes["http.response.status_code"],
      attributes["millrace.principal.kind"],
      attributes["millrace.principal.project"],
      attributes["url.scheme"],
    ]);
    for (const told of [secret, id, "brief"]) assert.ok(!JSON.stringify(attributes).includes(told), told);
  }
  assert.deepEqual(outcomes, [
    [200, "key", "shop", "https"],
    [401, "anonymous", undefined, "http"],
  ]);
});

test("a traceparent that is wrong counts for none", async () => {
  const caller = new Caller();
  caller.headers.traceparent = `00-${caller.traceId}-${"0".repeat(16)}-01`;
  const execution = await collector.execution(await caller.run(service, RETRIED));
  assert.notEqual(execution.traceId, caller.traceId);
});

test("requests of adapters say where they are in the trace, in a thread as well", async () => {
  await using site = await Site.open();
  const isolated = site.pipeline.replace("type: http_request,", "type: http_request, isolation: thread,");
  for (const yaml of [site.pipeline, isolated]) {
    site.asked.length = 0;
    const caller = new Caller();
    await collector.execution(await caller.run(service, yaml));
    const step = collector.spans.find((span) => span.name === "http_request" && span.traceId === caller.traceId);
    assert.equal(step?.attributes["millrace.adapter.isolated"], yaml === isolated ? true : undefined);
    assert.equal(site.asked[0]?.traceparent, `00-${caller.traceId}-${step?.spanId}-01`);
    assert.equal(site.asked[0]?.tracestate, "vendor=value");
  }
});

test("a delivery to a webhook is in the trace of the run that it tells of", async () => {
  await using receiver = await Receiver.start();
  const hook = await service.client.webhooks.create({ url: receiver.url });
  const caller = new Caller();
  const execution = await collector.execution(await caller.run(service, RETRIED));
  await eventually(() => assert.equal(receiver.received.length, 1));
  await service.client.webhooks.delete(hook.id);
  const sent = await collector.find("delivery", ({ name, traceId }) => {
    return name === "POST webhook" && traceId === caller.traceId;
  });
  assert.deepEqual([sent.parentSpanId, sent.kind], [execution.spanId, 3]);
  assert.equal(sent.attributes["http.response.status_code"], 204);
  assert.equal(receiver.received[0]?.headers.traceparent, `00-${caller.traceId}-${sent.spanId}-01`);
});

test("a batch is linked with all that went into it", async () => {
  const yaml = `version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 3 } }], outbound: [gather] }
  gather: { inbound: { concurrency: 3 }, adapters: [{ type: batch, config: { size: 3, seconds: 60 } }], outbound: [keep] }
  keep: { adapters: [{ type: store_write, config: { name: all.json } }] }
init_message: { route: make }
`;
  const caller = new Caller();
  await collector.execution(await caller.run(service, yaml));
  const own = collector.spans.filter(({ traceId }) => traceId === caller.traceId);
  const gathered = own.filter(({ name }) => name === "process gather");
  assert.equal(gathered.length, 3);
  const leader = gathered.find(({ links }) => links.length === 2);
  const others = gathered.filter((span) => span !== leader);
  assert.deepEqual(idsOf(leader?.links ?? []), idsOf(others));
  for (const other of others) assert.deepEqual(idsOf(other.links), [leader?.spanId]);
  assert.equal(own.find(({ name }) => name === "process keep")?.parentSpanId, leader?.spanId);
});

test("a pipeline within a pipeline is in its trace, and a replay is linked with what it does again", async () => {
  const inner = `version: "1.0"
routes: { make: { adapters: [{ type: store_write, config: { name: a.json } }] } }
init_message: { route: make }
`;
  await service.client.configs.create({ config_yaml: inner, name: "inner" });
  const outer = `version: "1.0"
routes: { run: { adapters: [{ type: subpipeline, config: { config: inner } }] } }
init_message: { route: run }
`;
  const caller = new Caller();
  const id = await caller.run(service, outer);
  const execution = await collector.execution(id);
  assert.deepEqual(collector.tree(execution), [
    "execution traced",
    "  process run",
    "    subpipeline",
    "      execution inner",
    "        process make",
    "          store_write",
  ]);
  const { executions } = service.client;
  const replay = await executions.replay(id, { replay_source: "lineage", from_stage: "run", to_route: "run" });
  const again = await collector.execution(replay.id);
  assert.notEqual(again.traceId, caller.traceId);
  assert.deepEqual(again.links, [{ traceId: caller.traceId, spanId: execution.spanId }]);
});

test("neither credentials nor payloads of a call stand in a span", async () => {
  const yaml =
    'version: "1.0"\nroutes: { a: { adapters: [{ type: log }] } }\ninit_message: { route: a, payload: { word: canary } }\n';
  const { client, url } = service;
  const config = await client.configs.create({ config_yaml: yaml, name: "called" });
  const { call_path: path } = await client.triggers.create({ kind: "call", config_id: config.id, name: "call" });
  const secret = /mts_[\w-]+/.exec(path ?? "")?.[0];
  assert.ok(secret !== undefined);
  const response = await fetch(`${url}${path}?ticket=canary`, {
    method: "POST",
    headers: {
      authorization: "Bearer canary",
      cookie: "millrace_session=canary",
      "content-type": "application/json",
    },
    body: '{"more":"canary"}',
  });
  assert.ok(response.ok, String(response.status));
  const execution = await collector.find("execution", ({ name }) => name === "execution called");
  await collector.find("call", ({ spanId }) => spanId === execution.parentSpanId);
  const all = collector.text;
  assert.equal(all.includes("canary"), false);
  assert.equal(all.includes(secret), false);
});

function idsOf(spans: readonly Pick<ReceivedSpan, "spanId">[]): string[] {
  return spans.map(({ spanId }) => spanId).sort();
}
