import type { JsonObject, JsonValue } from "@millrace/client";

/** What somebody has typed: JSON, or what is wrong with it, and in which line where that is known. */
export type TypedJson = { readonly value: JsonValue } | { readonly problem: string; readonly line: number | null };

/** What somebody has typed: an object, or why it is none. */
export type ReadJson =
  | { readonly value: JsonObject; readonly error: null }
  | { readonly value: null; readonly error: string }
  /** Nothing was typed where that is allowed. */
  | { readonly value: null; readonly error: null };

/** Reads JSON that somebody types. */
export function parseTyped(text: string): TypedJson {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // What browsers add about the place is not the same in each, and shows the text again.
    const what = message.replace(/^JSON\.parse: /, "").replace(/(?: in JSON)?(?: at (?:position|line) [\s\S]*)$/, "");
    return { problem: `This is not JSON: ${what}${/[.!?]$/.test(what) ? "" : "."}`, line: lineOf(message, text) };
  }
}

/** A problem with its line, for people. */
export function sayProblem({ problem, line }: { readonly problem: string; readonly line: number | null }): string {
  return line === null ? problem : `Line ${line}: ${problem}`;
}

/** Reads a JSON object that somebody types, and says with its line what is wrong. */
export function readJsonObject(text: string, { empty = false } = {}): ReadJson {
  if (text.trim() === "") return { value: null, error: empty ? null : "A JSON object is wanted, {} at least." };
  const typed = parseTyped(text);
  if ("problem" in typed) return { value: null, error: sayProblem(typed) };
  return isObject(typed.value)
    ? { value: typed.value, error: null }
    : { value: null, error: "It must be a JSON object, in braces." };
}

/** Reads an array of JSON objects that somebody types. */
export function readJsonObjects(
  text: string,
): { readonly value: JsonObject[]; readonly error: null } | { readonly value: null; readonly error: string } {
  const typed = parseTyped(text);
  if ("problem" in typed) return { value: null, error: sayProblem(typed) };
  return Array.isArray(typed.value) && typed.value.length > 0 && typed.value.every(isObject)
    ? { value: typed.value, error: null }
    : { value: null, error: "It must be an array of JSON objects, one at least." };
}

/** Whether JSON is an object. */
export function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function lineOf(message: string, text: string): number | null {
  const line = /line (\d+)/.exec(message)?.[1];
  if (line !== undefined) return Number(line);
  const position = /position (\d+)/.exec(message)?.[1];
  if (position !== undefined) return text.slice(0, Number(position)).split("\n").length;
  return /end of|Unterminated/i.test(message) ? text.trimEnd().split("\n").length : null;
}
