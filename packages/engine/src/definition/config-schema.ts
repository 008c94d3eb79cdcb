import type { JsonObject, JsonValue } from "@millrace/protocol";
import { z } from "zod";
import type { Path } from "./path.ts";

/** A Zod schema as JSON Schema, in which its fields can be looked up by path. Null where it has no such form. */
export class ConfigSchema {
  static readonly #known = new WeakMap<object, ConfigSchema | null>();
  readonly root: JsonObject;

  private constructor(root: JsonObject) {
    this.root = root;
  }

  /** The schema of what may be written (`input`), made once per Zod schema. */
  static of(schema: z.ZodType): ConfigSchema | null {
    // A user-written adapter in JavaScript may have none.
    if (typeof schema !== "object") return null;
    const known = ConfigSchema.#known.get(schema);
    if (known !== undefined) return known;
    const made = ConfigSchema.#make(schema);
    ConfigSchema.#known.set(schema, made);
    return made;
  }

  static #make(schema: z.ZodType): ConfigSchema | null {
    try {
      const json = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
      // A copy through JSON: the library's object has accessors and a Standard Schema hook.
      return new ConfigSchema(JSON.parse(JSON.stringify(json)));
    } catch {
      // No Zod schema, or one that refers to itself in a way that has no such form; it still validates, or says why not.
      return null;
    }
  }

  /** The names of the fields that the mapping at `path` may have, with the value there to choose between alternatives. */
  fields(path: Path, config: JsonValue): string[] {
    return [...new Set(this.#at(path, config).flatMap((schema) => Object.keys(objectOf(schema.properties))))];
  }

  /** What a field's documentation says; null where it says nothing. */
  description(path: Path, config: JsonValue): string | null {
    for (const schema of this.#at(path, config)) if (typeof schema.description === "string") return schema.description;
    return null;
  }

  /** Whether the field at `path` takes whole numbers only. */
  isInteger(path: Path, config: JsonValue): boolean {
    return this.#at(path, config).some((schema) => schema.type === "integer");
  }

  /** Calls `found` for each text in `config` whose field has a `format`. */
  formats(config: JsonValue, found: (format: string, text: string, path: Path) => void): void {
    this.#formats([this.root], config, [], found);
  }

  #formats(
    schemas: readonly JsonObject[],
    value: JsonValue,
    path: Path,
    found: (format: string, text: string, path: Path) => void,
  ): void {
    const fitting = schemas.flatMap((schema) => this.#alternatives(schema, value));
    if (typeof value === "string") {
      const format = fitting.find((schema) => typeof schema.format === "string")?.format;
      if (typeof format === "string") found(format, value, path);
      return;
    }
    if (typeof value !== "object" || value === null) return;
    const parts = Array.isArray(value) ? value.entries() : Object.entries(value);
    for (const [part, inner] of parts) {
      const inside = fitting.flatMap((schema) => childOf(schema, part));
      if (inside.length > 0) this.#formats(inside, inner, [...path, part], found);
    }
  }

  #at(path: Path, config: JsonValue): JsonObject[] {
    let schemas = this.#alternatives(this.root, config);
    let value: JsonValue | undefined = config;
    for (const part of path) {
      value = partOf(value, part);
      schemas = schemas.flatMap((schema) => childOf(schema, part)).flatMap((each) => this.#alternatives(each, value));
    }
    return schemas;
  }

  /** The schema with its references followed and those of its alternatives that the value can be. */
  #alternatives(schema: JsonObject, value: JsonValue | undefined, depth = 0): JsonObject[] {
    // Deeper than any real schema: a reference to itself would never end.
    if (depth > 20) return [];
    const found: JsonObject[] = [schema];
    if (typeof schema.$ref === "string") {
      const target = this.#resolve(schema.$ref);
      if (target !== null) found.push(...this.#alternatives(target, value, depth + 1));
    }
    for (const list of [schema.anyOf, schema.oneOf, schema.allOf]) {
      if (!Array.isArray(list)) continue;
      for (const each of list) {
        const inner = objectOf(each);
        if (mayBe(inner, value)) found.push(...this.#alternatives(inner, value, depth + 1));
      }
    }
    return found;
  }

  #resolve(reference: string): JsonObject | null {
    let at: JsonValue | undefined = this.root;
    for (const part of reference.split("/").slice(1)) at = partOf(at, part.replaceAll("~1", "/").replaceAll("~0", "~"));
    return at === undefined ? null : objectOf(at);
  }
}

function childOf(schema: JsonObject, part: string | number): JsonObject[] {
  if (typeof part === "number") {
    const prefix = Array.isArray(schema.prefixItems) ? schema.prefixItems[part] : undefined;
    const item = prefix ?? schema.items;
    return item === undefined ? [] : [objectOf(item)];
  }
  const properties = objectOf(schema.properties);
  const child = Object.hasOwn(properties, part) ? properties[part] : schema.additionalProperties;
  return typeof child === "object" && child !== null ? [objectOf(child)] : [];
}

/** Whether a value can be of an alternative, judging by its type and the constants of its fields. */
function mayBe(schema: JsonObject, value: JsonValue | undefined): boolean {
  if (value === undefined) return true;
  const type = Array.isArray(value) ? "array" : value === null ? "null" : typeof value;
  if (typeof schema.type === "string" && schema.type !== type && !(schema.type === "integer" && type === "number")) {
    return false;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return true;
  for (const [name, field] of Object.entries(objectOf(schema.properties))) {
    const wanted = objectOf(field).const;
    if (wanted !== undefined && Object.hasOwn(value, name) && value[name] !== wanted) return false;
  }
  return true;
}

function partOf(value: JsonValue | undefined, part: string | number): JsonValue | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (Array.isArray(value)) return value[Number(part)];
  return Object.hasOwn(value, part) ? value[part] : undefined;
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}
