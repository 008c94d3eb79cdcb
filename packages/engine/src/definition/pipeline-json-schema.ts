import { type JsonObject, type JsonValue, pipelineDocumentSchema } from "@millrace/protocol";
import { z } from "zod";
import type { AnyAdapter } from "../adapter.ts";

/** A text that stands for a value of another type: one placeholder and nothing else. */
const PLACEHOLDER: z.core.JSONSchema.BaseSchema = {
  type: "string",
  pattern: "^\\$\\{(env|secret):[A-Za-z_][A-Za-z0-9_]*\\}$",
};

/**
 * A JSON Schema (2020-12) of the YAML for editors, made of the same schemas that validate: the document's, and each
 * adapter's config, chosen by its `type`. What a schema cannot say (links between routes, expressions) it leaves out.
 */
export function pipelineJsonSchema(adapters: readonly AnyAdapter[]): JsonObject {
  const document = toJson(z.toJSONSchema(pipelineDocumentSchema, { io: "input" }));
  const routes = objectAt(document, "properties", "routes");
  const step = objectAt(routes, "additionalProperties", "properties", "adapters", "items");
  const definitions: JsonObject = {};
  const choices: JsonValue[] = [];
  for (const adapter of adapters) {
    const reference = `#/$defs/${adapter.type}`;
    const config = configOf(adapter, reference);
    definitions[adapter.type] = config;
    const required = Array.isArray(config.required) && config.required.length > 0;
    choices.push({
      if: { properties: { type: { const: adapter.type } }, required: ["type"] },
      // biome-ignore lint/suspicious/noThenProperty: it is JSON Schema's own keyword.
      then: {
        properties: { config: required ? { $ref: reference } : { anyOf: [{ $ref: reference }, { type: "null" }] } },
        ...(required ? { required: ["config"] } : {}),
      },
    });
  }

  const types = adapters.map((adapter) => ({ const: adapter.type, description: adapter.description }));
  const file = { type: "string", pattern: "\\.[cm]?[jt]s$", description: "The path of a file with an adapter" };
  objectAt(step, "properties").type = { ...objectAt(step, "properties", "type"), anyOf: [...types, file] };
  if (choices.length > 0) step.allOf = choices;
  routes.minProperties = 1;
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Millrace pipeline",
    ...document,
    patternProperties: { "^x-": { description: "Your own: a place for anchors" } },
    $defs: { ...objectAt(document, "$defs"), ...definitions },
  };
}

function configOf(adapter: AnyAdapter, reference: string): JsonObject {
  let schema: JsonObject;
  try {
    schema = toJson(
      z.toJSONSchema(adapter.config, {
        io: "input",
        unrepresentable: "any",
        override: ({ jsonSchema }) => allowPlaceholder(jsonSchema),
      }),
    );
  } catch {
    // A user-written adapter whose config has no JSON Schema: anything goes, here; its own schema still validates.
    return { type: "object" };
  }
  delete schema.$schema;
  moveReferences(schema, reference);
  return { description: adapter.description, ...schema };
}

/** Numbers and truth values may come from the environment, as a placeholder. */
function allowPlaceholder(schema: z.core.JSONSchema.BaseSchema): void {
  const { type } = schema;
  if ((type !== "number" && type !== "integer" && type !== "boolean") || schema.const !== undefined) return;
  const { description, default: standard, ...own } = schema;
  for (const key of Object.keys(own)) delete schema[key];
  schema.anyOf = [own, PLACEHOLDER];
  if (description !== undefined) schema.description = description;
  if (standard !== undefined) schema.default = standard;
}

/** References within a schema that has moved below another one's `$defs`. */
function moveReferences(value: JsonValue, to: string): void {
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    for (const item of value) moveReferences(item, to);
    return;
  }
  if (typeof value.$ref === "string" && value.$ref.startsWith("#")) value.$ref = `${to}${value.$ref.slice(1)}`;
  for (const inner of Object.values(value)) moveReferences(inner, to);
}

/** A copy through JSON: the library's object has accessors and a Standard Schema hook. */
function toJson(schema: unknown): JsonObject {
  return JSON.parse(JSON.stringify(schema));
}

/** The object at the end of a path; an empty one where there is none. */
function objectAt(schema: JsonObject, ...path: string[]): JsonObject {
  let at: JsonObject = schema;
  for (const part of path) {
    const next = at[part];
    if (typeof next !== "object" || next === null || Array.isArray(next)) return {};
    at = next;
  }
  return at;
}
