import type { JsonValue } from "@millrace/protocol";
import type { z } from "zod";
import type { FindingCode } from "./codes/finding-codes.ts";
import type { ConfigSchema } from "./config-schema.ts";
import type { FindingList } from "./finding-list.ts";
import { suggestName } from "./nearest.ts";
import { type Path, shorten, subjectOf } from "./path.ts";
import { locate, type Tree } from "./tree.ts";
import { expectedWords, retypeHint, valueWords } from "./value-words.ts";

type Issue = z.core.$ZodIssue;

/** What can be wrong with a field; each check has a code for each. */
export type Fault = "unknown" | "missing" | "type" | "range" | "choice" | "form" | "other";

/** Where a schema was applied, and how its issues become findings. */
export interface Checked {
  /** What was checked, as it is written. */
  readonly tree: Tree;
  /** And as plain JSON. */
  readonly value: JsonValue;
  /** Its place in the document. */
  readonly base: Path;
  readonly schema: ConfigSchema | null;
  /** Ends a message on a field that is unknown or missing: ` in the config of "files"`; may be empty. */
  readonly where: string;
  readonly codes: Readonly<Record<Fault, FindingCode>>;
  /** Says it better, where it can; the path is from the document's top. */
  refine?(fault: Fault, path: Path, node: Tree | undefined): Refinement | null;
  /** Whether the value at a path (from `base`) holds what must not be shown. */
  hides?(path: Path): boolean;
  /** Whether an issue with the value at a path (from `base`) follows from a finding that was reported already. */
  skips?(path: Path, code: Issue["code"]): boolean;
}

/** Replaces a finding, or parts of it. */
export interface Refinement {
  readonly code?: FindingCode;
  readonly message?: string;
  readonly suggestion?: string | null;
}

/** Turns what Zod found into findings, each with its code, its place in the text, and in plain words. */
export function addIssues(issues: readonly Issue[], checked: Checked, findings: FindingList): void {
  for (const issue of issues) {
    if (findings.full) return;
    addIssue(issue, toPath(issue.path), checked, findings);
  }
}

function addIssue(issue: Issue, inner: Path, checked: Checked, findings: FindingList): void {
  const path = [...checked.base, ...inner];
  const located = locate(checked.tree, inner);
  if (located.reported || checked.skips?.(inner, issue.code)) return;
  const add = (fault: Fault, at: { path: Path; offset: number }, message: string, suggestion: string | null) => {
    const refined = checked.refine?.(fault, at.path, located.node) ?? {};
    findings.add(
      refined.code ?? checked.codes[fault],
      at,
      refined.message ?? message,
      refined.suggestion === undefined ? suggestion : refined.suggestion,
    );
  };

  if (issue.code === "invalid_key") {
    const message = `"${shorten(String(inner.at(-1)), 100)}" does not fit as a name${checked.where}`;
    add("form", { path, offset: located.keyOffset }, message, null);
    return;
  }
  if (issue.code === "unrecognized_keys") {
    const known = checked.schema?.fields(inner, checked.value) ?? [];
    for (const key of issue.keys) {
      const at = { path: [...path, key], offset: locate(checked.tree, [...inner, key]).keyOffset };
      const message = `Unknown field "${shorten(key, 100)}"${checked.where}`;
      add("unknown", at, message, suggestName(key, known, "fields"));
    }
    return;
  }
  if (located.node === undefined) {
    const description = checked.schema?.description(inner, checked.value) ?? null;
    const suggestion = `Add ${subjectOf(path)}${description === null ? "." : `: ${sentence(description)}`}`;
    const message = `The required field ${subjectOf(path)} is missing${checked.where}`;
    add("missing", { path, offset: located.nearest.offset }, message, suggestion);
    return;
  }
  if (issue.code === "invalid_union") {
    const best = likelyAlternative(issue);
    if (best !== null) {
      for (const each of best) addIssue(each, [...inner, ...toPath(each.path)], checked, findings);
      return;
    }
  }
  const subject = path.length === 0 ? "the document" : subjectOf(path);
  const context: Context = {
    subject,
    node: located.node,
    hidden: checked.hides?.(inner) ?? false,
    // Zod asks for a number first, and for a whole one only then.
    whole: checked.schema?.isInteger(inner, checked.value) ?? false,
  };
  const { fault, message, suggestion } = explain(issue, context);
  add(fault, { path, offset: located.node.offset }, message, suggestion);
}

interface Context {
  readonly subject: string;
  readonly node: Tree;
  readonly hidden: boolean;
  readonly whole: boolean;
}

interface Explanation {
  readonly fault: Fault;
  readonly message: string;
  readonly suggestion: string | null;
}

function explain(issue: Issue, { subject, node, hidden, whole }: Context): Explanation {
  const got = valueWords(node);
  switch (issue.code) {
    case "invalid_type": {
      const expected = issue.expected === "number" && whole ? "int" : issue.expected;
      return {
        fault: "type",
        message: `Expected ${expectedWords(expected)} for ${subject}, got ${got}`,
        suggestion: retypeHint(expected, node),
      };
    }
    case "too_small":
    case "too_big":
      return {
        fault: "range",
        message: `${capital(subject)} must ${rangeWords(issue)}, got ${node.kind === "list" ? node.items.length : got}`,
        suggestion: `Let it ${rangeWords(issue)}.`,
      };
    case "not_multiple_of":
      return {
        fault: "range",
        message: `${capital(subject)} must be a multiple of ${issue.divisor}, got ${got}`,
        suggestion: `Let it be a multiple of ${issue.divisor}.`,
      };
    case "invalid_value": {
      const choices = issue.values.map(String);
      const written = node.kind === "scalar" ? node.written : "";
      return {
        fault: "choice",
        message: `Expected ${orList(choices)} for ${subject}, got ${got}`,
        suggestion: suggestName(written, choices, "values"),
      };
    }
    case "invalid_union":
      return explainUnion(issue, subject, node);
    case "invalid_format": {
      const words = formatWords(issue, hidden);
      return {
        fault: "form",
        message: `${capital(subject)} must ${words}, got ${got}`,
        suggestion: `Let it ${words}.`,
      };
    }
    default:
      return {
        fault: "other",
        message: hidden ? `${capital(subject)} does not fit` : `${capital(subject)}: ${shorten(issue.message, 500)}`,
        suggestion: null,
      };
  }
}

/** The issues of the alternative that was meant: one whose own type fits, and that has the fewest. */
function likelyAlternative(issue: Extract<Issue, { code: "invalid_union" }>): readonly Issue[] | null {
  const fitting = issue.errors.filter((issues) => issues.length > 0 && !issues.some(isAboutWhole));
  return fitting.reduce<readonly Issue[] | null>(
    (best, each) => (best === null || each.length < best.length ? each : best),
    null,
  );
}

function isAboutWhole(issue: Issue): boolean {
  const about = issue.code === "invalid_type" || issue.code === "invalid_value" || issue.code === "invalid_union";
  return about && issue.path.length === 0;
}

function explainUnion(issue: Extract<Issue, { code: "invalid_union" }>, subject: string, node: Tree): Explanation {
  if ("options" in issue && Array.isArray(issue.options)) {
    const choices = issue.options.map(String);
    return {
      fault: "choice",
      message: `Expected ${orList(choices)} for ${subject}, got ${valueWords(node)}`,
      suggestion: suggestName(node.kind === "scalar" ? node.written : "", choices, "values"),
    };
  }
  const wanted = new Set(issue.errors.flatMap((issues) => issues.flatMap(wantedBy)));
  const words = wanted.size === 0 ? "another form" : [...wanted].join(" or ");
  return { fault: "type", message: `Expected ${words} for ${subject}, got ${valueWords(node)}`, suggestion: null };
}

function wantedBy(issue: Issue): string[] {
  if (issue.code === "invalid_type") return [expectedWords(issue.expected)];
  if (issue.code === "invalid_value") return issue.values.map((value) => JSON.stringify(value) ?? String(value));
  if (issue.code === "invalid_union") return issue.errors.flatMap((issues) => issues.flatMap(wantedBy));
  return [];
}

function rangeWords(issue: Extract<Issue, { code: "too_small" | "too_big" }>): string {
  const small = issue.code === "too_small";
  const limit = small ? issue.minimum : issue.maximum;
  const counted = { string: "character", array: "item", set: "item", object: "field", map: "field", record: "field" };
  if (Object.hasOwn(counted, issue.origin)) {
    // The key is one of the object's own: that was just asked.
    const unit = counted[issue.origin as keyof typeof counted];
    return `have at ${small ? "least" : "most"} ${limit} ${unit}${Number(limit) === 1 ? "" : "s"}`;
  }
  if (issue.inclusive === false) return `be ${small ? "more" : "less"} than ${limit}`;
  return `be at ${small ? "least" : "most"} ${limit}`;
}

const FORMATS: Readonly<Record<string, string>> = {
  url: "be a URL, such as https://example.org/path",
  email: "be an e-mail address",
  uuid: "be a UUID",
  datetime: "be a time, such as 2030-01-31T12:00:00Z",
  date: "be a date, such as 2030-01-31",
  ipv4: "be an IPv4 address",
  ipv6: "be an IPv6 address",
};

function formatWords(issue: Extract<Issue, { code: "invalid_format" }>, hidden: boolean): string {
  // A message of the schema's own says more than the name of the format.
  if (!hidden && !issue.message.startsWith("Invalid")) return `fit: ${shorten(issue.message, 500)}`;
  if (issue.format === "regex" && "pattern" in issue) return `match ${shorten(String(issue.pattern), 200)}`;
  return FORMATS[issue.format] ?? `be of the form "${issue.format}"`;
}

function orList(choices: readonly string[]): string {
  const shown = choices.slice(0, 12).map((choice) => `"${shorten(choice, 60)}"`);
  if (choices.length > shown.length) return `one of ${shown.join(", ")}, …`;
  return shown.length < 2 ? (shown[0] ?? "nothing") : `${shown.slice(0, -1).join(", ")} or ${shown.at(-1)}`;
}

function toPath(path: readonly PropertyKey[]): Path {
  return path.map((part) => (typeof part === "symbol" ? String(part) : part));
}

function sentence(text: string): string {
  const short = shorten(text.replaceAll(/\s+/g, " ").trim(), 200);
  return /[.!?…]$/.test(short) ? short : `${short}.`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
