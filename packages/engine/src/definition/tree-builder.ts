import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type ParsedNode,
  type Scalar as ScalarNode,
  type YAMLMap,
} from "yaml";
import type { FindingList } from "./finding-list.ts";
import { addTooDeep, MAX_DEPTH } from "./parse-yaml.ts";
import { type Path, shorten } from "./path.ts";
import type { Entry, List, Mapping, Scalar, Tree, Unknown } from "./tree.ts";

/** What all aliases of a document may weigh together, written out: a character is 1, a value 4, a collection 12. */
export const MAX_EXPANSION = 4 * 1024 * 1024;

const VALUE_SIZE = 4;
const COLLECTION_SIZE = 12;

/**
 * Makes a tree of a parsed document: aliases and merges resolved, duplicate keys and the like found. Null where its
 * aliases expand too far. An aliased part is shared, not copied, so that a bomb is measured without going off.
 */
export function buildTree(document: Document.Parsed, findings: FindingList): Tree | null {
  try {
    return new TreeBuilder(findings).node(document.contents, [], 0, 0);
  } catch (error) {
    if (error instanceof Refused) return null;
    throw error;
  }
}

/** Leaves the recursion; its finding is reported. */
class Refused extends Error {}

class TreeBuilder {
  readonly #findings: FindingList;
  /** Null while the anchor's own value is being read. */
  readonly #anchors = new Map<string, Tree | null>();
  #expanded = 0;

  constructor(findings: FindingList) {
    this.#findings = findings;
  }

  /** `emptyOffset` is where a value is said to be that is not written, as after `outbound:`. */
  node(node: ParsedNode | null, path: Path, emptyOffset: number, depth: number): Tree {
    if (node === null) {
      return { kind: "scalar", offset: emptyOffset, value: null, written: "", quoted: false, ...leaf(0) };
    }
    if (isAlias(node)) return this.#alias(node.source, path, node.range[0], depth);
    const { anchor } = node;
    if (anchor !== undefined) this.#anchors.set(anchor, null);
    const tree = this.#value(node, path, emptyOffset, depth);
    if (anchor !== undefined) this.#anchors.set(anchor, tree);
    return tree;
  }

  #value(node: Exclude<ParsedNode, Alias.Parsed>, path: Path, emptyOffset: number, depth: number) {
    if (isMap(node)) return this.#mapping(node, path, depth);
    if (isSeq(node)) {
      const items = node.items.map((item, index) => {
        // A list of a parsed document holds nodes; pairs stand in maps of their own.
        return this.node(item as ParsedNode, [...path, index], node.range[0], depth + 1);
      });
      const list: List = { kind: "list", offset: node.range[0], items, ...branch(items) };
      return list;
    }
    return this.#scalar(node, path, emptyOffset);
  }

  #scalar(node: ScalarNode.Parsed, path: Path, emptyOffset: number): Scalar | Unknown {
    const written = node.source;
    const quoted = node.type !== "PLAIN";
    const offset = written === "" && !quoted ? emptyOffset : node.range[0];
    const value: unknown = node.value;
    const size = leaf(written.length);
    if (typeof value === "number") {
      if (!Number.isFinite(value)) {
        this.#findings.add(
          "E015",
          { path, offset },
          `The number ${shorten(written, 40)} cannot be carried by JSON`,
          "Use a finite number, or put it into quotes.",
        );
        return { kind: "unknown", offset, ...size };
      }
      if (/^[-+]?\d+$/.test(written) && BigInt(value) !== BigInt(written.replace(/^\+/, ""))) {
        this.#findings.add(
          "W505",
          { path, offset },
          `The number ${shorten(written, 40)} is too long to be kept exactly: it becomes ${value}`,
          "Put it into quotes, so that it stays text.",
        );
      }
      return { kind: "scalar", offset, value, written, quoted, ...size };
    }
    if (typeof value === "string" || typeof value === "boolean" || value === null) {
      return { kind: "scalar", offset, value, written, quoted, ...size };
    }
    return { kind: "unknown", offset, ...size };
  }

  #mapping(node: YAMLMap.Parsed, path: Path, depth: number): Mapping {
    const entries = new Map<string, Entry>();
    const keys = new Set<string>();
    const merges: Tree[] = [];
    for (const pair of node.items) {
      const keyOffset = pair.key.range[0];
      const key = this.#key(pair.key, path, depth);
      const merge = key === "<<" && isScalar(pair.key) && pair.key.type === "PLAIN";
      const repeated = key !== null && keys.has(key);
      if (key !== null) keys.add(key);
      const valuePath = key === null || merge ? path : [...path, key];
      // A value whose key is refused is read all the same: there may be anchors, and more findings, in it.
      const value = this.node(pair.value, valuePath, keyOffset, depth + 1);
      if (key === null) continue;
      if (repeated) {
        this.#findings.add(
          "E002",
          { path: valuePath, offset: keyOffset },
          `The key "${shorten(key, 100)}" is there twice in the same mapping`,
          merge ? "Merge several mappings with a list: `<<: [*first, *second]`." : "Rename or remove one of them.",
        );
      } else if (merge) merges.push(value);
      else entries.set(key, { keyOffset, value });
    }
    const incomplete = merges.map((merge) => this.#merge(merge, entries, path)).includes(false);
    const values = [...entries.values()].map((entry) => entry.value);
    let keySize = 0;
    for (const key of entries.keys()) keySize += key.length;
    const { size, height } = branch(values);
    return { kind: "mapping", offset: node.range[0], entries, incomplete, size: size + keySize, height };
  }

  /** Takes over what `entries` lacks; false where there was something amiss. */
  #merge(source: Tree, entries: Map<string, Entry>, path: Path): boolean {
    if (source.kind === "unknown") return false;
    if (source.kind === "list") return source.items.map((item) => this.#merge(item, entries, path)).every(Boolean);
    if (source.kind === "scalar") {
      this.#findings.add(
        "E014",
        { path, offset: source.offset },
        "Only a mapping can be merged with `<<`",
        "Give it an alias of a mapping (`<<: *name`), or a list of such.",
      );
      return false;
    }
    for (const [key, entry] of source.entries) if (!entries.has(key)) entries.set(key, entry);
    return !source.incomplete;
  }

  /** The text of a key; null where it was refused. */
  #key(node: ParsedNode, path: Path, depth: number): string | null {
    const tree = this.node(node, path, node.range[0], depth + 1);
    if (tree.kind === "unknown") return null;
    const place = { path, offset: tree.offset };
    if (tree.kind !== "scalar" || typeof tree.value !== "string") {
      const found =
        tree.kind === "scalar" ? (tree.written === "" ? "nothing" : shorten(tree.written, 40)) : `a ${tree.kind}`;
      this.#findings.add(
        "E010",
        place,
        `A key must be text, not ${found}`,
        tree.kind === "scalar" && tree.written !== "" ? `Put it into quotes: "${shorten(tree.written, 40)}".` : null,
      );
      return null;
    }
    if (tree.value === "__proto__") {
      this.#findings.add("E016", place, 'The key "__proto__" is not allowed', "Use another name.");
      return null;
    }
    return tree.value;
  }

  #alias(name: string, path: Path, offset: number, depth: number): Tree {
    const target = this.#anchors.get(name);
    const shown = shorten(name, 100);
    if (target === undefined) {
      const message = `The alias "*${shown}" has no anchor "&${shown}" before it`;
      const isName = /^[\w.-]+$/.test(name);
      const suggestion = isName
        ? `Define it first, with "&${shown}" before a value; or put the text into quotes, if no alias is meant.`
        : `If no alias is meant, put the text into quotes: "*${shown}".`;
      this.#findings.add("E012", { path, offset }, message, suggestion);
      return { kind: "unknown", offset, ...leaf(0) };
    }
    if (target === null) {
      const message = `The alias "*${shown}" stands within its own anchor, and would never end`;
      this.#findings.add("E013", { path, offset }, message, "Write the value out.");
      return { kind: "unknown", offset, ...leaf(0) };
    }
    this.#expanded += target.size;
    if (this.#expanded > MAX_EXPANSION) {
      this.#findings.add(
        "E005",
        { path, offset },
        `The document's aliases expand to more than ${MAX_EXPANSION} characters`,
        "Use fewer aliases of aliases.",
      );
      throw new Refused();
    }
    if (depth + target.height > MAX_DEPTH) {
      addTooDeep(this.#findings, offset);
      throw new Refused();
    }
    return { ...target, offset };
  }
}

function leaf(length: number): { size: number; height: number } {
  return { size: VALUE_SIZE + length, height: 0 };
}

function branch(values: readonly Tree[]): { size: number; height: number } {
  let size = COLLECTION_SIZE;
  let height = 0;
  for (const value of values) {
    size += value.size;
    height = Math.max(height, value.height);
  }
  return { size, height: height + 1 };
}
