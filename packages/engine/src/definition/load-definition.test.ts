import assert from "node:assert/strict";
import test from "node:test";
import { TEST_REGISTRY } from "./adapters.fixture.ts";
import type { Definition } from "./definition.ts";
import { loadDefinition } from "./load-definition.ts";

async function valid(yaml: string, env: Record<string, string> = {}): Promise<Definition> {
  const { definition, report } = await loadDefinition(yaml, { adapters: TEST_REGISTRY, env });
  assert.ok(definition !== null, JSON.stringify(report.issues, null, 2));
  return definition;
}

test("a pipeline with nothing set gets every default that the documentation promises", async () => {
  const definition = await valid('version: "1.0"\nroutes: { main: { adapters: [{ type: log }] } }\n');
  const [route] = definition.routes;
  assert.deepEqual(definition.limits, { maxHandlers: 30, maxFanoutPending: 500, maxHops: 1000, maxMessages: null });
  assert.equal(definition.name, null);
  assert.equal(definition.initMessage, null);
  assert.deepEqual(
    { ...route, steps: route?.steps.map(({ adapter, ...step }) => ({ ...step, adapter: adapter.type })) },
    {
      route: "main",
      name: null,
      description: null,
      concurrency: 1,
      errorHandling: {
        maxRetries: 3,
        retryDelayMs: 1000,
        backoff: 2,
        maxDelayMs: 60_000,
        jitter: true,
        timeoutMs: 300_000,
        onError: "fail",
      },
      threadHeapMb: 256,
      keepPayloads: null,
      steps: [
        {
          index: 0,
          type: "log",
          name: "log",
          adapter: "log",
          config: { level: "info" },
          fromFile: false,
          redactor: null,
          condition: null,
          thread: null,
        },
      ],
      outbound: [],
    },
  );
});

test("isolation is inherited: by routes from the pipeline, and by adapters from their route; what gathers has none", async () => {
  const definition = await valid(`
version: "1.0"
isolation: thread
thread_heap_mb: 64
routes:
  a: { thread_heap_mb: 512, adapters: [{ type: log, config: { level: debug } }, { type: batch, config: { size: 2 } }] }
  b: { isolation: none, adapters: [{ type: log }, { type: log, isolation: thread }] }
`);
  const isolated = definition.routes.map(({ threadHeapMb, steps }) => [
    threadHeapMb,
    ...steps.map(({ thread }) => thread?.configInput ?? null),
  ]);
  assert.deepEqual(isolated, [
    [512, { level: "debug" }, null],
    [64, null, {}],
  ]);
});

test("which payloads are kept is inherited by routes from the pipeline, and left to the service where neither says", async () => {
  const keepsOf = async (top: string) =>
    (
      await valid(`
version: "1.0"
${top}
routes:
  a: { keep_payloads: failed, adapters: [{ type: log }] }
  b: { adapters: [{ type: log }] }
`)
    ).routes.map(({ keepPayloads }) => keepPayloads);
  assert.deepEqual(await keepsOf("keep_payloads: all"), ["failed", "all"]);
  assert.deepEqual(await keepsOf(""), ["failed", null]);
});

test("a wrong isolation is a finding, wherever it stands", async () => {
  const yaml = `
version: "1.0"
isolation: process
thread_heap_mb: 1
routes: { a: { isolation: true, adapters: [{ type: log, isolation: threads }] } }
init_message: { route: a }
`;
  const { report } = await loadDefinition(yaml, { adapters: TEST_REGISTRY });
  assert.deepEqual(
    report.issues.map(({ code, path }) => [code, path]),
    [
      ["E106", "isolation"],
      ["E105", "thread_heap_mb"],
      ["E106", "routes.a.isolation"],
      ["E106", "routes.a.adapters[0].isolation"],
    ],
  );
});

test("a route's error handling overrides the pipeline's field by field, and seconds become milliseconds", async () => {
  const definition = await valid(`
version: "1.0"
error_handling: { max_retries: 5, retry_delay_seconds: 0.25, on_error: continue }
routes:
  a: { adapters: [{ type: log }], error_handling: { max_retries: 0, timeout_seconds: 1.5 } }
  b: { adapters: [{ type: log }] }
`);
  const [a, b] = definition.routes;
  assert.deepEqual(a?.errorHandling, {
    maxRetries: 0,
    retryDelayMs: 250,
    backoff: 2,
    maxDelayMs: 60_000,
    jitter: true,
    timeoutMs: 1500,
    onError: "continue",
  });
  assert.equal(b?.errorHandling.maxRetries, 5);
  assert.equal(b?.errorHandling.timeoutMs, 300_000);
});

test("messages in flight are the lower of prefetch and concurrency", async () => {
  const definition = await valid(`
version: "1.0"
routes:
  a: { inbound: { concurrency: 8 }, adapters: [{ type: log }] }
  b: { inbound: { concurrency: 8, prefetch: 2 }, adapters: [{ type: log }] }
  c: { inbound: { prefetch: 5 }, adapters: [{ type: log }] }
`);
  assert.deepEqual(
    definition.routes.map((route) => route.concurrency),
    [8, 2, 1],
  );
});

test("the pipeline of the documentation loads without any finding", async () => {
  const { report, definition, name } = await loadDefinition(
    `
version: "1.0"
name: readmes
description: every README under node_modules, cut into sections
limits: { max_handlers: 30, max_fanout_pending: 500, max_hops: 1000, max_messages: 1000000 }
error_handling: { max_retries: 3, retry_delay_seconds: 1, backoff: 2, max_delay_seconds: 60, jitter: true, timeout_seconds: 300, on_error: fail }
routes:
  discover:
    name: Find documents
    description: ...
    inbound: { concurrency: 1, prefetch: 1 }
    adapters:
      - type: generate
        name: list
        config: { count: 3 }
    outbound: [parse]
  parse:
    inbound: { concurrency: 8 }
    error_handling: { max_retries: 0, on_error: continue }
    adapters:
      - type: log
      - type: log
        condition: { when: "size < 1000000" }
    outbound: [store]
  store: { adapters: [{ type: log, config: { message: "\${path}.json" } }] }
init_message: { route: discover, payload: {} }
`,
    { adapters: TEST_REGISTRY, requireName: true },
  );
  assert.deepEqual(report, { is_valid: true, issues: [], error_count: 0, warning_count: 0 });
  assert.equal(name, "readmes");
  assert.deepEqual(
    definition?.routes.map(({ route, outbound }) => [route, outbound]),
    [
      ["discover", ["parse"]],
      ["parse", ["store"]],
      ["store", []],
    ],
  );
  const condition = definition?.routes[1]?.steps[1]?.condition;
  assert.equal(await condition?.evaluate({ size: 2_000_000 }), false);
});

test("adapters without a name are told apart by a number, and names that are given come first", async () => {
  const definition = await valid(`
version: "1.0"
routes: { main: { adapters: [{ type: log }, { type: log }, { type: filter, name: log-2, config: { when: "true" } }, { type: log }] } }
`);
  assert.deepEqual(
    definition.routes[0]?.steps.map((step) => step.name),
    ["log", "log-3", "log-2", "log-4"],
  );
});

test("anchors, aliases and merges work, with a place of their own under x- keys", async () => {
  const definition = await valid(`
version: "1.0"
x-defaults: &defaults { inbound: { concurrency: 4 }, error_handling: { max_retries: 0 } }
x-log: &log { type: log, config: { level: warn } }
routes:
  a:
    <<: *defaults
    adapters: [*log]
    outbound: [b]
  b:
    inbound: { concurrency: 2 }
    <<: [*defaults, { description: merged }]
    adapters: [*log, { <<: *log, name: again }]
init_message: { route: a, payload: { list: &list [1, 2], same: *list } }
`);
  const [a, b] = definition.routes;
  assert.equal(a?.concurrency, 4);
  assert.equal(b?.concurrency, 2);
  assert.equal(b?.description, "merged");
  assert.equal(b?.errorHandling.maxRetries, 0);
  assert.deepEqual(
    b?.steps.map((step) => [step.name, step.config]),
    [
      ["log", { level: "warn" }],
      ["again", { level: "warn" }],
    ],
  );
  assert.deepEqual(definition.initMessage, { route: "a", payload: { list: [1, 2], same: [1, 2] } });
  assert.equal("x-log" in definition.document, false);
});

test("version 1.0 may be written without quotes, and no other number may", async () => {
  const routes = "routes: { main: { adapters: [{ type: log }] } }\n";
  const definition = await valid(`version: 1.0\n${routes}`);
  assert.equal(definition.document.version, "1.0");
  for (const version of ["1", "1.00", "2.0", "true", "[1.0]", '"1"']) {
    const { report } = await loadDefinition(`version: ${version}\n${routes}`, { adapters: TEST_REGISTRY });
    assert.deepEqual(
      report.issues.filter((issue) => issue.severity === "error").map((issue) => issue.code),
      ["E107"],
      version,
    );
  }
});

test("names that JavaScript's objects have already are ordinary names of routes", async () => {
  const definition = await valid(`
version: "1.0"
routes:
  constructor: { adapters: [{ type: log }], outbound: [hasownproperty] }
  hasownproperty: { adapters: [{ type: log }] }
init_message: { route: constructor, payload: { constructor: 1, toString: 2 } }
`);
  assert.deepEqual(
    definition.routes.map((route) => route.route),
    ["constructor", "hasownproperty"],
  );
  assert.deepEqual(definition.initMessage?.payload, { constructor: 1, toString: 2 });
});

test("a route may lead to itself, and one that only a switch sends to is reached", async () => {
  const { report } = await loadDefinition(
    `
version: "1.0"
routes:
  sort: { adapters: [{ type: switch, config: { cases: [{ when: "n > 1", to: large }], default: small } }], outbound: [sort] }
  large: { adapters: [{ type: log }] }
  small: { adapters: [{ type: log }] }
init_message: { route: sort }
`,
    { adapters: TEST_REGISTRY },
  );
  assert.deepEqual(report.issues, []);
});

test("a config that is absent or empty is checked as an empty one", async () => {
  const definition = await valid(
    'version: "1.0"\nroutes:\n  main:\n    adapters:\n      - type: log\n        config:\n      - type: log\n        config: {}\n',
  );
  assert.deepEqual(
    definition.routes[0]?.steps.map((step) => step.config),
    [{ level: "info" }, { level: "info" }],
  );
});

test("the name is told even where the document has errors, and asked for where one is required", async () => {
  const broken = await loadDefinition('version: "1.0"\nname: mine\n', { adapters: TEST_REGISTRY });
  assert.equal(broken.name, "mine");
  assert.equal(broken.definition, null);
  const nameless = await loadDefinition('version: "1.0"\nroutes: { main: { adapters: [{ type: log }] } }\n', {
    adapters: TEST_REGISTRY,
    requireName: true,
  });
  const [issue] = nameless.report.issues;
  assert.deepEqual([issue?.code, issue?.path, issue?.line, issue?.column], ["E102", "name", 1, 1]);
});
