import type { JsonObject, JsonValue } from "@millrace/client";
import { stringify } from "yaml";
import { describeType } from "../schema/describe-type.ts";
import { asObject, type Field, fieldsOf, firstOf, type Path, schemasAt, textOf } from "../schema/json-schema.ts";
import { type Place, placeAt } from "./place.ts";

/** Something that may stand at the cursor. */
export interface Suggestion {
  readonly label: string;
  readonly kind: "key" | "value" | "route" | "adapter";
  /** What is put in place of the word; the cursor goes to its end. */
  readonly insert: string;
  /** A few words beside the label. */
  readonly detail: string;
  /** What it means; null where nothing is known. */
  readonly description: string | null;
  /** What it takes, as pairs of words: `type`, `default`. */
  readonly facts: readonly (readonly [name: string, text: string])[];
  /** Whether more is likely to be suggested where the cursor then stands. */
  readonly leadsOn: boolean;
}

/** What is suggested for a part of a text. */
export interface Suggestions {
  readonly from: number;
  readonly to: number;
  readonly suggestions: readonly Suggestion[];
}

/** What may stand at a position of a pipeline that is being written; null where nothing is known. */
export function suggestionsAt(text: string, position: number, schema: JsonObject): Suggestions | null {
  const place = placeAt(text, position);
  if (place === null) return null;
  const suggestions = place.kind === "value" ? valuesAt(schema, place, place.path) : keysAt(schema, place, text);
  return suggestions.length === 0 ? null : { from: place.from, to: place.to, suggestions };
}

/** What a schema says of a field, as pairs of words. */
export function factsOf(schemas: readonly JsonObject[], isRequired: boolean): [string, string][] {
  const standard = firstOf(schemas, "default");
  return [
    ["takes", describeType(mainOf(schemas))],
    ...(isRequired ? ([["required", "yes"]] as [string, string][]) : []),
    ...(standard === undefined ? [] : ([["default", JSON.stringify(standard)]] as [string, string][])),
  ];
}

/** The schema that says what is taken: the first that has a type, alternatives or a choice. */
function mainOf(schemas: readonly JsonObject[]): JsonObject {
  const says = (schema: JsonObject) =>
    ["type", "anyOf", "oneOf", "enum", "const"].some((keyword) => schema[keyword] !== undefined);
  return schemas.find(says) ?? {};
}

function keysAt(schema: JsonObject, place: Place, text: string): Suggestion[] {
  const { path, document } = place;
  const schemas = schemasAt(schema, path, document);
  const fields = fieldsOf(schema, schemas);
  if (path.length === 1 && path[0] === "routes") return missingRouteKeys(document, place);
  // A list of plain values: its item is no mapping.
  if (fields.length === 0) return place.hasColon ? [] : valuesAt(schema, place, path);
  const present = new Set(Object.keys(asObject(valueAt(document, path))));
  return fields.filter(({ name }) => !present.has(name)).map((field) => toKey(schema, field, place, text));
}

function toKey(root: JsonObject, field: Field, place: Place, text: string): Suggestion {
  const { name, schemas, isRequired } = field;
  const shape = shapeOf(root, schemas);
  const inner = place.isFlow || place.hasColon ? "" : opening(shape, " ".repeat(place.column), indentOf(text));
  return {
    label: name,
    kind: "key",
    insert: place.hasColon ? name : `${name}:${inner === "" ? " " : inner}`,
    detail: isRequired ? "required" : "",
    description: textOf(schemas, "description"),
    facts: factsOf(schemas, isRequired),
    leadsOn: !place.hasColon && (shape.kind !== "plain" || choices(schemas).length > 0 || isRoute(schemas)),
  };
}

type Shape =
  | { readonly kind: "mapping" }
  | { readonly kind: "list"; readonly item: string }
  | { readonly kind: "plain" };

/** How a field's value begins where it stands on lines of its own. */
function shapeOf(root: JsonObject, schemas: readonly JsonObject[]): Shape {
  const types = new Set(schemas.map(({ type }) => type));
  if (types.has("string")) return { kind: "plain" };
  if (types.has("array")) {
    const list = schemas.find(({ type }) => type === "array") ?? {};
    const items = fieldsOf(root, [asObject(list.items)]);
    const required = items.filter(({ isRequired }) => isRequired);
    return items.length === 0
      ? { kind: "plain" }
      : { kind: "list", item: required[0] === undefined ? "" : `${required[0].name}: ` };
  }
  return types.has("object") ? { kind: "mapping" } : { kind: "plain" };
}

function opening(shape: Shape, indent: string, step: string): string {
  switch (shape.kind) {
    case "mapping":
      return `\n${indent}${step}`;
    case "list":
      return `\n${indent}${step}- ${shape.item}`;
    case "plain":
      return "";
  }
}

/** The indentation that the text uses. */
function indentOf(text: string): string {
  return /\n( +)\S/.exec(text)?.[1]?.slice(0, 8) ?? "  ";
}

/** Routes that are sent to, and are not there yet. */
function missingRouteKeys(document: JsonValue, place: Place): Suggestion[] {
  const routes = asObject(asObject(document).routes);
  const named = Object.values(routes).flatMap((route) => {
    const { outbound } = asObject(route);
    return Array.isArray(outbound) ? outbound : [];
  });
  const first = asObject(asObject(document).init_message).route;
  const missing = [...new Set([...named, first])].filter(
    (name): name is string => typeof name === "string" && name !== "" && !Object.hasOwn(routes, name),
  );
  return missing.map((name) => ({
    label: name,
    kind: "route",
    insert: place.hasColon ? name : place.isFlow ? `${name}: ` : `${name}:\n${" ".repeat(place.column + 2)}`,
    detail: "sent to, and not there",
    description: null,
    facts: [],
    leadsOn: !place.hasColon,
  }));
}

function valuesAt(root: JsonObject, place: Place, path: Path): Suggestion[] {
  const schemas = schemasAt(root, path, place.document);
  if (isRoute(schemas)) return routeNames(place, path, (name) => name);
  const items = schemas.filter(({ type }) => type === "array").map((list) => asObject(list.items));
  if (isRoute(items)) return routeNames(place, path, (name) => `[${name}]`);
  return choices(schemas).map(({ value, description }) => ({
    label: plainText(value),
    kind: path.at(-1) === "type" && path.at(-3) === "adapters" ? "adapter" : "value",
    insert: plainText(value),
    detail: firstOf(schemas, "default") === value ? "default" : "",
    description: description ?? textOf(schemas, "description"),
    facts: [],
    leadsOn: false,
  }));
}

function isRoute(schemas: readonly JsonObject[]): boolean {
  return schemas.some(({ format }) => format === "route");
}

function routeNames(place: Place, path: Path, write: (name: string) => string): Suggestion[] {
  const routes = asObject(asObject(place.document).routes);
  const list = valueAt(place.document, path.slice(0, -1));
  const taken = new Set(Array.isArray(list) ? list : []);
  return Object.entries(routes)
    .filter(([name]) => !taken.has(name))
    .map(([name, route]) => {
      const { name: label, description } = asObject(route);
      return {
        label: name,
        kind: "route",
        insert: write(name),
        detail: typeof label === "string" ? label : "",
        description: typeof description === "string" ? description : null,
        facts: [],
        leadsOn: false,
      };
    });
}

/** The values that a schema names. */
function choices(schemas: readonly JsonObject[]): { value: JsonValue; description: string | null }[] {
  const found = new Map<JsonValue, string | null>();
  for (const schema of schemas) {
    const description = typeof schema.description === "string" ? schema.description : null;
    if (schema.const !== undefined) found.set(schema.const, description);
    else if (Array.isArray(schema.enum)) for (const value of schema.enum) found.set(value, null);
    else if (schema.type === "boolean") for (const value of [true, false]) found.set(value, null);
  }
  return [...found].map(([value, description]) => ({ value, description }));
}

/** A value as YAML writes it: a text that would be a number is quoted. */
function plainText(value: JsonValue): string {
  return stringify(value).trimEnd();
}

function valueAt(document: JsonValue, path: Path): JsonValue | undefined {
  let at: JsonValue | undefined = document;
  for (const part of path) {
    if (Array.isArray(at)) at = typeof part === "number" ? at[part] : undefined;
    else at = asObject(at)[part];
  }
  return at;
}
