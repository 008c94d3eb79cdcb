import type { JsonObject, JsonValue } from "@millrace/client";

/** A payload as it was typed: what it is, or what is wrong with it. */
export type TypedPayload =
  | { readonly payload: JsonObject }
  | { readonly problem: string; readonly line: number | null };

/** Reads a typed payload; nothing at all is an empty one. */
export function readPayload(text: string): TypedPayload {
  if (text.trim() === "") return { payload: {} };
  let value: JsonValue;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const line = lineOf(message, text);
    // What browsers add about the place is not the same in each, and shows the text again.
    const what = message.replace(/^JSON\.parse: /, "").replace(/(?: in JSON)?(?: at (?:position|line) [\s\S]*)$/, "");
    return { problem: `This is not JSON: ${what}${/[.!?]$/.test(what) ? "" : "."}`, line };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return { problem: "A payload is an object: { … }.", line: 1 };
  return { payload: value };
}

/** The fields of a payload that are not as the config has them: what a run is sent. */
export function changedFields(payload: JsonObject, before: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(payload).filter(([name, value]) => JSON.stringify(before[name]) !== JSON.stringify(value)),
  );
}

/** The fields that the config has and a typed payload has not. They cannot be taken away from a run. */
export function removedFields(payload: JsonObject, before: JsonObject): string[] {
  return Object.keys(before).filter((name) => !Object.hasOwn(payload, name));
}

function lineOf(message: string, text: string): number | null {
  const line = /line (\d+)/.exec(message)?.[1];
  if (line !== undefined) return Number(line);
  const position = /position (\d+)/.exec(message)?.[1];
  if (position !== undefined) return text.slice(0, Number(position)).split("\n").length;
  return /end of|Unterminated/i.test(message) ? text.trimEnd().split("\n").length : null;
}
