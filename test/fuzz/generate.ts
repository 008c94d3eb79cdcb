import fc from "fast-check";
import type { Random } from "../support/random.ts";
import type { ContractDocument, Schema } from "./contract-document.ts";
import { hostileText, hostileValue } from "./hostile.ts";
import type { Known } from "./known.ts";

/** How a value is meant. */
export type Intent = "valid" | "nearly" | "hostile";

/** Makes values of schemas. What is known of the service goes where a name says that it belongs. */
export class Generator {
  readonly random: Random;
  readonly #document: ContractDocument;
  readonly #known: Known;
  readonly #patterns = new Map<string, readonly string[]>();

  constructor(document: ContractDocument, known: Known, random: Random) {
    this.#document = document;
    this.#known = known;
    this.random = random;
  }

  /**
   * A value of a schema, under the name that it has where it stands. `nearly` is one with a fault at one place. `like` is a valid one, in
   * place of one of its own making.
   */
  value(schema: Schema, name: string, intent: Intent, like?: unknown): unknown {
    if (intent === "hostile") return this.random.chance(0.3) ? hostileValue(this.random) : this.#wrong(schema, name);
    const value = like ?? this.#valid(schema, name, 0);
    return intent === "valid" ? value : this.#spoil(value);
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.random.between(0, items.length - 1)];
    if (item === undefined) throw new Error("There is nothing to pick from.");
    return item;
  }

  #valid(given: Schema, name: string, depth: number): unknown {
    const schema = this.#document.resolve(given);
    const { random } = this;
    if (Array.isArray(schema.anyOf)) return this.#valid(this.pick<Schema>(schema.anyOf), name, depth);
    if (Array.isArray(schema.enum)) return this.pick(schema.enum);
    if ("const" in schema) return schema.const;
    const known = random.chance(0.85) ? this.#known.pick(random, name) : undefined;
    switch (schema.type) {
      case "string":
        return typeof known === "string" ? known : this.#text(schema, name);
      case "integer":
      case "number":
        return this.#number(schema, name);
      case "boolean":
        return random.chance(0.5);
      case "null":
        return null;
      case "array": {
        const { minItems = 0, maxItems = 3 } = schema;
        const most = Math.min(Number(maxItems), Math.max(Number(minItems), 3));
        const length = random.between(Number(minItems), most);
        return Array.from({ length }, () => this.#valid(schemaOf(schema.items), name, depth + 1));
      }
      case "object":
        return this.#object(schema, name, depth);
      default:
        return depth > 3 ? null : this.pick([1, "text", true, null, [1, 2], { a: { b: 1 } }, 0.5, "Ä💥"]);
    }
  }

  #object(schema: Schema, name: string, depth: number): Record<string, unknown> {
    const properties = Object.entries(objectOf(schema.properties));
    const required = new Set(Array.isArray(schema.required) ? schema.required : []);
    const object: Record<string, unknown> = {};
    for (const [property, each] of properties) {
      if (!required.has(property) && !this.random.chance(0.35)) continue;
      object[property] = this.#valid(schemaOf(each), property, depth + 1);
    }
    const { additionalProperties: more } = schema;
    if (properties.length > 0 || more === false || more === undefined) return object;
    for (let left = this.random.between(0, 3); left > 0; left -= 1) {
      const key = name === "headers" ? this.pick(["Authorization", "X-Own"]) : this.pick(["n", "text", "a", "é"]);
      object[key] = this.#valid(schemaOf(more), name === "headers" ? "header" : "", depth + 2);
    }
    return object;
  }

  #text(schema: Schema, name: string): string {
    const { random } = this;
    if (typeof schema.pattern === "string") return this.pick(this.#matching(schema.pattern));
    switch (schema.format) {
      case "uuid":
        return "01a20000-0000-7000-8000-000000000000";
      case "date-time":
        return new Date(Date.now() - random.between(-60, 600) * 1000).toISOString();
      case "uri":
        return "http://127.0.0.1:9/nobody";
      default:
    }
    const { minLength = 0, maxLength = 40 } = schema;
    const most = Number(maxLength);
    if (random.chance(0.05)) return "a".repeat(Math.min(most, 5000));
    const text = random.chance(0.5)
      ? `${name} ${random.between(0, 20)}`
      : this.pick(["a", "wheel", "Ä 💥", "x-1", "1"]);
    return text.slice(0, most).padEnd(Number(minLength), "a");
  }

  #number(schema: Schema, name: string): number {
    const { minimum = 0, maximum = 1000 } = schema;
    const [low, high] = [Number(minimum), Number(maximum)];
    // A client that waits for an hour is one that is not there for the next request.
    if (name === "timeout") return this.pick([1, 1, 1.25]);
    if (name === "limit") return this.pick([1, 2, 3, 10, 100]);
    if (name === "offset") return this.pick([0, 0, 0, 1, 2, 5]);
    return this.random.chance(0.2) ? this.pick([low, high]) : this.random.between(low, Math.min(high, low + 10));
  }

  /** A value of the right type that goes beyond what the schema allows, or of another type. */
  #wrong(given: Schema, name: string): unknown {
    const schema = this.#document.resolve(given);
    const { random } = this;
    switch (schema.type) {
      case "string": {
        const { maxLength } = schema;
        if (typeof maxLength === "number" && random.chance(0.3)) return "a".repeat(maxLength + 1);
        return hostileText(random);
      }
      case "integer":
      case "number": {
        const { minimum, maximum } = schema;
        return this.pick([
          ...(typeof minimum === "number" ? [minimum - 1, minimum, minimum - 0.001] : []),
          ...(typeof maximum === "number" ? [maximum + 1, maximum, maximum + 0.001] : []),
          ...["", "x", "1e2", "0x1", "NaN", 1e21, -1, 0.1],
        ]);
      }
      case "object": {
        const value = this.#object(schema, name, 0);
        for (const key of Object.keys(value)) if (random.chance(0.4)) value[key] = hostileValue(random);
        if (random.chance(0.2)) value[hostileText(random)] = hostileValue(random);
        return value;
      }
      case "array":
        return Array.from({ length: this.pick([0, 1, 3, 101]) }, () => hostileValue(random));
      default:
        return hostileValue(random);
    }
  }

  /** Changes one place of a value. */
  #spoil(value: unknown): unknown {
    const { random } = this;
    if (typeof value === "object" && value !== null && Object.keys(value).length > 0 && random.chance(0.85)) {
      const copy: Record<string, unknown> | unknown[] = Array.isArray(value) ? [...value] : { ...value };
      const key = this.pick(Object.keys(copy));
      const fate = random.next();
      if (!Array.isArray(copy) && fate < 0.15) delete copy[key];
      else if (!Array.isArray(copy) && fate < 0.25) copy[`${key}_`] = hostileValue(random);
      // By its own kind of key; what stands there is of any type.
      else Object.assign(copy, { [key]: fate < 0.6 ? hostileValue(random) : this.#spoil(Object(copy)[key]) });
      return copy;
    }
    if (typeof value === "string" && random.chance(0.6)) {
      return this.pick([
        `${value}${hostileText(random)}`,
        value.slice(0, -1),
        value.toUpperCase(),
        ` ${value}`,
        `${value}/`,
        `${value}\0`,
      ]);
    }
    if (typeof value === "number" && random.chance(0.6))
      return this.pick([-value, value + 1, value + 0.5, String(value)]);
    return hostileValue(random);
  }

  #matching(pattern: string): readonly string[] {
    const made = this.#patterns.get(pattern);
    if (made !== undefined) return made;
    const samples = fc.sample(fc.stringMatching(new RegExp(pattern)), { seed: 7, numRuns: 40 });
    this.#patterns.set(pattern, samples);
    return samples;
  }
}

function schemaOf(value: unknown): Schema {
  // A schema of the document, which is JSON.
  return typeof value === "object" && value !== null ? (value as Schema) : {};
}

function objectOf(value: unknown): object {
  return typeof value === "object" && value !== null ? value : {};
}
