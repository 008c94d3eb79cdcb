import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { HeldAdapter } from "../support/held-adapter.ts";
import { OtlpReceiver } from "../support/otlp-receiver.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { ALLOWED, Caller, RETRIED, RETRIED_TREE, Site } from "./traced-run.ts";

test("a step that is redone after a crash has the span that it had, and its run the trace", async () => {
  await using collector = await OtlpReceiver.open();
  await using site = await Site.open();
  using held = new HeldAdapter();
  // As JSON this time; and hosts that need not know of the trace are not told.
  const env = { ...collector.env, OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" };
  await using service = await ServiceProcess.start([...ALLOWED, ...held.flags, "--trace-hosts", "*.example.org"], env);
  const yaml = `version: "1.0"
routes:
  wait: { adapters: [{ type: held }], outbound: [fetch] }
  fetch: { adapters: [${site.step}] }
init_message: { route: wait }
`;
  const caller = new Caller();
  const id = await caller.run(service, yaml);
  const { client } = service;
  await eventually(async () => assert.equal((await client.executions.stats(id)).in_progress_messages, 1));
  await service.end("SIGKILL");
  held.letThrough(1);
  await service.start();
  const execution = await collector.execution(id);
  assert.equal(execution.traceId, caller.traceId);
  assert.deepEqual(collector.tree(execution), [
    "execution traced",
    "  process wait",
    "    held",
    "    process fetch",
    "      http_request",
  ]);
  assert.deepEqual(
    site.asked.map(({ traceparent, tracestate }) => [traceparent, tracestate]),
    [[undefined, undefined]],
  );
});

test("of a long run so many messages are recorded, and what failed beyond that all the same", async () => {
  await using collector = await OtlpReceiver.open();
  await using service = await ServiceProcess.start(["--trace-messages", "5"], collector.env);
  const yaml = `version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 100 } }], outbound: [work] }
  work:
    error_handling: { on_error: continue, max_retries: 0 }
    adapters: [{ type: fail, config: { when: "index = 99" } }]
init_message: { route: make }
`;
  const execution = await collector.execution(await new Caller().run(service, yaml));
  const messages = collector.spans.filter(({ name }) => name.startsWith("process "));
  assert.equal(messages.length, 6);
  const failed = messages.filter(({ status }) => status === 2);
  // Its parent may be among those that are left out.
  assert.deepEqual(
    failed.map(({ parentSpanId }) => parentSpanId),
    [execution.spanId],
  );
  assert.equal(execution.attributes["millrace.trace.messages_left_out"], 95);
});

test("a collector that refuses or never answers holds up no run, and is told of once", async () => {
  for (const mode of ["refuse", "hang"] as const) {
    await using collector = await OtlpReceiver.open();
    collector.mode = mode;
    const env = { ...collector.env, OTEL_EXPORTER_OTLP_TIMEOUT: "300", OTEL_BSP_MAX_QUEUE_SIZE: "10" };
    await using service = await ServiceProcess.start([], env);
    const id = await new Caller().run(service, RETRIED.replace("count: 2", "count: 200"));
    assert.equal((await service.client.executions.wait(id)).status, "completed");
    await eventually(async () => {
      const { traces } = (await service.client.system.ready()).components;
      assert.match(traces?.detail ?? "", /^0 spans sent, [1-9]\d* lost$/);
      assert.equal(traces?.status, "healthy");
    });
    await eventually(() => assert.match(service.stderr, /traces are not taken/));
    assert.equal(await service.end(), 0);
    assert.equal(service.stderr.match(/traces are not taken/g)?.length, 1);
  }
});

test("without a collector no trace is made: the request's is not kept, nor passed on", async () => {
  await using site = await Site.open();
  await using service = await ServiceProcess.start(ALLOWED);
  const id = await new Caller().run(service, site.pipeline);
  await service.client.executions.wait(id);
  assert.equal("trace" in (await service.client.executions.get(id)).config_snapshot, false);
  assert.equal(site.asked[0]?.traceparent, undefined);
});

test("workers make the spans of the streams that they serve, and none of what they pass on", async () => {
  await using collector = await OtlpReceiver.open();
  await using service = await ServiceProcess.start(
    process.env.TEST_STACK === "nodes" ? [] : ["--workers", "2"],
    collector.env,
  );
  const caller = new Caller();
  const id = await caller.run(service, RETRIED);
  const { headers } = caller;
  await (await fetch(`${service.url}/api/v1/executions/${id}/events`, { headers })).text();
  const execution = await collector.execution(id);
  assert.deepEqual(collector.tree(execution), RETRIED_TREE);
  const stream = await collector.find("stream", ({ name }) => name === "GET /api/v1/executions/{execution_id}/events");
  assert.deepEqual([stream.traceId, stream.parentSpanId], [caller.traceId, caller.spanId]);
  const request = await collector.find("request", ({ spanId }) => spanId === execution.parentSpanId);
  assert.equal(request.parentSpanId, caller.spanId);
  const atOnce = collector.spans.filter(({ parentSpanId }) => parentSpanId === caller.spanId);
  assert.deepEqual(atOnce.map(({ name }) => name).sort(), [stream.name, request.name].sort());
});
