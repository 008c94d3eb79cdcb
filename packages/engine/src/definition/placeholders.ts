import type { JsonValue } from "@millrace/protocol";
import type { FindingList } from "./finding-list.ts";
import { formatPath, type Path, shorten } from "./path.ts";
import type { Looked } from "./placeholder-source.ts";
import type { Tree } from "./tree.ts";

const PLACEHOLDER = /\$\{(env|secret):([^}]*)(\}?)/g;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** A config with its placeholders replaced, and which of its texts had any: their values must never be shown. */
export interface Replaced {
  readonly value: JsonValue;
  /** By formatted path. `whole`: the text was one placeholder and nothing else. */
  readonly placed: ReadonlyMap<string, { readonly path: Path; readonly whole: boolean; readonly missing: boolean }>;
  /** The values of its `${secret:NAME}`, by name. */
  readonly secrets: ReadonlyMap<string, string>;
}

/** What the placeholders of a config stand for. */
export interface PlaceholderValues {
  variable(name: string): Looked;
  secret(name: string): Looked;
}

const CODES = {
  env: { unset: "E404", hidden: "E407", away: "E404" },
  secret: { unset: "E405", hidden: "E405", away: "E408" },
} as const;

/** Whether a text has a placeholder in it. */
export function hasPlaceholder(text: string): boolean {
  return text.search(PLACEHOLDER) >= 0;
}

/** The names of all `${secret:NAME}` of a config, each once. */
export function secretNames(tree: Tree): string[] {
  const names = new Set<string>();
  const look = (node: Tree): void => {
    if (node.kind === "list") node.items.forEach(look);
    else if (node.kind === "mapping") for (const { value } of node.entries.values()) look(value);
    else if (node.kind === "scalar" && typeof node.value === "string") {
      for (const [, kind, name = "", close] of node.value.matchAll(PLACEHOLDER))
        if (kind === "secret" && close !== "" && NAME.test(name)) names.add(name);
    }
  };
  look(tree);
  return [...names];
}

/** Replaces `${env:NAME}` and `${secret:NAME}` in every text of a config; those not to be had are findings, and stay. */
export function replacePlaceholders(
  tree: Tree,
  base: Path,
  values: PlaceholderValues,
  findings: FindingList,
): Replaced {
  const placed = new Map<string, { path: Path; whole: boolean; missing: boolean }>();
  const secrets = new Map<string, string>();
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
      const found = wellFormed
        ? lookUp(kind === "env" ? "env" : "secret", name, values, findings, place)
        : malformed(match, findings, place);
      if (found !== null && kind === "secret") secrets.set(name, found);
      if (found !== null) return found;
      missing = true;
      return match;
    });
    placed.set(formatPath(path), { path, whole, missing });
    return value;
  };
  return { value: replace(tree, []), placed, secrets };
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
  kind: "env" | "secret",
  name: string,
  values: PlaceholderValues,
  findings: FindingList,
  place: { path: Path; offset: number },
): string | null {
  const found = kind === "env" ? values.variable(name) : values.secret(name);
  if ("value" in found) return found.value;
  findings.add(CODES[kind][found.problem], place, found.message, found.suggestion);
  return null;
}
