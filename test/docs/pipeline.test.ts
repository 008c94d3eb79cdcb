import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";
import { type AdapterRegistry, loadDefinition, pipelineJsonSchema } from "@millrace/engine";

const page = await readFile(new URL("../../docs/pipeline.md", import.meta.url), "utf8");

test("every field of the pipeline's YAML is on the reference page", () => {
  const fields = new Set<string>();
  const collect = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if ("properties" in value && typeof value.properties === "object" && value.properties !== null) {
      for (const field of Object.keys(value.properties)) fields.add(field);
    }
    for (const inner of Object.values(value)) collect(inner);
  };
  collect(pipelineJsonSchema([]));
  assert.ok(fields.size > 20);
  for (const field of fields) assert.ok(page.includes(`\`${field}\``), field);
});

test("the examples of the reference page are sound, whatever adapters are there", async () => {
  const none: AdapterRegistry = { resolve: async () => undefined, list: () => [] };
  const examples = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1] ?? "");
  assert.equal(examples.length, 5);
  for (const example of examples) {
    const { report } = await loadDefinition(example, { adapters: none });
    assert.deepEqual(new Set(report.issues.map((issue) => issue.code)), new Set(["E103"]), example);
  }
});
