import type { JsonObject, JsonValue } from "@millrace/protocol";

/** A value as a payload: an object as it is, anything else as `{value}`. */
export function toPayload(value: JsonValue): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : { value };
}
