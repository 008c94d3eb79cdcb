import type { JsonValue } from "@millrace/protocol";
import type { FindingList } from "./finding-list.ts";
import { formatPath, type Path, shorten } from "./path.ts";
import type { Tree } from "./tree.ts";

/** The environment, as callers hand it in. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A `${secret:NAME}` is the environment variable of this prefix and NAME. */
export const SECRET_PREFIX = "MILLRACE_SECRET_";

const PLACEHOLDER = /\$\{(env|secret):([^}]*)(\}?)/g;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** A config with its placeholders replaced, and which of its texts had any: their values must never be shown. */
export interface Replaced {
  readonly value: JsonValue;
  /** By formatted path. `whole`: the text was one placeholder and nothing else. */
  readonly placed: ReadonlyMap<string, { readonly path: Path; readonly whole: boolean; readonly missing: boolean }>;
  /** The values of its `${secret:NAME}`. */
  readonly secrets: readonly string[];
}

/** Whether a text has a placeholder in it. */
export function hasPlaceholder(text: string): boolean {
  return text.search(PLACEHOLDER) >= 0;
}

/** Replaces `${env:NAME}` and `${secret:NAME}` in every text of a config; those not set are findings, and stay. */
export function replacePlaceholders(tree: Tree, base: Path, env: Environment, findings: FindingList): Replaced {
  const placed = new Map<string, { path: Path; whole: boolean; missing: boolean }>();
  const secrets = new Set<string>();
  const replace = (node: Tree, path: Path): JsonValue => {
    if (node.kind === "unknown") return null;
    if (node.kind === "list") return node.items.map((item, index) => replace(item, [...path, index]));
    if (node.kind === "mapping") {
      return Object.fromEntries(
        [...node.entries].map(([key, entry]) => [key, replace(entry.value, [...path, key])] as const),
      );
    }
    const text = node.value;
    if (typeof text !== "string" || !hasPlaceholder(text)) return text;
    let missing = false;
    let whole = false;
    const place = { path: [...base, ...path], offset: node.offset };
    const value = text.replace(PLACEHOLDER, (match, kind: string, name: string, close: string) => {
      whole = match === text;
      const wellFormed = close !== "" && NAME.test(name);
      const found = wellFormed ? lookUp(kind, name, env, findings, place) : malformed(match, findings, place);
      if (found !== null && kind === "secret") secrets.add(found);
      if (found !== null) return found;
      missing = true;
      return match;
    });
    placed.set(formatPath(path), { path, whole, missing });
    return value;
  };
  return { value: replace(tree, []), placed, secrets: [...secrets] };
}

function malformed(match: string, findings: FindingList, place: { path: Path; offset: number }): null {
  findings.add(
    "E406",
    place,
    `The placeholder "${shorten(match, 60)}" is not of the form \${env:NAME}`,
    "A name has letters, digits and underscores, and does not begin with a digit; close it with a brace.",
  );
  return null;
}

function lookUp(
  kind: string,
  name: string,
  env: Environment,
  findings: FindingList,
  place: { path: Path; offset: number },
): string | null {
  const variable = kind === "secret" ? `${SECRET_PREFIX}${name}` : name;
  const value = Object.hasOwn(env, variable) ? env[variable] : undefined;
  if (value !== undefined) return value;
  const shown = shorten(variable, 128);
  if (kind === "secret") {
    const message = `The secret "${shorten(name, 128)}" is not set`;
    findings.add("E405", place, message, `Set the environment variable ${shown} for the process.`);
  } else {
    const message = `The environment variable "${shown}" is not set`;
    findings.add("E404", place, message, `Set ${shown} for the process that validates and runs the pipeline.`);
  }
  return null;
}
