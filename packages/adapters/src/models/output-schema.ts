import { createRequire } from "node:module";
import type { JsonObject, JsonValue } from "@millrace/protocol";

/** Says what is wrong with a value; null where it fits. */
export type OutputCheck = (value: JsonValue) => string | null;

/** So many of the things that are wrong are told. */
const MAX_PROBLEMS = 5;

/**
 * The check of a JSON Schema (2020-12).
 * @throws Error where it is none
 */
export function outputCheck(schema: JsonObject): OutputCheck {
  // Loaded with the first schema: few pipelines have one.
  const { Ajv2020 } = createRequire(import.meta.url)("ajv/dist/2020.js") as typeof import("ajv/dist/2020.js");
  const ajv = new Ajv2020({ allErrors: true, strict: false, validateFormats: false, logger: false });
  let validate: ReturnType<typeof ajv.compile>;
  try {
    validate = ajv.compile(schema);
  } catch (error) {
    throw new Error(`schema is no JSON Schema: ${error instanceof Error ? error.message : error}`);
  }
  return (value) => {
    if (validate(value)) return null;
    return (validate.errors ?? [])
      .slice(0, MAX_PROBLEMS)
      .map(({ instancePath, message }) => `${instancePath === "" ? "the value" : instancePath} ${message}`)
      .join("; ");
  };
}

/** The JSON of what a model wrote: also within a code block, as many put it. Undefined where there is none. */
export function jsonOf(text: string): JsonValue | undefined {
  const block = /^\s*```(?:json)?\s*\n([\s\S]*?)\n?\s*```\s*$/.exec(text)?.[1];
  try {
    return JSON.parse(block ?? text);
  } catch {
    return undefined;
  }
}
