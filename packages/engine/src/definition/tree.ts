import type { JsonValue } from "@millrace/protocol";
import type { Path } from "./path.ts";

/** A YAML document with aliases and merges resolved, every part with its place in the text. */
export type Tree = Scalar | List | Mapping | Unknown;

interface Part {
  /** Where it begins in the text, from 0; an alias where it is used, an empty value where its key is. */
  readonly offset: number;
  /** What it weighs when all aliases are written out; bounds what a document may expand to. */
  readonly size: number;
  /** Collections within each other, itself included. */
  readonly height: number;
}

/** One value. */
export interface Scalar extends Part {
  readonly kind: "scalar";
  readonly value: string | number | boolean | null;
  /** As it stands in the text, quotes removed. */
  readonly written: string;
  readonly quoted: boolean;
}

/** A sequence. */
export interface List extends Part {
  readonly kind: "list";
  readonly items: readonly Tree[];
}

/** A mapping; keys are unique and text. */
export interface Mapping extends Part {
  readonly kind: "mapping";
  readonly entries: ReadonlyMap<string, Entry>;
  /** Something that it was to take over by a merge was not to be had, so nothing can be said of what it lacks. */
  readonly incomplete: boolean;
}

/** One key of a mapping with its value. */
export interface Entry {
  readonly keyOffset: number;
  readonly value: Tree;
}

/** A value about which a finding was reported already; nothing more is said of it. */
export interface Unknown extends Part {
  readonly kind: "unknown";
}

/** What is at the end of a path. */
export interface Located {
  /** Undefined where the document has nothing there. */
  readonly node: Tree | undefined;
  /** The nearest part that is there: the one asked for, or the one that lacks it. */
  readonly nearest: Tree;
  /** Of the last key on the path that is there; of the value itself in a list. */
  readonly keyOffset: number;
  /** Whether a finding was reported on something on the way. */
  readonly reported: boolean;
}

/** Follows a path from `root`. */
export function locate(root: Tree, path: Path): Located {
  let node = root;
  let keyOffset = root.offset;
  for (const part of path) {
    const next = child(node, part);
    if (next === undefined) {
      const reported = node.kind === "unknown" || (node.kind === "mapping" && node.incomplete);
      return { node: undefined, nearest: node, keyOffset, reported };
    }
    node = next.value;
    keyOffset = next.keyOffset;
  }
  return { node, nearest: node, keyOffset, reported: node.kind === "unknown" };
}

/** The value of a mapping's key; undefined where it has none, or where `node` is no mapping. */
export function valueAt(node: Tree | undefined, key: string): Tree | undefined {
  return node?.kind === "mapping" ? node.entries.get(key)?.value : undefined;
}

/** The text of a scalar; undefined where it is none. */
export function textOf(node: Tree | undefined): string | undefined {
  return node?.kind === "scalar" && typeof node.value === "string" ? node.value : undefined;
}

/** Whether it is there with nothing in it, as after `outbound:`. */
export function isEmpty(node: Tree | undefined): boolean {
  return node?.kind === "scalar" && node.value === null;
}

/** The tree as plain JSON, each part of its own; what was reported already is null. */
export function toJson(node: Tree): JsonValue {
  switch (node.kind) {
    case "scalar":
      return node.value;
    case "unknown":
      return null;
    case "list":
      return node.items.map(toJson);
    case "mapping":
      return Object.fromEntries([...node.entries].map(([key, entry]) => [key, toJson(entry.value)]));
  }
}

function child(node: Tree, part: string | number): Entry | undefined {
  if (node.kind === "mapping" && typeof part === "string") return node.entries.get(part);
  if (node.kind !== "list" || typeof part !== "number") return undefined;
  const item = node.items[part];
  return item === undefined ? undefined : { keyOffset: item.offset, value: item };
}
