import assert from "node:assert/strict";
import { test } from "node:test";
import { createAdapterRegistry } from "@millrace/adapters";
import { pipelineJsonSchema } from "@millrace/engine";
import { explainAt } from "../../packages/dashboard/src/yaml/explain-at.ts";
import { readOutline } from "../../packages/dashboard/src/yaml/outline.ts";
import { suggestionsAt } from "../../packages/dashboard/src/yaml/suggestions.ts";

const registry = await createAdapterRegistry({ adaptersDir: "examples/adapters", baseDir: process.cwd() });
const schema = pipelineJsonSchema(registry.list());

const ROUTE = 'version: "1.0"\nroutes:\n  a:\n    adapters:\n';
const OTHER = "\n  b:\n    adapters: [{ type: log }]\n";

/** What is suggested where `|` stands in a text, by label. */
function suggested(text: string): string[] {
  const found = suggestionsAt(text.replace("|", ""), text.indexOf("|"), schema);
  return found === null ? [] : found.suggestions.map(({ label }) => label);
}

/** The text after a suggestion is taken where `|` stands. */
function taken(text: string, label: string): string {
  const plain = text.replace("|", "");
  const found = suggestionsAt(plain, text.indexOf("|"), schema);
  const chosen = found?.suggestions.find((each) => each.label === label);
  assert.ok(found !== null && chosen !== undefined, `${label} is not suggested`);
  return plain.slice(0, found.from) + chosen.insert + plain.slice(found.to);
}

test("keys are suggested at the cursor's depth, the required ones first, those that are there left out", () => {
  assert.deepEqual(suggested("|").slice(0, 2), ["version", "routes"]);
  assert.ok(!suggested('version: "1.0"\n|').includes("version"));
  assert.equal(suggested(`${ROUTE}      - |`)[0], "type");
  assert.deepEqual(suggested(`${ROUTE}      - type: batch\n        config:\n          |`), [
    "size",
    "max_bytes",
    "seconds",
  ]);
  assert.deepEqual(suggested(`${ROUTE}      - { type: batch, config: { size: 1, | } }`), ["max_bytes", "seconds"]);
  assert.deepEqual(suggested(`${ROUTE}      - type: log\n    inbound:\n      |`), ["concurrency", "prefetch"]);
  // In the config of an adapter of one's own, and while other lines are half written.
  assert.deepEqual(suggested(`${ROUTE}      - type: shout\n        config: { | }\n    outb\n`), ["marks"]);
});

test("values are suggested where a schema names them", () => {
  assert.deepEqual(suggested("version: |"), ['"1.0"']);
  assert.deepEqual(suggested(`${ROUTE}      - type: log\n    error_handling:\n      on_error: |`), [
    "fail",
    "continue",
  ]);
  assert.deepEqual(suggested(`${ROUTE}      - { type: fail, config: { retryable: | } }`), ["true", "false"]);
  assert.ok(suggested(`${ROUTE}      - type: |`).includes("shout"));
});

test("routes are suggested wherever a route is named", () => {
  assert.deepEqual(suggested(`${ROUTE}      - type: log\n    outbound: [|]${OTHER}`), ["a", "b"]);
  assert.deepEqual(suggested(`${ROUTE}      - type: log\n    outbound: [b, |]${OTHER}`), ["a"]);
  assert.deepEqual(suggested(`${ROUTE}      - type: log\n    outbound:\n      - |${OTHER}`), ["a", "b"]);
  assert.match(taken(`${ROUTE}      - type: log\n    outbound: |${OTHER}`, "b"), /outbound: \[b\]/);
  assert.deepEqual(suggested(`${ROUTE}      - { type: switch, config: { default: | } }${OTHER}`), ["a", "b"]);
  assert.deepEqual(suggested(`${ROUTE}      - type: log\ninit_message: { route: | }`), ["a"]);
  // One that is sent to, and is not there yet, is offered as a route.
  assert.deepEqual(suggested(`${ROUTE}      - type: log\n    outbound: [later]\n  |`), ["later"]);
});

test("what is taken is put where it belongs, with the lines and the indentation that its value needs", () => {
  assert.equal(taken('version: "1.0"\nro|', "routes"), 'version: "1.0"\nroutes:\n  ');
  assert.equal(taken("routes:\n  a:\n    |", "adapters"), "routes:\n  a:\n    adapters:\n      - type: ");
  assert.equal(
    taken(`${ROUTE}      - type: log\n        con|`, "config"),
    `${ROUTE}      - type: log\n        config:\n          `,
  );
  // A key that has its value keeps it.
  assert.equal(
    taken(`${ROUTE}      - type: log\n        co|: {}`, "config"),
    `${ROUTE}      - type: log\n        config: {}`,
  );
});

test("nothing is suggested in comments and in texts", () => {
  assert.deepEqual(suggested(`${ROUTE}      - type: log # ty|`), []);
  assert.deepEqual(suggested("name: hello wo|"), []);
  assert.deepEqual(suggested("description: >-\n  some\n  te|\n"), []);
});

test("words are explained: fields, adapters, and routes", () => {
  const text = `${ROUTE}      - type: batch\n        config: { size: 3 }\n    outbound: [b]\n  b: { name: Last one, adapters: [] }\n`;
  const explained = (word: string) => explainAt(text, text.indexOf(word) + 1, schema);
  assert.deepEqual(explained("size")?.facts, [
    ["takes", "whole number, 1 to 100,000"],
    ["required", "yes"],
  ]);
  assert.match(explained("batch")?.description ?? "", /^Gathers/);
  assert.equal(explained("b]")?.description, "Last one");
});

test("the graph of a text has the routes that adapters choose, and nothing while the text is broken", () => {
  const outline = readOutline(
    `${ROUTE}      - { type: switch, config: { cases: [{ when: x, to: b }], default: c } }\n    outbound: [b]${OTHER}`,
    schema,
  );
  assert.deepEqual(outline?.graph.edges, [
    { from: "a", to: "b", kind: "outbound" },
    { from: "a", to: "c", kind: "routed" },
  ]);
  assert.equal(readOutline("routes: [", schema), null);
});
