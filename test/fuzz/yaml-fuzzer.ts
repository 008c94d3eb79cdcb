import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createAdapterRegistry } from "@millrace/adapters";
import { loadDefinition, MAX_FINDINGS, MAX_SOURCE_LENGTH } from "@millrace/engine";
import { validationReportSchema } from "@millrace/protocol";
import fc from "fast-check";
import { type Fuzzer, fuzzer, mutated, texts } from "./fuzzer.ts";
import { PIPELINES } from "./pipelines.ts";

const EXAMPLES = join(import.meta.dirname, "..", "..", "examples");
const examples = readdirSync(EXAMPLES)
  .filter((name) => name.endsWith(".yaml"))
  .map((name) => readFileSync(join(EXAMPLES, name), "utf8"));

const WORDS = [
  ...[
    "\n",
    "\n  ",
    "\n    - ",
    ": ",
    "- ",
    "? ",
    "| \n",
    ">-\n",
    "{",
    "}",
    "[",
    "]",
    ",",
    "&a ",
    "*a",
    "<<: *a",
    "!!str ",
    "!x ",
  ],
  ...[
    "'",
    '"',
    "#",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "\t",
    "\r\n",
    "\u0085",
    "\u2028",
    "\ufeff",
    "~",
    "null",
    "0x1F",
    "1e400",
    ".inf",
  ],
  ...[
    "version",
    "routes",
    "adapters",
    "type",
    "config",
    "inbound",
    "outbound",
    "concurrency",
    "init_message",
    "route",
    "limits",
  ],
  ...[
    "error_handling",
    "generate",
    "switch",
    "cases",
    "when",
    "condition",
    "${a}",
    "${env:HOME}",
    "${secret:X}",
    "$$",
    "__proto__",
  ],
  ...["isolation: thread", "keep_payloads", "9007199254740993", "-1", "true", "2026-01-01", "pipeline", "name"],
];

const bombs: fc.Arbitrary<string> = fc.oneof(
  // Aliases of aliases.
  fc.tuple(fc.integer({ min: 2, max: 12 }), fc.integer({ min: 2, max: 12 })).map(([levels, each]) =>
    Array.from({ length: levels }, (_, level) =>
      level === 0
        ? "a0: &a0 x"
        : `a${level}: &a${level} [${Array(each)
            .fill(`*a${level - 1}`)
            .join(", ")}]`,
    ).join("\n"),
  ),
  fc
    .tuple(fc.constantFrom("[", "{a: ", "- ", "? ", "a:\n ", "!!map ", "&x "), fc.integer({ min: 1, max: 3000 }))
    .map(([open, times]) => open.repeat(times)),
  fc
    .integer({ min: 1, max: 300 })
    .map((depth) => Array.from({ length: depth }, (_, level) => `${" ".repeat(level)}a:`).join("\n")),
  fc.constantFrom("a: &a [*a]", "a: &a { b: *a }", "&a a: *a", "a: &a\n  b: *a\n", "*a", "a: &a &b x", "? *a\n: &a x"),
  fc
    .tuple(fc.constantFrom("x", "a ", "'", "\\", "é", "💥"), fc.integer({ min: 1000, max: 200_000 }))
    .map(
      ([char, times]) =>
        `version: "1.0"\nname: "${char.repeat(times)}"\nroutes: { a: { adapters: [{ type: log, config: { message: "${char.repeat(9)}" } }] } }`,
    ),
  fc
    .integer({ min: 10, max: 4000 })
    .map(
      (count) =>
        `version: "1.0"\nroutes:\n${Array.from({ length: count }, (_, nth) => `  r${nth}: { adapters: [{ type: lgo }], outbound: [r${nth + 1}] }`).join("\n")}`,
    ),
);

const registry = createAdapterRegistry({ adaptersDir: null, baseDir: EXAMPLES });

/** Whatever the text is: no throw, a report as its schema says, each finding at a place of the text. */
export const yamlFuzzer: Fuzzer = fuzzer(
  "a pipeline's text, whatever it is, has a report with places of its own",
  1500,
  fc.oneof(
    { weight: 5, arbitrary: mutated([...examples, ...PIPELINES], ...WORDS) },
    { weight: 3, arbitrary: texts(...WORDS) },
    { weight: 1, arbitrary: bombs },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString("utf8")) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString("latin1")) },
  ),
  async (text) => {
    const loaded = await loadDefinition(text, { adapters: await registry, env: { HOME: "/root" } });
    const { issues, is_valid, error_count } = validationReportSchema.parse(loaded.report);
    assert.equal(is_valid, error_count === 0);
    assert.equal(loaded.definition !== null, is_valid);
    assert.ok(issues.length <= MAX_FINDINGS + 1, `${issues.length} findings`);
    const lines = text.replace(/^\ufeff/, "").split("\n");
    for (const { line, column, code } of issues) {
      assert.ok(line <= lines.length, `${code} in line ${line} of ${lines.length}`);
      // Right behind the last character is where something is missing.
      assert.ok(column <= (lines[line - 1] ?? "").length + 1, `${code} in column ${column} of line ${line}`);
    }
    // What is said is in proportion to what was sent.
    const said = JSON.stringify(loaded.report).length;
    assert.ok(
      said < 200_000 + 20 * Math.min(text.length, MAX_SOURCE_LENGTH),
      `${said} characters about ${text.length}`,
    );
  },
);
