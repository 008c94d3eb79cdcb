import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as protocol from "@millrace/protocol";
import { z } from "zod";

const ROOT = join(import.meta.dirname, "..");
const PROTOCOL = join(ROOT, "packages", "protocol", "src");

/** The part of JSON Schema that the protocol's schemas become. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly propertyNames?: Schema;
  readonly description?: string;
}

/** A type of the protocol that has a schema. */
interface Declared {
  readonly name: string;
  readonly doc: string;
  readonly schema: Schema;
}

/**
 * The types that the client's package shows, as declarations that stand alone: those of the protocol are inferred from
 * its schemas, and whoever reads them would need the library that the schemas are made with.
 */
export function clientTypes(): string {
  const sources = readSources();
  const defs: Record<string, Schema> = {};
  const declared: Declared[] = [];
  const texts: string[] = [];
  for (const name of shownNames()) {
    const source = sources.types.get(name);
    if (source === undefined) throw new Error(`The protocol has no type ${name}.`);
    if (name === "ErrorCode") {
      const codes = Object.keys(protocol.ERROR_CODES).map((code) => JSON.stringify(code));
      texts.push(`${comment("A code of the service's errors.")}export type ErrorCode = ${codes.join(" | ")};\n`);
    } else if (source.schema === null) texts.push(`${source.text}\n`);
    else {
      const made = jsonSchema(source.schema, source.text.includes("Sent<") ? "input" : "output");
      for (const [id, each] of Object.entries(made.$defs ?? {})) defs[id] ??= each;
      declared.push({ name, doc: sources.docs.get(source.schema) ?? "", schema: resolve(made, made.$defs ?? {}) });
    }
  }
  const printer = new Printer(declared, defs);
  for (const each of declared) texts.push(`${comment(each.doc)}${printer.declare(each)}\n`);
  return texts.join("\n");
}

/** The names of the protocol's types that the package shows. */
export function shownNames(): string[] {
  const text = readFileSync(join(ROOT, "packages", "client", "src", "api-types.ts"), "utf8");
  const list = /export type \{([^}]*)\} from "@millrace\/protocol";/.exec(text)?.[1] ?? "";
  return list.match(/\w+/g) ?? [];
}

function readSources() {
  const types = new Map<string, { readonly text: string; readonly schema: string | null }>();
  const docs = new Map<string, string>();
  for (const file of readdirSync(PROTOCOL, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".ts")) continue;
    const text = readFileSync(join(PROTOCOL, file), "utf8");
    for (const [, doc = "", schema = ""] of text.matchAll(
      /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\nexport const (\w+Schema)\b/g,
    ))
      docs.set(schema, doc.replaceAll(/\s*\n \* ?/g, " ").trim());
    for (const [whole, name = ""] of text.matchAll(/(?:\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?export type (\w+) =[^;]*;/g)) {
      const schema = /<typeof (\w+Schema)>/.exec(whole)?.[1] ?? SCHEMAS[name] ?? null;
      types.set(name, { text: whole, schema });
    }
  }
  return { types, docs };
}

/** Types that are written out beside their schema. */
const SCHEMAS: Readonly<Record<string, string>> = { EventType: "eventTypeSchema" };

function jsonSchema(name: string, io: "input" | "output"): Schema & { readonly $defs?: Record<string, Schema> } {
  const schema = Object.entries(protocol).find(([each]) => each === name)?.[1];
  if (!(schema instanceof z.ZodType)) throw new Error(`The protocol has no schema ${name}.`);
  // The part that is read is the same in both; what it makes of the rest is plain JSON.
  return z.toJSONSchema(schema, { io, unrepresentable: "any" }) as Schema;
}

function resolve({ $ref, ...schema }: Schema, defs: Readonly<Record<string, Schema>>): Schema {
  return $ref === undefined ? schema : (defs[$ref.replace("#/$defs/", "")] ?? {});
}

class Printer {
  /** Types by what they consist of, so that they are named wherever they stand. */
  readonly #names = new Map<string, string>();
  readonly #defs: Readonly<Record<string, Schema>>;

  constructor(declared: readonly Declared[], defs: Readonly<Record<string, Schema>>) {
    this.#defs = defs;
    for (const { name, schema } of declared) if (!this.#names.has(shape(schema))) this.#names.set(shape(schema), name);
  }

  declare({ name, schema }: Declared): string {
    const own = this.#names.get(shape(schema));
    if (own !== undefined && own !== name) return `export type ${name} = ${own};`;
    return `export type ${name} = ${this.#print(schema, "", name)};`;
  }

  #type(schema: Schema, indent: string): string {
    return this.#names.get(shape(schema)) ?? this.#print(schema, indent, null);
  }

  #print(schema: Schema, indent: string, self: string | null): string {
    if (schema.$ref !== undefined) {
      const id = schema.$ref.replace("#/$defs/", "");
      // The only schema without a name of its own that refers to itself is that of any JSON.
      return id.startsWith("__schema") ? "JsonValue" : this.#type(this.#defs[id] ?? {}, indent);
    }
    if (schema.const !== undefined) return JSON.stringify(schema.const);
    if (schema.enum !== undefined) return schema.enum.map((each) => JSON.stringify(each)).join(" | ");
    const members = schema.anyOf ?? schema.oneOf;
    if (members !== undefined) return members.map((each) => this.#type(each, indent)).join(" | ");
    if (Array.isArray(schema.type))
      return schema.type.map((type) => this.#print({ ...schema, type }, indent, self)).join(" | ");
    switch (schema.type) {
      case "integer":
        return "number";
      case "array": {
        const item = this.#type(schema.items ?? {}, indent);
        return item.includes(" | ") && !item.startsWith("{") ? `(${item})[]` : `${item}[]`;
      }
      case "object":
        return this.#object(schema, indent);
      case undefined:
        return "unknown";
      default:
        return String(schema.type);
    }
  }

  #object({ properties, required = [], additionalProperties: rest, propertyNames }: Schema, indent: string): string {
    if (properties === undefined) {
      const value = typeof rest === "object" ? this.#type(rest, indent) : "unknown";
      if (value === "JsonValue") return "JsonObject";
      return propertyNames?.enum === undefined
        ? `Record<string, ${value}>`
        : `Partial<Record<${this.#type(propertyNames, indent)}, ${value}>>`;
    }
    const inner = `${indent}  `;
    const lines = Object.entries(properties).map(([name, schema]) => {
      const type = this.#type(schema, inner);
      const field = required.includes(name) ? `${name}: ${type}` : `${name}?: ${type} | undefined`;
      return `${comment(schema.description ?? "", inner)}${inner}${field};\n`;
    });
    if (typeof rest === "object") lines.push(`${inner}[key: string]: ${this.#type(rest, inner)};\n`);
    return `{\n${lines.join("")}${indent}}`;
  }
}

/** What a schema consists of, without what is said of it; unique only where it has a structure of its own. */
function shape(schema: Schema): string {
  if (schema.properties === undefined && schema.enum === undefined && schema.oneOf === undefined) return "-";
  return JSON.stringify(schema, (key, value) =>
    ["description", "default", "$schema", "$defs", "id"].includes(key) && typeof value !== "object" ? undefined : value,
  );
}

function comment(text: string, indent = ""): string {
  return text === "" ? "" : `${indent}/** ${text.replaceAll("*/", "*\u200b/")} */\n`;
}
