import type { JsonObject, JsonValue } from "@millrace/client";
import { asObject } from "./json-schema.ts";

/** Larger than this is a number's own limit, and none that somebody set. */
const NO_LIMIT = Number.MAX_SAFE_INTEGER;

/** What values a schema takes, in words: `whole number, 1 to 100`, `text or list of text`. */
export function describeType(schema: JsonObject): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (Array.isArray(schema.enum))
    return schema.enum.map((value) => (typeof value === "string" ? value : JSON.stringify(value))).join(", ");
  const choices = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(choices)) {
    const words = choices
      .map(asObject)
      .filter((choice) => !isPlaceholder(choice))
      .map(describeType);
    return [...new Set(words)].join(" or ");
  }
  switch (schema.type) {
    case "array":
      return `list of ${describeType(asObject(schema.items))}${range(schema.minItems, schema.maxItems, " long")}`;
    case "integer":
      return `whole number${range(schema.minimum ?? above(schema), schema.maximum ?? below(schema))}`;
    case "number":
      return `number${range(schema.minimum ?? above(schema), schema.maximum ?? below(schema))}`;
    case "boolean":
      return "true or false";
    case "string":
      return describeText(schema);
    case "object":
      return "mapping";
    case "null":
      return "null";
    default:
      return "anything";
  }
}

/** A number or truth value may come from the environment: true of all, so it is not said of each. */
function isPlaceholder({ pattern }: JsonObject): boolean {
  return typeof pattern === "string" && pattern.startsWith("^\\$\\{(env|secret)");
}

function describeText(schema: JsonObject): string {
  switch (schema.format) {
    case "jsonata":
      return "expression (JSONata)";
    case "template":
      return "text with ${…}";
    case "route":
      return "route's name";
  }
  const pattern = typeof schema.pattern === "string" ? ` like ${schema.pattern}` : "";
  const least = schema.minLength === 1 ? undefined : schema.minLength;
  return `text${pattern}${range(least, schema.maxLength, " characters")}`;
}

function above({ exclusiveMinimum: bound }: JsonObject): JsonValue | undefined {
  return typeof bound === "number" ? `more than ${bound}` : undefined;
}

function below({ exclusiveMaximum: bound }: JsonObject): JsonValue | undefined {
  return typeof bound === "number" ? `less than ${bound}` : undefined;
}

function range(least: JsonValue | undefined, most: JsonValue | undefined, unit = ""): string {
  const from = say(least);
  const to = say(most);
  if (from === null && to === null) return "";
  if (to === null) return `, ${isWord(least) ? from : `${from} or more`}${unit}`;
  if (from === null) return `, ${isWord(most) ? to : `at most ${to}`}${unit}`;
  return `, ${from}${isWord(least) ? ", at most " : " to "}${to}${unit}`;
}

function isWord(bound: JsonValue | undefined): boolean {
  return typeof bound === "string";
}

function say(bound: JsonValue | undefined): string | null {
  if (typeof bound === "string") return bound;
  if (typeof bound !== "number" || Math.abs(bound) >= NO_LIMIT) return null;
  return bound.toLocaleString("en");
}
