import type { AnyAdapter } from "@millrace/engine";
import { adapterCategorySchema } from "@millrace/protocol";
import { z } from "zod";

interface Field {
  readonly must: string;
  readonly fits: (value: unknown) => boolean;
  readonly optional?: true;
}

const isFunction = (value: unknown) => typeof value === "function";
const method: Field = { must: "must be a function", fits: isFunction, optional: true };

const FIELDS: Readonly<Record<string, Field>> = {
  type: {
    must: "must be a text of small letters, digits and _ that begins with a letter, at most 64",
    fits: (value) => typeof value === "string" && /^[a-z][a-z0-9_]{0,63}$/.test(value),
  },
  description: {
    must: "must be a text that says what the adapter does",
    fits: (value) => typeof value === "string" && value.trim() !== "",
  },
  category: {
    must: `must be one of ${adapterCategorySchema.options.join(", ")}`,
    fits: (value) => adapterCategorySchema.safeParse(value).success,
    optional: true,
  },
  config: {
    must: "must be a Zod schema, made with the z of millrace",
    fits: (value) => value instanceof z.ZodType,
    optional: true,
  },
  example: {
    must: "must be a text: the YAML of a pipeline",
    fits: (value) => typeof value === "string",
    optional: true,
  },
  process: method,
  gather: method,
  prepare: method,
  references: method,
  stateful: method,
};

/** What keeps a value from being an adapter, for its author; null where nothing does. */
export function shapeProblem(value: object): string | null {
  const field = (name: string): unknown => Reflect.get(value, name);
  const wrong = Object.entries(FIELDS).flatMap(([name, { must, fits, optional }]) => {
    const found = field(name);
    if (optional === true && found === undefined) return [];
    return fits(found) ? [] : [`"${name}" ${must}${found === undefined ? ", and is missing" : ""}`];
  });
  if (wrong.length > 0) return `its ${wrong.join("; its ")}`;
  if (field("process") === undefined && field("gather") === undefined) {
    return 'it must have "process", to handle each message, or "gather", to make batches of them, or both, to handle batches';
  }
  return null;
}

/** A value of the right shape as an adapter; its methods keep their `this`. */
export function toAdapter(value: object): AnyAdapter {
  // shapeProblem found it to be one, apart from what has a default. Its methods may stand in a prototype.
  const found = value as Omit<AnyAdapter, "config" | "category"> & Partial<AnyAdapter>;
  const { example, process, gather, prepare, references, stateful } = found;
  return {
    type: found.type,
    description: found.description,
    category: found.category ?? "user",
    config: found.config ?? z.strictObject({}),
    ...(example === undefined ? {} : { example }),
    ...(process === undefined ? {} : { process: process.bind(value) }),
    ...(gather === undefined ? {} : { gather: gather.bind(value) }),
    ...(prepare === undefined ? {} : { prepare: prepare.bind(value) }),
    ...(references === undefined ? {} : { references: references.bind(value) }),
    ...(stateful === undefined ? {} : { stateful: stateful.bind(value) }),
  };
}
