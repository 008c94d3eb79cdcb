import type { JsonObject, JsonValue } from "@millrace/protocol";
import type { z } from "zod";
import type { AnyAdapter } from "../adapter.ts";
import { compileExpression, compileTemplate } from "../expression.ts";
import { ConfigSchema } from "./config-schema.ts";
import { expressionHint, tryCompile } from "./expression-hints.ts";
import type { FindingList } from "./finding-list.ts";
import { formatPath, type Path, shorten } from "./path.ts";
import { type Looked, type PlaceholderSource, unsetSecret } from "./placeholder-source.ts";
import { type Replaced, replacePlaceholders, secretNames } from "./placeholders.ts";
import { isEmpty, locate, type Mapping, type Tree } from "./tree.ts";
import { addIssues, type Fault, type Refinement } from "./zod-issues.ts";

const CONFIG_CODES = {
  unknown: "E301",
  missing: "E302",
  type: "E303",
  range: "E304",
  choice: "E305",
  form: "E306",
  other: "E307",
} as const;

const NONE: ReadonlyMap<string, Looked> = new Map();

const NUMBER = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/;

/** A step's configuration and what it is checked with. */
export interface ConfigOfStep {
  readonly adapter: AnyAdapter;
  /** Undefined where the step has none. */
  readonly tree: Tree | undefined;
  /** The whole step: where a missing configuration is missing. */
  readonly step: Tree;
  readonly path: Path;
  readonly source: PlaceholderSource;
}

/** A configuration as its schema returns it, and the secrets in it. */
export interface CheckedConfig {
  readonly value: unknown;
  /** What the schema was given: placeholders replaced. */
  readonly input: JsonObject;
  /** By name. */
  readonly secrets: ReadonlyMap<string, string>;
}

/** Replaces the placeholders of a configuration and checks it; null where it does not fit. */
export async function checkConfig(of: ConfigOfStep, findings: FindingList): Promise<CheckedConfig | null> {
  const { adapter, path, source } = of;
  const tree = of.tree === undefined || isEmpty(of.tree) ? emptyMapping(of) : of.tree;
  // Not a mapping: the structure's check says so.
  if (tree.kind !== "mapping") return null;
  const names = secretNames(tree);
  const secrets = names.length === 0 ? NONE : await source.secrets(names);
  const values = {
    variable: (name: string) => source.variable(name),
    secret: (name: string) => secrets.get(name) ?? unsetSecret(name),
  };
  const replaced = replacePlaceholders(tree, path, values, findings);
  const schema = ConfigSchema.of(adapter.config);
  // A mapping becomes an object.
  const value = replaced.value as JsonObject;
  const parsed = await parse(adapter, value, replaced);
  if ("failure" in parsed) {
    const message = `The adapter "${adapter.type}" could not check its config`;
    const reason = replaced.placed.size > 0 ? "" : `: ${parsed.failure}`;
    findings.add("E308", { path, offset: tree.offset }, `${message}${reason}`, "Correct the adapter's config schema.");
    return null;
  }
  checkExpressions(tree, path, parsed.input, schema, replaced, findings);
  if (parsed.issues === null) return { value: parsed.output, input: parsed.input, secrets: replaced.secrets };

  addIssues(
    parsed.issues,
    {
      tree,
      value: parsed.input,
      base: path,
      schema,
      where: ` in the config of "${adapter.type}"`,
      codes: CONFIG_CODES,
      refine: (fault, at) => fromEnvironment(fault, at.slice(path.length), replaced),
      hides: (at) => placedWithin(replaced, at).length > 0,
      skips: (at, code) =>
        replaced.placed.get(formatPath(at))?.missing === true ||
        // A check of the schema's own may have looked at all there is.
        (code === "custom" && placedWithin(replaced, at).some((placed) => placed.missing)),
    },
    findings,
  );
  if (!findings.hasErrors) {
    const message = `The config of "${adapter.type}" does not fit`;
    findings.add("E307", { path, offset: tree.offset }, message, null);
  }
  return null;
}

type Parsed =
  | { readonly failure: string }
  | { readonly issues: null; readonly input: JsonObject; readonly output: unknown }
  | { readonly issues: readonly z.core.$ZodIssue[]; readonly input: JsonValue };

/** Validates; where a text that a placeholder stands for is a number or a truth value, and such is asked for, once more with that. */
async function parse(adapter: AnyAdapter, input: JsonObject, replaced: Replaced): Promise<Parsed> {
  try {
    const first = await adapter.config.safeParseAsync(input);
    if (first.success) return { issues: null, input, output: first.data };
    const retyped = retype(input, first.error.issues, replaced);
    if (retyped === null) return { issues: first.error.issues, input };
    const second = await adapter.config.safeParseAsync(retyped);
    if (second.success) return { issues: null, input: retyped, output: second.data };
    return { issues: second.error.issues, input: retyped };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { failure: shorten(message.split("\n", 1)[0] ?? "", 300) };
  }
}

function retype(input: JsonObject, issues: readonly z.core.$ZodIssue[], replaced: Replaced): JsonObject | null {
  const copy = structuredClone(input);
  let changed = false;
  for (const issue of issues) {
    if (issue.code !== "invalid_type") continue;
    const placed = replaced.placed.get(formatPath(issue.path.map((part) => (typeof part === "symbol" ? "" : part))));
    if (placed?.whole !== true || placed.missing) continue;
    changed = setTyped(copy, placed.path, issue.expected) || changed;
  }
  return changed ? copy : null;
}

function setTyped(root: JsonValue, path: Path, expected: string): boolean {
  let holder: JsonValue | undefined = root;
  for (const part of path.slice(0, -1)) holder = get(holder, part);
  const last = path.at(-1);
  if (last === undefined || typeof holder !== "object" || holder === null) return false;
  const text = get(holder, last);
  const value =
    typeof text !== "string"
      ? undefined
      : expected === "boolean"
        ? { true: true, false: false }[text.trim()]
        : (expected === "number" || expected === "int") && NUMBER.test(text.trim())
          ? Number(text)
          : undefined;
  if (value === undefined) return false;
  if (Array.isArray(holder)) holder[Number(last)] = value;
  else holder[last] = value;
  return true;
}

function get(value: JsonValue | undefined, part: string | number): JsonValue | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (Array.isArray(value)) return value[Number(part)];
  return Object.hasOwn(value, part) ? value[part] : undefined;
}

/** Compiles the texts that the schema marks as expressions or templates. */
function checkExpressions(
  tree: Tree,
  base: Path,
  value: JsonValue,
  schema: ConfigSchema | null,
  replaced: Replaced,
  findings: FindingList,
): void {
  schema?.formats(value, (format, text, path) => {
    const isExpression = format === "jsonata";
    if ((!isExpression && format !== "template") || text === "") return;
    const placed = replaced.placed.get(formatPath(path));
    const { node } = locate(tree, path);
    if (placed?.missing === true || node === undefined) return;
    const { problem } = tryCompile<unknown>(() => (isExpression ? compileExpression(text) : compileTemplate(text)));
    if (problem === null) return;
    const reason = placed === undefined ? `: ${problem}` : " once its placeholders are replaced";
    findings.add(
      isExpression ? "E402" : "E403",
      { path: [...base, ...path], offset: node.offset },
      `The ${isExpression ? "expression" : "template"} "${formatPath(path)}" does not compile${reason}`,
      placed === undefined ? templateHint(isExpression, text) : null,
    );
  });
}

function templateHint(isExpression: boolean, text: string): string {
  return isExpression ? expressionHint(text) : "Write ${field}, with a field of the message or an expression over it.";
}

/** What to do where a value that does not fit comes from the environment. */
function fromEnvironment(fault: Fault, path: Path, replaced: Replaced): Refinement | null {
  if (fault === "unknown" || fault === "missing" || !replaced.placed.has(formatPath(path))) return null;
  return { suggestion: "The value comes from the environment: set one there that fits." };
}

function placedWithin(replaced: Replaced, path: Path): { readonly missing: boolean }[] {
  return [...replaced.placed.values()].filter((placed) => path.every((part, index) => placed.path[index] === part));
}

function emptyMapping(of: ConfigOfStep): Mapping {
  const { offset } = of.tree ?? of.step;
  return { kind: "mapping", offset, entries: new Map(), incomplete: false, size: 0, height: 1 };
}
