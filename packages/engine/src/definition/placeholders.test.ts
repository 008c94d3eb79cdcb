import assert from "node:assert/strict";
import test from "node:test";
import { TEST_REGISTRY } from "./adapters.fixture.ts";
import { loadDefinition } from "./load-definition.ts";

const pipeline = (adapter: string) =>
  `version: "1.0"\nroutes:\n  main: { adapters: [${adapter}] }\ninit_message: { route: main }\n`;

async function load(adapter: string, env: Record<string, string | undefined>) {
  return loadDefinition(pipeline(adapter), { adapters: TEST_REGISTRY, env });
}

test("placeholders are replaced in the config in memory, and stay in the document", async () => {
  const adapter = '{ type: http_request, config: { url: "https://${env:HOST}/", token: "${secret:TOKEN}" } }';
  const { definition } = await load(adapter, { HOST: "example.org", MILLRACE_SECRET_TOKEN: "hush" });
  const step = definition?.routes[0]?.steps[0];
  assert.deepEqual(step?.config, {
    url: "https://example.org/",
    token: "hush",
    follow_redirects: true,
    timeout_seconds: 30,
  });
  const document = JSON.stringify(definition?.document);
  assert.ok(document.includes("${secret:TOKEN}") && !document.includes("hush"), document);
});

test("a placeholder alone stands for a number or a truth value where such is due", async () => {
  const adapter =
    '{ type: http_request, config: { url: "http://a", timeout_seconds: "${env:T}", follow_redirects: "${env:F}", token: "${env:T}" } }';
  const { definition, report } = await load(adapter, { T: "2.5", F: "false" });
  assert.deepEqual(report.issues, []);
  assert.deepEqual(definition?.routes[0]?.steps[0]?.config, {
    url: "http://a",
    timeout_seconds: 2.5,
    follow_redirects: false,
    token: "2.5",
  });
});

test("what is not set is a finding for each, and is found once", async () => {
  const adapter =
    '{ type: http_request, config: { url: "${env:HOST}", token: "${secret:TOKEN}", timeout_seconds: "${env:T}" } }';
  const { report } = await load(adapter, { HOST: undefined, TOKEN: "not a secret" });
  assert.deepEqual(
    report.issues.map((issue) => `${issue.code} ${issue.line}:${issue.column} ${issue.path}`),
    [
      "E404 3:59 routes.main.adapters[0].config.url",
      "E405 3:81 routes.main.adapters[0].config.token",
      "E404 3:117 routes.main.adapters[0].config.timeout_seconds",
    ],
  );
});

test("what is not set does not hide the other mistakes of the config", async () => {
  const adapter = '{ type: http_request, config: { token: "${secret:TOKEN}", tmeout_seconds: 1 } }';
  const { report } = await load(adapter, {});
  assert.deepEqual(report.issues.map((issue) => issue.code).toSorted(), ["E301", "E302", "E405"]);
});

test("values of the environment never show in a finding, whatever is wrong with them", async () => {
  const value = "s3cr3t ${( not # a 42 route";
  const env = { MILLRACE_SECRET_X: value, X: value, NUMBER: "98765", MILLRACE_SECRET_TWO: "s3cr3t s3cr3t" };
  const adapters = [
    '{ type: http_request, config: { url: "${secret:X}", timeout_seconds: "${secret:X}", follow_redirects: "${env:X}", body: "${env:X}" } }',
    '{ type: http_request, config: { url: "http://a", timeout_seconds: "${env:NUMBER}" } }',
    '{ type: log, config: { level: "${secret:X}", message: "${secret:X}" } }',
    '{ type: filter, config: { when: "${secret:X}" } }',
    '{ type: switch, config: { cases: [{ when: "${env:X}", to: "${env:X}" }], default: "${secret:X}" } }',
    '{ type: switch, config: { cases: [{ when: "true", to: "${secret:X}" }], default: "a${env:NUMBER}" } }',
    '{ type: markdown_split, config: { max_tokens: 5, overlap_tokens: "${env:NUMBER}" } }',
    '{ type: generate, config: { count: "${secret:X}", start: "${env:X}", payload: "${env:X}" } }',
    '{ type: filter, config: { when: "${secret:TWO}" } }',
    '{ type: log, config: { message: "${ ${secret:TWO} }" } }',
    '{ type: "./adapters/throwing.ts", config: { a: "${env:X}" } }',
  ];
  for (const adapter of adapters) {
    const { report } = await load(adapter, env);
    assert.equal(report.is_valid, false, adapter);
    for (const issue of report.issues) {
      assert.doesNotMatch(JSON.stringify(issue), /s3cr3t|not # a|98765/, adapter);
    }
  }
});

test("a placeholder's name is looked up among what was set, not among what objects have", async () => {
  const { report } = await load('{ type: log, config: { message: "${env:constructor}" } }', {});
  assert.deepEqual(
    report.issues.map((issue) => issue.code),
    ["E404"],
  );
});
