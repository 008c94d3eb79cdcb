import { AdapterError } from "@millrace/engine";
import type { JsonValue } from "@millrace/protocol";

/** What a column takes. */
export const COLUMN_TYPES = ["text", "integer", "real", "boolean", "json"] as const;

/** One of {@link COLUMN_TYPES}. */
export type ColumnType = (typeof COLUMN_TYPES)[number];

/** What SQLite calls a column of each type. */
export const SQLITE_TYPES: Readonly<Record<ColumnType, string>> = {
  text: "TEXT",
  integer: "INTEGER",
  real: "REAL",
  boolean: "INTEGER",
  json: "TEXT",
};

const MIN_INTEGER = -(2n ** 63n);
const MAX_INTEGER = 2n ** 63n - 1n;

/**
 * A value as SQLite takes it for a column: null where it is null or missing.
 * @throws AdapterError VALUE_INVALID, not retryable
 */
export function toSqlValue(
  value: JsonValue | undefined,
  type: ColumnType,
  column: string,
  row: number,
): string | number | bigint | null {
  if (value === null || value === undefined) return null;
  const converted = CONVERSIONS[type](value);
  if (converted !== undefined) return converted;
  const told = JSON.stringify(value).slice(0, 60);
  throw new AdapterError("VALUE_INVALID", `Row ${row}: the column "${column}" takes ${type}, and ${told} is none.`, {
    retryable: false,
  });
}

/** Undefined: the value is none of the type. */
const CONVERSIONS: Readonly<
  Record<ColumnType, (value: Exclude<JsonValue, null>) => string | number | bigint | undefined>
> = {
  text: (value) => (typeof value === "object" ? undefined : String(value)),
  integer: (value) => {
    if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : undefined;
    if (typeof value !== "string" || !/^[+-]?\d{1,19}$/.test(value)) return undefined;
    const integer = BigInt(value.replace(/^\+/, ""));
    return integer < MIN_INTEGER || integer > MAX_INTEGER ? undefined : integer;
  },
  real: (value) => {
    if (typeof value === "number") return value;
    if (typeof value !== "string" || !/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(value)) return undefined;
    const real = Number(value);
    return Number.isFinite(real) ? real : undefined;
  },
  boolean: (value) => {
    if (value === true || value === 1 || value === "true") return 1;
    return value === false || value === 0 || value === "false" ? 0 : undefined;
  },
  json: (value) => JSON.stringify(value),
};
