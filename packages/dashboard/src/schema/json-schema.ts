import type { JsonObject, JsonValue } from "@millrace/client";

/** Where a value stands: names of fields, and indices of lists. */
export type Path = readonly (string | number)[];

/** Deeper than any schema in use; one that refers to itself would never end. */
const DEEPEST = 16;

/**
 * The parts of a JSON Schema that hold for the value at a path: references followed, alternatives side by side, and of
 * conditions (`if`) those that the value there fulfils. Empty where the schema says nothing of the path.
 */
export function schemasAt(root: JsonObject, path: Path, value: JsonValue | undefined): JsonObject[] {
  let schemas = applying(root, root, value);
  let at = value;
  for (const part of path) {
    at = partOf(at, part);
    const inner = at;
    schemas = schemas.flatMap((schema) => childrenOf(schema, part)).flatMap((child) => applying(root, child, inner));
  }
  return schemas;
}

/** A field that an object may have. */
export interface Field {
  readonly name: string;
  /** What the schema says of it, in all that hold. */
  readonly schemas: readonly JsonObject[];
  readonly isRequired: boolean;
}

/** The fields that the object may have for which all of these schemas hold, the required ones first. */
export function fieldsOf(root: JsonObject, schemas: readonly JsonObject[]): Field[] {
  const required = new Set(schemas.flatMap(({ required: names }) => (Array.isArray(names) ? names : [])));
  const found = new Map<string, JsonObject[]>();
  for (const schema of schemas) {
    for (const [name, child] of Object.entries(asObject(schema.properties)))
      found.set(name, [...(found.get(name) ?? []), ...applying(root, asObject(child), undefined)]);
  }
  return [...found]
    .map(([name, of]) => ({ name, schemas: of, isRequired: required.has(name) }))
    .sort((a, b) => Number(b.isRequired) - Number(a.isRequired));
}

/** The first of the schemas that says something under a keyword. */
export function firstOf(schemas: readonly JsonObject[], keyword: string): JsonValue | undefined {
  return schemas.find((schema) => schema[keyword] !== undefined)?.[keyword];
}

/** @see firstOf; null where none has a text there. */
export function textOf(schemas: readonly JsonObject[], keyword: string): string | null {
  for (const schema of schemas) {
    const text = schema[keyword];
    if (typeof text === "string") return text;
  }
  return null;
}

/** A JSON object; an empty one for what is none. */
export function asObject(value: JsonValue | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

/** A schema with all that it refers to and may be; `value` chooses between conditions where it is known. */
export function applying(root: JsonObject, schema: JsonObject, value: JsonValue | undefined, depth = 0): JsonObject[] {
  if (depth > DEEPEST) return [];
  const more: JsonObject[] = [];
  if (typeof schema.$ref === "string") more.push(resolve(root, schema.$ref));
  for (const list of [schema.anyOf, schema.oneOf, schema.allOf]) {
    if (Array.isArray(list)) more.push(...list.map(asObject));
  }
  if (schema.if !== undefined) {
    const branch = fulfils(asObject(schema.if), value) ? schema.then : schema.else;
    if (branch !== undefined) more.push(asObject(branch));
  }
  return [schema, ...more.flatMap((each) => applying(root, each, value, depth + 1))];
}

function childrenOf(schema: JsonObject, part: string | number): JsonObject[] {
  if (typeof part === "number") {
    const own = Array.isArray(schema.prefixItems) ? schema.prefixItems[part] : undefined;
    const items = own ?? schema.items;
    return items === undefined ? [] : [asObject(items)];
  }
  const properties = asObject(schema.properties);
  const child = Object.hasOwn(properties, part) ? properties[part] : schema.additionalProperties;
  return typeof child === "object" && child !== null ? [asObject(child)] : [];
}

/** Of conditions those that choose by a field's constant: what the schema of pipelines has. */
function fulfils(condition: JsonObject, value: JsonValue | undefined): boolean {
  const fields = asObject(value);
  const required = Array.isArray(condition.required) ? condition.required : [];
  if (required.some((name) => typeof name !== "string" || !Object.hasOwn(fields, name))) return false;
  return Object.entries(asObject(condition.properties)).every(([name, field]) => {
    const wanted = asObject(field).const;
    return wanted === undefined || fields[name] === undefined || fields[name] === wanted;
  });
}

function resolve(root: JsonObject, reference: string): JsonObject {
  let at: JsonValue | undefined = root;
  for (const part of reference.split("/").slice(1)) at = asObject(at)[part.replaceAll("~1", "/").replaceAll("~0", "~")];
  return asObject(at);
}

function partOf(value: JsonValue | undefined, part: string | number): JsonValue | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (Array.isArray(value)) return typeof part === "number" ? value[part] : undefined;
  return Object.hasOwn(value, part) ? value[part] : undefined;
}
