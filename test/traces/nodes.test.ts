import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient } from "@millrace/client";
import { eventually } from "../support/eventually.ts";
import { Fleet } from "../support/fleet.ts";
import { HeldAdapter } from "../support/held-adapter.ts";
import { OtlpReceiver } from "../support/otlp-receiver.ts";
import { openSharedStack, withoutSharedStack } from "../support/shared-stack.ts";
import { Caller } from "./traced-run.ts";

const skip = await withoutSharedStack();

const YAML = `version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 6 } }], outbound: [work] }
  work: { inbound: { concurrency: 6 }, adapters: [{ type: log, config: { message: here } }, { type: held }] }
init_message: { route: make }
`;

test("a run's trace, and its log by the correlation id, go over all nodes that work on it", { skip }, async () => {
  await using collector = await OtlpReceiver.open();
  await using stack = await openSharedStack();
  using held = new HeldAdapter();
  await using fleet = await Fleet.start(["serve", "work", "work"], {
    env: { ...stack.env, ...collector.env },
    flags: [...held.flags, "--work-slots", "2", "--log-level", "info"],
  });
  const caller = new Caller();
  const client = createClient({ baseUrl: fleet.url });
  const id = await caller.run({ client, url: fleet.url }, YAML);
  const { root_correlation_id: root } = await client.executions.get(id);
  const linesOf = (place: number) =>
    (fleet.nodes[place]?.stderr ?? "")
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line))
      .filter((line) => line.root_correlation_id === root && line.msg === "here");
  // Each node has as much as it can do.
  await eventually(() => assert.deepEqual([linesOf(1).length, linesOf(2).length], [2, 2]));
  held.letThrough(6);
  const execution = await collector.execution(id);
  const request = await collector.find("request", ({ spanId }) => spanId === execution.parentSpanId);
  assert.equal(request.parentSpanId, caller.spanId);
  assert.notEqual(request.resource["service.instance.id"], execution.resource["service.instance.id"]);
  assert.deepEqual(collector.tree(execution), [
    "execution traced",
    "  process make",
    "    generate",
    "    process work",
    "      log",
    "      held",
  ]);
  const messages = collector.spans.filter(({ name }) => name === "process work");
  assert.equal(messages.length, 6);
  assert.ok(messages.some(({ attributes }) => attributes["millrace.node.id"] !== undefined));

  const lines = [...linesOf(1), ...linesOf(2)];
  assert.equal(new Set(lines.map(({ node }) => node)).size, 2);
  assert.deepEqual(
    lines.map((line) => line.correlation_id).sort(),
    messages.map(({ attributes }) => attributes["messaging.message.id"]).sort(),
  );
  for (const line of lines) {
    assert.deepEqual([line.execution_id, line.route, line.adapter, line.attempt], [id, "work", "log", 1]);
    const step = collector.spans.find(({ spanId }) => spanId === line.span_id);
    assert.deepEqual([line.trace_id, step?.name], [caller.traceId, "log"]);
  }
});
