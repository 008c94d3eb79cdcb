import type { JsonValue } from "@millrace/client";
import { isMap, isNode, isScalar, isSeq, type Node, type Pair } from "yaml";
import type { Path } from "../schema/json-schema.ts";
import { nameOf, parseYaml, toPlain, type Yaml } from "./parse.ts";

/** Where the cursor stands in a document. */
export interface Place {
  /** `key`: where a mapping's key may stand, or a list's item begins. `value`: where a value may. */
  readonly kind: "key" | "value";
  /** The mapping that the key is for, or the value itself. */
  readonly path: Path;
  /** The whole document, as far as it can be read, with an empty value at the cursor. */
  readonly document: JsonValue;
  /** The word that the cursor stands in: what is replaced. */
  readonly from: number;
  readonly to: number;
  /** Whether the cursor is within brackets. */
  readonly isFlow: boolean;
  /** Whether a colon follows already. */
  readonly hasColon: boolean;
  /** Whether the cursor's line is a list's item, as in `- ty`. */
  readonly isItem: boolean;
  /** The column where the key, or the item's content, begins; from 0. */
  readonly column: number;
}

/** A word that no document has. */
const MARK = "\u2063cursor\u2063";
const WORD = /[\w./\\@$*-]/;

/** Finds where a position is; null in comments, in texts of several words, and where nothing can be made of it. */
export function placeAt(text: string, position: number): Place | null {
  let from = position;
  while (from > 0 && WORD.test(text.charAt(from - 1))) from -= 1;
  let to = position;
  while (to < text.length && WORD.test(text.charAt(to))) to += 1;
  const lineStart = text.lastIndexOf("\n", from - 1) + 1;
  const before = text.slice(lineStart, from);
  const lineEnd = text.indexOf("\n", to);
  const after = text.slice(to, lineEnd < 0 ? text.length : lineEnd);
  // A dash that begins an item is no part of a word.
  const dashes = /^\s*(?:-\s+)*/.exec(before)?.[0] ?? "";
  if (/^\s*-$/.test(text.slice(lineStart, to))) return null;

  const hasColon = /^["']?\s*:(?:\s|$)/.test(after);
  const isBare = before === dashes && !hasColon && /^\s*(?:#.*)?$/.test(after);
  const marked = `${text.slice(0, from)}${MARK}${isBare ? ":" : ""}${text.slice(to)}`;
  const document = parseYaml(marked);
  const found = find(document.contents, []);
  if (found === null) return null;
  return {
    ...found,
    document: withoutMark(toPlain(document)),
    from,
    to,
    hasColon,
    isItem: dashes.includes("-") && before === dashes,
    column: from - lineStart,
  };
}

/** What stands at a position: a key or a value, its path, and where it begins and ends. */
export interface Spot {
  readonly kind: "key" | "value";
  readonly path: Path;
  readonly from: number;
  readonly to: number;
}

/** The key or the plain value at a position of a document; null where there is none. */
export function spotAt(document: Yaml, position: number): Spot | null {
  let found: Spot | null = null;
  const look = (kind: Spot["kind"], path: Path, node: unknown) => {
    if (!isScalar(node) || !node.range) return;
    const [from, to] = node.range;
    if (position >= from && position <= to) found = { kind, path, from, to };
  };
  walk(document.contents, [], look);
  return found;
}

/** Where a key, or a list's item, begins in a text; null where there is none. */
export function positionOf(text: string, path: Path): number | null {
  const document = parseYaml(text);
  if (typeof path.at(-1) === "number") {
    const node = document.getIn(path, true);
    return isNode(node) ? (node.range?.[0] ?? null) : null;
  }
  const wanted = JSON.stringify(path);
  let found: number | null = null;
  walk(document.contents, [], (kind, at, node) => {
    if (kind === "key" && isScalar(node) && JSON.stringify(at) === wanted) found = node.range?.[0] ?? null;
  });
  return found;
}

function find(contents: unknown, path: Path): Pick<Place, "kind" | "path" | "isFlow"> | null {
  let found: Pick<Place, "kind" | "path" | "isFlow"> | null = null;
  walk(contents, path, (kind, at, node, isFlow) => {
    if (isScalar(node) && node.value === MARK && found === null)
      found = { kind, path: kind === "key" ? at.slice(0, -1) : at, isFlow };
  });
  return found;
}

/** Calls `see` for each key (with its own path) and each plain value. */
function walk(
  node: unknown,
  path: Path,
  see: (kind: "key" | "value", path: Path, node: unknown, isFlow: boolean) => void,
  isFlow = false,
): void {
  if (isMap(node)) {
    const flow = isFlow || node.flow === true;
    for (const pair of node.items as Pair<Node | null, Node | null>[]) {
      const own = [...path, nameOf(pair.key)];
      see("key", own, pair.key, flow);
      walk(pair.value, own, see, flow);
    }
  } else if (isSeq(node)) {
    node.items.forEach((item, index) => {
      walk(item, [...path, index], see, isFlow || node.flow === true);
    });
  } else see("value", path, node, isFlow);
}

function withoutMark(value: JsonValue): JsonValue {
  if (value === MARK) return null;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutMark);
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => (key === MARK ? [] : [[key, withoutMark(inner)]])),
  );
}
