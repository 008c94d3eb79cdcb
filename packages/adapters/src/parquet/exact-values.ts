import type { JsonValue } from "@millrace/protocol";
import type { ParquetParsers, SchemaElement } from "hyparquet";

/** Times as texts, so that no digit of theirs is lost. */
export const exactParsers: Partial<ParquetParsers> = {
  timestampFromMilliseconds: (millis) => timeText(millis, 1_000n, 3),
  timestampFromMicroseconds: (micros) => timeText(micros, 1_000_000n, 6),
  timestampFromNanoseconds: (nanos) => timeText(nanos, 1_000_000_000n, 9),
  dateFromDays: (days) => new Date(days * 86_400_000).toISOString().slice(0, 10),
};

function timeText(value: bigint, perSecond: bigint, digits: number): string {
  const part = ((value % perSecond) + perSecond) % perSecond;
  const seconds = Number((value - part) / perSecond);
  const time = new Date(seconds * 1000);
  if (Number.isNaN(time.getTime())) return String(value);
  return `${time.toISOString().slice(0, -5)}.${String(part).padStart(digits, "0")}Z`;
}

/** A column of decimals, whose values are read as they are stored. */
export interface DecimalColumn {
  readonly scale: number;
  readonly precision: number;
}

/**
 * Finds the columns of decimals, and lets them be read as they are stored: the library would make floating-point
 * numbers of them. Changes the elements.
 */
export function takeDecimals(schema: SchemaElement[]): Map<string, DecimalColumn> {
  const found = new Map<string, DecimalColumn>();
  let index = 1;
  for (let column = 0; column < (schema[0]?.num_children ?? 0); column += 1) {
    const element = schema[index];
    if (element === undefined) break;
    const logical = element.logical_type?.type === "DECIMAL" ? element.logical_type : null;
    if (element.num_children === undefined && element.repetition_type !== "REPEATED") {
      if (logical !== null || element.converted_type === "DECIMAL") {
        const scale = logical?.scale ?? element.scale ?? 0;
        found.set(element.name, { scale, precision: logical?.precision ?? element.precision ?? 38 });
        delete element.converted_type;
        delete element.logical_type;
      }
    }
    index = afterTree(schema, index);
  }
  return found;
}

function afterTree(schema: readonly SchemaElement[], index: number): number {
  let next = index + 1;
  for (let child = 0; child < (schema[index]?.num_children ?? 0); child += 1) next = afterTree(schema, next);
  return next;
}

/** Digits that a number of JSON has for certain. */
const SAFE_DIGITS = 15;

/** A decimal as a number where that is exact, else as a text. */
export function decimalValue(stored: unknown, { scale, precision }: DecimalColumn): JsonValue {
  if (stored === null || stored === undefined) return null;
  const unscaled = stored instanceof Uint8Array ? signed(stored) : BigInt(String(stored));
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, "0");
  const at = digits.length - scale;
  const text = `${unscaled < 0n ? "-" : ""}${digits.slice(0, at)}${scale > 0 ? `.${digits.slice(at)}` : ""}`;
  return precision <= SAFE_DIGITS ? Number(text) : text;
}

function signed(bytes: Uint8Array): bigint {
  if (bytes.length === 0) return 0n;
  const value = BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
  return BigInt.asIntN(bytes.length * 8, value);
}

/** A value as JSON has it: whole numbers beyond 2^53 as text, bytes in base64 or as text. */
export function jsonValue(value: unknown, binary: "base64" | "text"): JsonValue {
  switch (typeof value) {
    case "bigint":
      return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    case "number":
      return Number.isFinite(value) ? value : null;
    case "string":
    case "boolean":
      return value;
    case "object":
      break;
    default:
      return null;
  }
  if (value === null) return null;
  if (value instanceof Uint8Array) return Buffer.from(value).toString(binary === "text" ? "utf8" : "base64");
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    // A view that is no list of bytes is one of numbers.
    return Array.from(value as ArrayLike<unknown>, (each) => jsonValue(each, binary));
  }
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, jsonValue(each, binary)]));
}
