import type { JsonObject } from "@millrace/client";
import { isObject, parseTyped } from "../format/json.ts";

/** A payload as it was typed: what it is, or what is wrong with it. */
export type TypedPayload =
  | { readonly payload: JsonObject }
  | { readonly problem: string; readonly line: number | null };

/** Reads a typed payload; nothing at all is an empty one. */
export function readPayload(text: string): TypedPayload {
  if (text.trim() === "") return { payload: {} };
  const typed = parseTyped(text);
  if ("problem" in typed) return typed;
  return isObject(typed.value) ? { payload: typed.value } : { problem: "A payload is an object: { … }.", line: 1 };
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
