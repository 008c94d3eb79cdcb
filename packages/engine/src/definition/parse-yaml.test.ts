import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { TEST_REGISTRY } from "./adapters.fixture.ts";
import { FINDING_CODES } from "./codes/finding-codes.ts";
import { type LoadedDefinition, loadDefinition } from "./load-definition.ts";
import { MAX_SOURCE_LENGTH } from "./parse-yaml.ts";

const load = (yaml: string): Promise<LoadedDefinition> => loadDefinition(yaml, { adapters: TEST_REGISTRY });

/** `CODE line:column` of each error. */
async function errors(yaml: string): Promise<string[]> {
  const { report } = await load(yaml);
  return report.issues
    .filter((issue) => issue.severity === "error")
    .map((issue) => `${issue.code} ${issue.line}:${issue.column}`);
}

const SYNTAX: [string, string, string[]][] = [
  [
    "tabs as indentation, on each line",
    'version: "1.0"\nroutes:\n\tmain:\n\t\tadapters: []\n',
    ["E001 3:1", "E001 4:1"],
  ],
  ["a quote that is never closed, where it was opened", 'version: "1.0\nroutes:\n  a: 1\n', ["E001 1:10"]],
  ["a brace that is never closed", "a: { b: 1\nc: 2\n", ["E001 2:1"]],
  ["two colons in one line", "a: b: c\n", ["E001 1:4"]],
  ["keys of one level in different columns", "a:\n  b: 1\n c: 2\n", ["E001 3:1"]],
  ["an escape that is none", 'a: "\\q"\n', ["E001 1:5"]],
  ["a line that is no key", "a: 1\nfoo\nb: 2\n", ["E001 2:1"]],
  ["a character that no text may begin with", "a: @foo\n", ["E001 1:4"]],
];

for (const [name, yaml, expected] of SYNTAX) {
  test(`syntax: ${name}`, async () => {
    assert.deepEqual(await errors(yaml), expected);
    assert.equal((await load(yaml)).parsable, false);
  });
}

const BOMBS: [string, string, string][] = [
  ["10 MB of text", "a".repeat(10_000_000), "E003"],
  ["one character more than allowed", `#${"x".repeat(MAX_SOURCE_LENGTH)}`, "E003"],
  [
    "1 MiB of keys",
    Array.from({ length: 140_000 }, (_, index) => `${index}:\n`)
      .join("")
      .slice(0, MAX_SOURCE_LENGTH),
    "E003",
  ],
  ["1 MiB of opening brackets", "[".repeat(MAX_SOURCE_LENGTH), "E004"],
  ["1 MiB of opening braces", "{a: ".repeat(MAX_SOURCE_LENGTH / 4), "E004"],
  ["1 MiB of nested lists", "- ".repeat(MAX_SOURCE_LENGTH / 2), "E004"],
  ["1 MiB of explicit keys", "? ".repeat(MAX_SOURCE_LENGTH / 2), "E004"],
  [
    "mappings indented ever deeper",
    Array.from({ length: 1000 }, (_, index) => `${" ".repeat(index)}a:`).join("\n"),
    "E004",
  ],
  ["1 MiB of closing brackets", "]".repeat(MAX_SOURCE_LENGTH), "E001"],
  [
    "a billion laughs through merges",
    laughs(
      (before) => `{ ${Array.from({ length: 9 }, (_, index) => `k${index}: { <<: *${before} }`).join(", ")} }`,
      "{ a: 1 }",
    ),
    "E005",
  ],
  ["a billion laughs through keys of lists", laughs((before) => `[${`*${before}, `.repeat(9)}]`, '"lol"'), "E005"],
  ["one long text, many times", `a: &a "${"x".repeat(500_000)}"\nb: [${"*a, ".repeat(1000)}]\n`, "E005"],
  ["aliases that nest ever deeper", deepAliases(), "E004"],
  ["a hundred thousand documents", "---\n".repeat(100_000), "E006"],
  ["a NUL byte", "version: \u0000\n", "E011"],
  ["half of a character", "version: \ud800\n", "E011"],
  ["a byte that is no UTF-8", Buffer.from("name: caf\xe9\n", "latin1").toString(), "E011"],
];

function laughs(next: (before: string) => string, first: string): string {
  const lines = [`l0: &l0 ${first}`];
  for (let level = 1; level < 30; level += 1) lines.push(`l${level}: &l${level} ${next(`l${level - 1}`)}`);
  return lines.join("\n");
}

function deepAliases(): string {
  const lines = ["l0: &l0 []"];
  for (let level = 1; level < 200; level += 1) lines.push(`l${level}: &l${level} [*l${level - 1}]`);
  return lines.join("\n");
}

for (const [name, yaml, code] of BOMBS) {
  test(`refused: ${name}`, async () => {
    const { report, parsable, definition } = await load(yaml);
    assert.equal(report.issues[0]?.code, code);
    assert.equal(parsable, false);
    assert.equal(definition, null);
  });
}

test("as many levels as allowed are read, in brackets and by indentation", async () => {
  const deep = (levels: number) => `version: ${"[".repeat(levels)}${"]".repeat(levels)}\n`;
  assert.equal((await load(deep(99))).parsable, true);
  assert.deepEqual(await errors(deep(100)), ["E004 1:109"]);
});

test("a large ordinary pipeline is read", async () => {
  const routes = Array.from(
    { length: 5000 },
    (_, index) =>
      `  route_${index}:\n    adapters:\n      - type: log\n        config:\n          message: "number \${index}"\n    outbound: [route_${index + 1}]\n`,
  ).join("");
  const last = "  route_5000: { adapters: [{ type: log }] }\ninit_message: { route: route_0 }\n";
  const { report, definition } = await load(`version: "1.0"\nroutes:\n${routes}${last}`);
  assert.deepEqual(report.issues, []);
  assert.equal(definition?.routes.length, 5001);
});

test("documents that are YAML and no pipeline can be parsed", async () => {
  for (const yaml of ["", "# nothing\n", "~", "text", "5", "[]", "- a", "!x y", "a: 1\na: 2", "*nothing", "&a [*a]"]) {
    const { parsable, definition, report } = await load(yaml);
    assert.deepEqual([parsable, definition, report.is_valid], [true, null, false], yaml);
  }
});

const VALID = `version: "1.0"
name: fuzzed
x-log: &log { type: log, config: { level: warn, message: "\${a.b} and \${env:HOME}" } }
limits: { max_handlers: 3 }
error_handling: { max_retries: 1, retry_delay_seconds: 0.5 }
routes:
  main:
    adapters:
      - *log
      - { <<: *log, name: two, condition: { when: "a > 1" } }
      - type: switch
        config: { cases: [{ when: "n", to: other }], default: main }
    outbound: [other]
  other:
    adapters:
      - type: http_request
        config: { url: "https://example.org", headers: { a: "\${b}" }, body: { field: x }, timeout_seconds: "\${env:T}" }
init_message: { route: main, payload: { deep: [[1, { a: null }]] } }
`;

/** What holds for any text at all. */
async function holds(yaml: string): Promise<void> {
  const lines = yaml.split("\n");
  const { report, definition, parsable } = await load(yaml);
  const counted = report.issues.filter((issue) => issue.severity === "error").length;
  assert.deepEqual([report.error_count, report.warning_count], [counted, report.issues.length - counted]);
  assert.equal(report.is_valid, counted === 0);
  assert.equal(definition === null, !report.is_valid);
  assert.ok(parsable || definition === null);
  for (const issue of report.issues) {
    assert.ok(Object.hasOwn(FINDING_CODES, issue.code));
    const line = lines[issue.line - 1];
    assert.ok(line !== undefined && issue.column >= 1 && issue.column <= line.length + 1, JSON.stringify(issue));
  }
}

test("no text at all makes it throw, and every finding is at a place of the text", async () => {
  await fc.assert(fc.asyncProperty(fc.string({ unit: "binary", maxLength: 200 }), holds), { numRuns: 300 });
  const yamlish = fc.array(
    fc.constantFrom(
      "a",
      "b: ",
      ": ",
      "- ",
      "? ",
      "\n",
      "  ",
      "[",
      "]",
      "{",
      "}",
      ",",
      "&a ",
      "*a ",
      "<<: ",
      "'",
      '"',
      "|\n",
      "!x ",
      "#",
      "---\n",
      "...\n",
      "\t",
      "%",
      "\r\n",
      "version: '1.0'\n",
      "routes:\n",
      "__proto__: ",
    ),
    { maxLength: 60 },
  );
  await fc.assert(
    fc.asyncProperty(yamlish, (parts) => holds(parts.join(""))),
    { numRuns: 1000 },
  );
});

test("no change of a valid pipeline makes it throw, wherever it is cut, doubled or written over", async () => {
  await holds(VALID);
  const change = fc.tuple(
    fc.nat(VALID.length),
    fc.nat(30),
    fc.oneof(fc.string({ maxLength: 6 }), fc.constantFrom("\n", "[", "}", ": ", "null", "-", "*log", "${")),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
      let yaml = VALID;
      for (const [at, length, put] of changes) yaml = yaml.slice(0, at) + put + yaml.slice(at + length);
      await holds(yaml);
    }),
    { numRuns: 500 },
  );
});

test("no value in place of another makes it throw", async () => {
  const value = fc.constantFrom(
    "5",
    "-1",
    "null",
    "[]",
    "{}",
    '""',
    "text",
    "true",
    "[1, a]",
    "{ a: 1 }",
    "1e400",
    "*log",
    "0.5",
  );
  const places = [...VALID.matchAll(/(?<=[:,[] )[^\s,:{}[\]]+/g)];
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...places), value, async (place, put) => {
      await holds(VALID.slice(0, place.index) + put + VALID.slice(place.index + place[0].length));
    }),
    { numRuns: 500 },
  );
});
