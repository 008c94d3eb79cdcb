import { AdapterError } from "@millrace/engine";
import type { JsonObject, JsonValue } from "@millrace/protocol";

/** What a column of a Parquet file can be. */
export const PARQUET_TYPES = ["text", "integer", "real", "boolean", "json", "timestamp", "date"] as const;

/** One of {@link PARQUET_TYPES}. */
export type ParquetColumnType = (typeof PARQUET_TYPES)[number];

const MIN_INTEGER = -(2n ** 63n);
const MAX_INTEGER = 2n ** 63n - 1n;
const TIME = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?$/;
const DATE = /^\d{4}-\d\d-\d\d$/;

/**
 * What a column holds, by its values: text, whole numbers, numbers, truth values, or lists and objects (as JSON). One of
 * nulls alone is text.
 * @throws AdapterError PARQUET_TYPE_UNCLEAR, not retryable
 */
export function inferType(name: string, rows: readonly JsonObject[]): ParquetColumnType {
  let found: ParquetColumnType | null = null;
  let foundIn = 0;
  for (const [index, row] of rows.entries()) {
    const value = Object.hasOwn(row, name) ? row[name] : null;
    if (value === null || value === undefined) continue;
    const own = typeOf(value);
    if (found === null) foundIn = index + 1;
    if (found === null || (found === "integer" && own === "real")) found = own;
    else if (found !== own && !(found === "real" && own === "integer")) {
      throw new AdapterError(
        "PARQUET_TYPE_UNCLEAR",
        `The column "${name}" is ${found} in row ${foundIn} and ${own} in row ${index + 1}. Say in \`columns\` what it is.`,
        { retryable: false },
      );
    }
  }
  return found ?? "text";
}

function typeOf(value: Exclude<JsonValue, null>): ParquetColumnType {
  if (typeof value === "string") return "text";
  if (typeof value === "boolean") return "boolean";
  if (typeof value === "number") return Number.isSafeInteger(value) ? "integer" : "real";
  return "json";
}

/**
 * A value as the writer takes it: undefined where it is none of the type.
 */
export function toParquetValue(value: Exclude<JsonValue, null>, type: ParquetColumnType): unknown {
  switch (type) {
    case "text":
      return typeof value === "object" ? undefined : String(value);
    case "integer":
      return toInteger(value);
    case "real":
      return typeof value === "number" ? value : toReal(value);
    case "boolean":
      if (typeof value === "boolean") return value;
      return value === "true" || value === 1 ? true : value === "false" || value === 0 ? false : undefined;
    case "json":
      return value;
    case "timestamp":
      return toTime(value);
    case "date": {
      const time = typeof value === "string" && DATE.test(value) ? new Date(`${value}T00:00:00Z`) : undefined;
      return time === undefined || Number.isNaN(time.getTime()) ? undefined : time;
    }
  }
}

function toInteger(value: JsonValue): bigint | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  if (typeof value !== "string" || !/^[+-]?\d{1,19}$/.test(value)) return undefined;
  const integer = BigInt(value.replace(/^\+/, ""));
  return integer < MIN_INTEGER || integer > MAX_INTEGER ? undefined : integer;
}

function toReal(value: JsonValue): number | undefined {
  if (typeof value !== "string" || !/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(value)) return undefined;
  const real = Number(value);
  return Number.isFinite(real) ? real : undefined;
}

/** A time of RFC 3339, UTC where it says nothing else; a number is milliseconds since 1970. */
function toTime(value: JsonValue): Date | undefined {
  const time =
    typeof value === "number"
      ? new Date(value)
      : typeof value === "string" && TIME.test(value)
        ? new Date(/(?:Z|[+-]\d\d:?\d\d)$/.test(value) ? value : `${value}Z`)
        : undefined;
  return time === undefined || Number.isNaN(time.getTime()) ? undefined : time;
}
