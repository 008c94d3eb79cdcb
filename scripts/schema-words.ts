import type { JsonObject, JsonValue } from "@millrace/protocol";

/** How a page names a schema that is defined elsewhere: a link, or its name. */
export type Refer = (reference: string) => string;

/** One field of an object, as a table shows it. */
export interface Field {
  readonly name: string;
  readonly schema: JsonObject;
  readonly required: boolean;
}

/** The fields of an object's schema, those of objects within it after them, as `outer.inner`. */
export function fieldsOf(schema: JsonObject, prefix = ""): Field[] {
  const required = Array.isArray(schema.required) ? schema.required : [];
  return Object.entries(objectOf(schema.properties)).flatMap(([name, value]) => {
    const field = objectOf(value);
    const path = `${prefix}${name}`;
    return [{ name: path, schema: field, required: required.includes(name) }, ...fieldsWithin(field, path)];
  });
}

/** What a schema takes, in words, with its limits; Markdown. */
export function wordsOf(schema: JsonObject, refer: Refer): string {
  if (typeof schema.$ref === "string") return refer(schema.$ref);
  if (schema.const !== undefined) return code(schema.const);
  if (Array.isArray(schema.enum)) return schema.enum.map(code).join(", ");
  const choices = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(choices)) return choices.map((choice) => wordsOf(objectOf(choice), refer)).join(" or ");
  if (Array.isArray(schema.type)) {
    return schema.type.map((type) => wordsOf({ ...schema, type }, refer)).join(" or ");
  }
  return `${kindOf(schema, refer)}${limitsOf(schema)}`;
}

/** What a schema says of itself, or where it is one of several, what the first of them does; for a cell of a table. */
export function descriptionOf(schema: JsonObject): string {
  const choices = schema.anyOf ?? schema.oneOf;
  const said = schema.description ?? (Array.isArray(choices) ? objectOf(choices[0]).description : undefined);
  return typeof said === "string" ? cell(said) : "";
}

/** A text for a cell of a table. */
export function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll(/\s*\n\s*/g, " ");
}

/** A value as code. */
export function code(value: JsonValue): string {
  return `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
}

/** An object of a schema; anything else is one without fields. */
export function objectOf(value: JsonValue | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

function fieldsWithin(schema: JsonObject, path: string): Field[] {
  if (schema.properties !== undefined) return fieldsOf(schema, `${path}.`);
  if (schema.type === "array") return fieldsOf(objectOf(schema.items), `${path}[].`);
  const choices = Array.isArray(schema.anyOf) ? schema.anyOf : [];
  return choices.flatMap((choice) => fieldsWithin(objectOf(choice), path));
}

function kindOf(schema: JsonObject, refer: Refer): string {
  switch (schema.type) {
    case "string":
      return schema.format === "date-time" ? "time" : schema.format === "uuid" ? "UUID" : "text";
    case "integer":
      return "whole number";
    case "number":
      return "number";
    case "boolean":
      return "`true` or `false`";
    case "null":
      return "`null`";
    case "array": {
      const items = objectOf(schema.items);
      return items.properties === undefined ? `list of ${wordsOf(items, refer)}` : "list of mappings";
    }
    case "object": {
      const values = objectOf(schema.additionalProperties);
      const plain = schema.properties !== undefined || Object.keys(values).length === 0 || values.$ref !== undefined;
      return plain || values.properties !== undefined ? "mapping" : `mapping to ${wordsOf(values, refer)}`;
    }
    default:
      return "any JSON";
  }
}

function limitsOf(schema: JsonObject): string {
  const { minimum, exclusiveMinimum, minLength, maxLength, minItems, maxItems, pattern } = schema;
  // What a number can hold anyway is no limit.
  const maximum = schema.maximum === Number.MAX_SAFE_INTEGER ? undefined : schema.maximum;
  const said: string[] = [];
  if (typeof exclusiveMinimum === "number") said.push(`more than ${number(exclusiveMinimum)}`);
  if (typeof minimum === "number" && typeof maximum === "number") said.push(`${number(minimum)} to ${number(maximum)}`);
  else if (typeof minimum === "number") said.push(`${number(minimum)} or more`);
  else if (typeof maximum === "number") said.push(`up to ${number(maximum)}`);
  said.push(...range(minLength, maxLength, "characters"), ...range(minItems, maxItems, "entries"));
  // A format says it in a word.
  if (typeof pattern === "string" && schema.format === undefined) said.push(`matching \`${pattern}\``);
  return said.length === 0 ? "" : ` (${said.join(", ")})`;
}

function range(least: JsonValue | undefined, most: JsonValue | undefined, what: string): string[] {
  if (typeof most === "number")
    return [`${typeof least === "number" ? `${least} to ` : "up to "}${number(most)} ${what}`];
  return typeof least === "number" && least > 0 ? [`at least ${least} ${least === 1 ? one(what) : what}`] : [];
}

const one = (what: string) => (what === "entries" ? "entry" : what.replace(/s$/, ""));

const number = (value: number) => value.toLocaleString("en-US");
