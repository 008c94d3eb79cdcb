import assert from "node:assert/strict";
import { matchesGlob as nodeMatchesGlob } from "node:path";
import { AdapterError, compileExpression, compileTemplate, ExpressionSyntaxError } from "@millrace/engine";
import { jsonObjectSchema, parseCursor } from "@millrace/protocol";
import fc from "fast-check";
import { parseRange } from "../../packages/server/src/http/byte-range.ts";
import { checkConditions, rangeCounts } from "../../packages/server/src/http/conditions.ts";
import { readJsonBody } from "../../packages/server/src/http/json-body.ts";
import { findJsonError } from "../../packages/server/src/http/json-error.ts";
import { matchesGlob } from "../../packages/server/src/stream/glob.ts";
import { lastDue, nextDue, readCron } from "../../packages/server/src/triggers/cron.ts";
import { type Fuzzer, fuzzer, mutated, texts } from "./fuzzer.ts";

const cursors = fc.oneof(
  fc.nat().map(String),
  fc.bigInt({ min: 0n, max: 2n ** 70n }).map(String),
  texts("0", "1", "9", "00", "-", "+", ".", "e", " ", "x", "_", "\0", "٣", "９", ":", "\n"),
  fc.double().map(String),
);

/** What is read as a cursor is the one text of its position: anything else is none, and never another position. */
export const cursorFuzzer = fuzzer("a cursor is read as itself, or not at all", 20_000, cursors, async (text) => {
  const position = parseCursor(text);
  if (position === null) {
    assert.ok(!/^(0|[1-9]\d{0,14})$/.test(text), `${text} is a position`);
    return;
  }
  assert.equal(String(position), text);
  assert.ok(Number.isSafeInteger(position) && position >= 0);
});

const ranges = fc.tuple(
  fc.oneof(
    texts("bytes=", "Bytes=", "0", "-", "5", ",", " ", "999", "99999999999999999999", "=", "\t", "1e3", "+"),
    mutated(["bytes=0-4", "bytes=-5", "bytes=3-", "bytes=0-1,4-5", "bytes=,0-0,"], "-", ",", "9", "bytes=", " "),
  ),
  fc.nat(1000),
);

/** A range that is given out is within the object. */
export const rangeFuzzer = fuzzer(
  "a range, whatever was asked for, is of bytes that are there",
  10_000,
  ranges,
  async ([header, size]) => {
    const range = parseRange(header, size);
    if (range === null || range === "unsatisfiable") return;
    assert.ok(Number.isSafeInteger(range.start) && Number.isSafeInteger(range.end));
    assert.ok(range.start >= 0 && range.start <= range.end && range.end < size, `${JSON.stringify(range)} of ${size}`);
  },
);

const tags = texts('"abc"', 'W/"abc"', "*", ",", " ", '"', "W/", "abc", "\t", '""');
const dates = texts(
  "Wed, 21 Oct 2015 07:28:00 GMT",
  "Wed",
  "2015",
  "GMT",
  "0",
  "Thu, 01 Jan 1970 00:00:00 GMT",
  "99999999",
  " ",
);
const conditions = fc.record(
  {
    "if-match": tags,
    "if-none-match": tags,
    "if-modified-since": dates,
    "if-unmodified-since": dates,
    "if-range": fc.oneof(tags, dates),
  },
  { requiredKeys: [] },
);

/** Conditions have an outcome, and what a client has not got is never "not modified". */
export const conditionsFuzzer = fuzzer(
  "conditions of a request, whatever they are, have an outcome",
  10_000,
  conditions,
  async (headers) => {
    const validators = { etag: '"abc"', lastModified: 1_445_412_480_000 };
    const outcome = checkConditions(headers, validators);
    assert.ok(["go on", "not modified", "failed"].includes(outcome));
    const none = headers["if-none-match"];
    if (outcome === "not modified" && none !== undefined) assert.ok(none.trim() === "*" || none.includes('"abc"'));
    const counts = rangeCounts(headers["if-range"], validators, Date.now());
    if (counts && headers["if-range"]?.trim().startsWith("W/"))
      assert.fail("a weak validator says that a range counts");
  },
);

const globs = fc.tuple(texts("a", "b", "/", ".", "é", "💥"), texts("a", "b", "/", "*", "**", "?", "**/", ".", "💥"));

/** As a plain, slow matcher has it. */
export const globFuzzer = fuzzer("a path fits a glob as its definition says", 3_000, globs, async ([path, glob]) => {
  const [short, pattern] = [path.slice(0, 24), glob.slice(0, 12)];
  assert.equal(
    matchesGlob(short, pattern),
    slowly(short, pattern),
    `${JSON.stringify(short)} and ${JSON.stringify(pattern)}`,
  );
  // Of a folder's trigger: the runtime's own.
  assert.equal(typeof nodeMatchesGlob(path, glob), "boolean");
});

function slowly(path: string, glob: string): boolean {
  const wanted = glob.replace(/\/+$/, "").split("/");
  const parts = path.split("/");
  if (!/[*?]/.test(glob)) return wanted.every((part, index) => part === parts[index]);
  return fits(parts, wanted, "**", (part, pattern) =>
    fits([...part], [...pattern], "*", (one, sign) => sign === "?" || one === sign),
  );
}

function fits(
  items: readonly string[],
  pattern: readonly string[],
  many: string,
  one: (item: string, sign: string) => boolean,
): boolean {
  const [sign, ...signs] = pattern;
  if (sign === undefined) return items.length === 0;
  if (sign === many)
    return fits(items, signs, many, one) || (items.length > 0 && fits(items.slice(1), pattern, many, one));
  const [item, ...rest] = items;
  return item !== undefined && one(item, sign) && fits(rest, signs, many, one);
}

const crons = fc.tuple(
  fc.oneof(
    mutated(
      ["*/5 0-6 1,15 JAN-MAR MON", "0 0 31 2 *", "@daily", "0 0 L * *", "0 0 * * 1#3", "59 23 31 12 7"],
      "*",
      "/",
      "-",
      ",",
      "L",
      "#",
      "?",
      "W",
      " ",
      "0",
      "99",
      "@",
    ),
    texts("*", "/", "-", ",", " ", "0", "5", "31", "MON", "JAN", "L", "#", "?", "@daily", "@hourly"),
  ),
  fc.oneof(
    fc.constantFrom("UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"),
    texts("UTC", "/", "+01:00", "Etc"),
  ),
  fc.integer({ min: 0, max: 4_000_000_000_000 }),
);

/** An expression is refused in words, or says times that grow. */
export const cronFuzzer = fuzzer(
  "a time table is refused in words, or goes on in time",
  800,
  crons,
  async ([text, time_zone, after]) => {
    const expression = text.slice(0, 200);
    try {
      readCron({ expression, time_zone });
    } catch (error) {
      assert.ok(error instanceof Error && error.message.length > 10, String(error));
      return;
    }
    const spec = { expression, time_zone, missed: "once" } as const;
    const next = nextDue(spec, after);
    if (next === null) return;
    assert.ok(next > after, `due at ${next}, after ${after}`);
    const then = nextDue(spec, next);
    assert.ok(then === null || then > next, `due at ${then}, after ${next}`);
    assert.ok(lastDue(spec, next, next) >= next);
  },
);

const EXPRESSIONS = [
  "index % 2 = 0",
  '$exists(a.b) and c = "x"',
  "items[price > 1].name",
  "$sum(items.price)",
  '{ "a": [1..5] }',
  "$map([1,2], function($v){$v*2})",
  "a ~> $uppercase",
];
const SIGNS = [
  "(",
  ")",
  "[",
  "]",
  "{",
  "}",
  ".",
  "*",
  "**",
  "%",
  "$",
  "$x",
  ":=",
  "?",
  ":",
  "~>",
  '"',
  "'",
  "`",
  "/a/",
  "function($x){",
  "$",
  "^(",
  "|",
  "and",
  "or",
  "in",
  "..",
  "&",
  "<=",
  "!=",
  "1e9",
  "\\",
  "\u0000",
  "$eval('1')",
  "$string()",
  "$match(a, /(a+)+$/)",
  "$sort",
  "$split",
  "$each",
];
const payload = fc.constantFrom(
  {},
  { index: 4, a: { b: [1, "x", null] }, items: [{ price: 2, name: "n" }], text: "aaaaaaaaaaaaaaaaaaaaaaaa!" },
);

/** An expression is refused with a place in it, or has a value that is JSON, or fails with its code. */
export const expressionFuzzer = fuzzer(
  "an expression does not compile, fails with its code, or has a value that is JSON",
  3_000,
  fc.tuple(fc.oneof(mutated(EXPRESSIONS, ...SIGNS), texts(...SIGNS, "a", "index", "1", " ")), payload),
  async ([source, input]) => {
    let expression: ReturnType<typeof compileExpression>;
    try {
      expression = compileExpression(source);
    } catch (error) {
      assert.ok(error instanceof ExpressionSyntaxError, `${error}`);
      if (error.position !== null)
        assert.ok(error.position >= 0 && error.position <= source.length + 1, `at ${error.position}`);
      return;
    }
    try {
      const value = await expression.evaluate(jsonObjectSchema.parse(input));
      if (value !== undefined) JSON.stringify(value);
    } catch (error) {
      assert.ok(error instanceof AdapterError && error.code === "EXPRESSION_FAILED", `${error}`);
    }
  },
);

/** A template is refused with a place in it, or gives a text, or fails with its code. */
export const templateFuzzer = fuzzer(
  "a template does not compile, fails with its code, or gives a text",
  3_000,
  fc.tuple(
    mutated(
      ["${index}.json", "a ${a.b} c", '${$join(["a","}"])}', "plain $ {x}"],
      "${",
      "}",
      "$",
      "{",
      '"',
      "a.b",
      "`",
      "\\",
    ),
    payload,
  ),
  async ([source, input]) => {
    try {
      const template = compileTemplate(source);
      assert.equal(typeof (await template.render(jsonObjectSchema.parse(input))), "string");
    } catch (error) {
      const known =
        error instanceof ExpressionSyntaxError || (error instanceof AdapterError && error.code === "EXPRESSION_FAILED");
      assert.ok(known, `${error}`);
    }
  },
);

const jsons = fc.oneof(
  mutated(
    ['{"a": [1, 2.5e3, "x\\u00e9", null, true], "b": {}}', "[[[[]]]]", '"\\ud800"', "-0.0e-0"],
    "{",
    "}",
    "[",
    ",",
    ":",
    '"',
    "\\",
    "\\u",
    "\0",
    "1",
    "-",
    ".",
    "e",
    "tru",
    "\ufeff",
    " ",
  ),
  fc.json(),
);

/** What is no JSON is told with its place, and what is one is read as the runtime reads it. */
export const bodyFuzzer = fuzzer(
  "a body is read as JSON, or refused with the place where it stops to be one",
  5_000,
  jsons,
  async (text) => {
    const body = readJsonBody(Buffer.from(text), { "content-type": "application/json" });
    const sent = Buffer.from(text)
      .toString("utf8")
      .replace(/^\ufeff/, "");
    let value: unknown;
    try {
      value = JSON.parse(sent);
    } catch {
      if (sent === "") return;
      assert.equal(body.kind, "broken", text);
      const { position } = findJsonError(sent);
      assert.ok(position >= 0 && position <= sent.length, `at ${position}`);
      return;
    }
    if (value === null) assert.equal(body.kind, "none");
    else assert.deepEqual(body, { kind: "value", value });
  },
);

/** All of this file. */
export const smallFuzzers: readonly Fuzzer[] = [
  cursorFuzzer,
  rangeFuzzer,
  conditionsFuzzer,
  globFuzzer,
  cronFuzzer,
  expressionFuzzer,
  templateFuzzer,
  bodyFuzzer,
];
