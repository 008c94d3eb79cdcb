import assert from "node:assert/strict";
import test from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parse } from "yaml";
import { TEST_ADAPTERS, TEST_REGISTRY } from "./adapters.fixture.ts";
import { FINDING_CODES } from "./codes/finding-codes.ts";
import { loadDefinition } from "./load-definition.ts";
import { pipelineJsonSchema } from "./pipeline-json-schema.ts";

function validator() {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  return ajv.compile(pipelineJsonSchema(TEST_ADAPTERS));
}

test("the schema accepts pipelines that load, placeholders and keys of one's own included", async () => {
  const yaml = `
version: "1.0"
x-log: &log { type: log }
routes:
  main:
    adapters:
      - *log
      - { type: generate, config: { count: "\${env:COUNT}" } }
      - { type: http_request, config: { url: "http://a", follow_redirects: "\${env:FOLLOW}", body: { field: x } } }
      - { type: batch, config: { size: 5 } }
init_message: { route: main }
`;
  const env = { COUNT: "5", FOLLOW: "true" };
  const { report } = await loadDefinition(yaml, { adapters: TEST_REGISTRY, env });
  assert.deepEqual(report.issues, []);
  const validate = validator();
  assert.ok(validate(parse(yaml)), JSON.stringify(validate.errors, null, 2));
});

test("the schema finds what the findings on structure and configuration find", () => {
  const validate = validator();
  // Not sayable in a schema: uniqueness of names, what loads, gathering, an adapter's own rules, formats.
  const unsayable = new Set(["E111", "E112", "E113", "E306", "E307", "E308"]);
  for (const [code, { example }] of Object.entries(FINDING_CODES)) {
    if (!/^E[13]|^E501/.test(code) || unsayable.has(code)) continue;
    assert.equal(validate(parse(example)), false, code);
  }
});

test("the schema describes fields and types for an editor to show", () => {
  const text = JSON.stringify(pipelineJsonSchema(TEST_ADAPTERS));
  assert.match(text, /"\$schema":"https:\/\/json-schema.org\/draft\/2020-12\/schema"/);
  assert.match(text, /How many messages to emit/);
  assert.match(text, /"const":"generate","description":"Emits\."/);
});

test("without adapters the schema still checks the rest", () => {
  const validate = new Ajv2020({ strict: false }).compile(pipelineJsonSchema([]));
  assert.equal(
    validate({ version: "1.0", routes: { main: { adapters: [{ type: "./a.ts", config: { a: 1 } }] } } }),
    true,
  );
  assert.equal(validate({ version: "1.0", routes: {} }), false);
});
