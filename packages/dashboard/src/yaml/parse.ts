import type { JsonValue } from "@millrace/client";
import { type Document, isAlias, isMap, isScalar, isSeq, parseDocument } from "yaml";

/** A document of YAML, with what could be made of it where it is broken. */
export type Yaml = Document.Parsed;

/** Reads YAML as it is being typed: errors are the document's own, and nothing is thrown or logged. */
export function parseYaml(text: string): Yaml {
  return parseDocument(text, { strict: false, uniqueKeys: false, logLevel: "silent", keepSourceTokens: false });
}

/** Deeper, and more nodes, than a pipeline has: aliases may multiply. */
const DEEPEST = 64;
const MOST_NODES = 100_000;

/** A node as plain data; what cannot be made sense of is null. */
export function toPlain(document: Yaml, node: unknown = document.contents): JsonValue {
  let left = MOST_NODES;
  const plain = (at: unknown, depth: number): JsonValue => {
    left -= 1;
    if (depth > DEEPEST || left < 0) return null;
    if (isAlias(at)) return plain(at.resolve(document), depth + 1);
    if (isMap(at)) return Object.fromEntries(at.items.map(({ key, value }) => [nameOf(key), plain(value, depth + 1)]));
    if (isSeq(at)) return at.items.map((item) => plain(item, depth + 1));
    if (!isScalar(at)) return null;
    const { value } = at;
    return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null;
  };
  return plain(node, 0);
}

/** A mapping's key, as a text. */
export function nameOf(key: unknown): string {
  const value = isScalar(key) ? key.value : key;
  return typeof value === "string" ? value : String(value ?? "");
}
