import { readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { JsonObject } from "@millrace/protocol";
import { UsageError } from "./exit-codes.ts";

/** Reads a file, or with `-` standard input. */
export async function readInput(file: string): Promise<string> {
  if (file === "-") return text(process.stdin);
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "EISDIR") throw new UsageError(`${file} is a folder; name its files, as ${join(file, "*.yaml")}`);
    if (code === "ENOENT") throw new UsageError(`${file}: there is no such file`);
    throw new UsageError(`${file} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}

/** A payload from `--payload` (JSON) and `--set key=value`s over it; undefined where neither is given. */
export function readPayload(json: string | undefined, sets: readonly string[]): JsonObject | undefined {
  if (json === undefined && sets.length === 0) return undefined;
  const payload = json === undefined ? {} : parseObject(json);
  for (const set of sets) {
    const at = set.indexOf("=");
    if (at <= 0) throw new UsageError(`--set: expected key=value, got "${set}"`);
    payload[set.slice(0, at)] = parseValue(set.slice(at + 1));
  }
  return payload;
}

/** A payload from a file of JSON, or with `-` from standard input. */
export async function readPayloadFile(file: string): Promise<JsonObject> {
  return parseObject(await readInput(file));
}

function parseObject(json: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new UsageError(`--payload: expected a JSON object: ${error instanceof Error ? error.message : error}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new UsageError("--payload: expected a JSON object");
  // Parsed from JSON just now.
  return value as JsonObject;
}

/** A value that is JSON counts as such, anything else as a text. */
function parseValue(value: string): JsonObject[string] {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
