import { shorten } from "./path.ts";
import type { Tree } from "./tree.ts";

const SHOWN = 40;

const EXPECTED: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  bigint: "a whole number",
  boolean: "true or false",
  array: "a list",
  tuple: "a list",
  object: "a mapping",
  record: "a mapping",
  map: "a mapping",
  null: "nothing",
  undefined: "nothing",
};

/** A type of Zod's in plain words. */
export function expectedWords(expected: string): string {
  return EXPECTED[expected] ?? expected;
}

/** A value as a message shows it: as it stands in the document, never what a placeholder stood for. */
export function valueWords(node: Tree): string {
  switch (node.kind) {
    case "mapping":
      return "a mapping";
    case "list":
      return "a list";
    case "unknown":
      return "something else";
    case "scalar":
      if (node.value === null) return "nothing";
      if (typeof node.value === "string") return `text ${JSON.stringify(shorten(node.value, SHOWN))}`;
      return typeof node.value === "number" ? `the number ${shorten(node.written, SHOWN)}` : String(node.value);
  }
}

/** What to write instead of a value of the wrong type; null where that is not plain from the message. */
export function retypeHint(expected: string, node: Tree): string | null {
  if (node.kind === "scalar" && node.value === null) return "Give it a value, or remove the field.";
  if (expected === "string" && node.kind === "scalar") return `Put it into quotes: "${shorten(node.written, SHOWN)}".`;
  if (expected === "array" && node.kind === "scalar") return `Write it as a list: [${shorten(node.written, SHOWN)}].`;
  if (expected === "array" && node.kind === "mapping") return 'Begin each item with "- ".';
  const isText = node.kind === "scalar" && typeof node.value === "string";
  if (expected === "boolean" && isText) {
    if (/^(true|false)$/i.test(node.written)) return `Remove the quotes: ${node.written.toLowerCase()}.`;
    if (/^(yes|on|y)$/i.test(node.written)) return "Write true.";
    if (/^(no|off|n)$/i.test(node.written)) return "Write false.";
  }
  if ((expected === "number" || expected === "int") && isText) {
    if (/^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(node.written)) return `Remove the quotes: ${node.written}.`;
    const duration = /^(\d+(?:\.\d+)?) ?(?:s|sec|secs|seconds?)$/.exec(node.written)?.[1];
    if (duration !== undefined) return `Leave the unit out: ${duration}.`;
  }
  return `Write ${expectedWords(expected)}.`;
}
