import type { JsonObject } from "@millrace/client";

/** What somebody has typed: an object, or why it is none. */
export type ReadJson =
  | { readonly value: JsonObject; readonly error: null }
  | { readonly value: null; readonly error: string }
  /** Nothing was typed where that is allowed. */
  | { readonly value: null; readonly error: null };

/** Reads a JSON object that somebody types, and says with its line what is wrong. */
export function readJsonObject(text: string, { empty = false } = {}): ReadJson {
  if (text.trim() === "") return { value: null, error: empty ? null : "A JSON object is wanted, {} at least." };
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || Array.isArray(value))
      return { value: null, error: "It must be a JSON object, in braces." };
    // Whatever JSON.parse returns that is an object and no array is one.
    return { value: value as JsonObject, error: null };
  } catch (error) {
    return { value: null, error: `No JSON: ${error instanceof Error ? locate(error.message, text) : error}` };
  }
}

/** Browsers tell of positions each in their own way; lines are what people count. */
function locate(message: string, text: string): string {
  const position = /position (\d+)/.exec(message)?.[1];
  if (position === undefined || message.includes("line")) return message;
  const line = text.slice(0, Number(position)).split("\n").length;
  return `${message.replace(/ in JSON at position \d+.*/, "")}, line ${line}.`;
}

/** Reads an array of JSON objects that somebody types. */
export function readJsonObjects(
  text: string,
): { readonly value: JsonObject[]; readonly error: null } | { readonly value: null; readonly error: string } {
  const wanted = "It must be an array of JSON objects, one at least.";
  try {
    const value: unknown = JSON.parse(text);
    const fits =
      Array.isArray(value) &&
      value.length > 0 &&
      value.every((each) => typeof each === "object" && each !== null && !Array.isArray(each));
    return fits ? { value, error: null } : { value: null, error: wanted };
  } catch (error) {
    return { value: null, error: `No JSON: ${error instanceof Error ? locate(error.message, text) : error}` };
  }
}
