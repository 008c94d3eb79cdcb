import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import { AdapterError } from "@millrace/engine";
import type { JsonObject, JsonValue } from "@millrace/protocol";
import type { SchemaElement } from "hyparquet";
import { inferType, type ParquetColumnType, toParquetValue } from "./column-types.ts";

/** How rows become a file. */
export interface ParquetOptions {
  /** The columns in order, with their types; null: what the rows have. */
  readonly columns: Readonly<Record<string, ParquetColumnType>> | null;
  readonly codec: "snappy" | "gzip" | "zstd" | "brotli" | "none";
  /** Rows of a row group. */
  readonly rowGroupRows: number;
}

/** What a file says of one of its columns. */
export interface ColumnSummary {
  readonly name: string;
  readonly type: ParquetColumnType;
  readonly nulls: number;
  readonly min: JsonValue;
  readonly max: JsonValue;
}

const CODECS = { snappy: "SNAPPY", gzip: "GZIP", zstd: "ZSTD", brotli: "BROTLI", none: "UNCOMPRESSED" } as const;

const ELEMENTS: Readonly<Record<ParquetColumnType, Omit<SchemaElement, "name">>> = {
  text: { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } },
  integer: { type: "INT64" },
  real: { type: "DOUBLE" },
  boolean: { type: "BOOLEAN" },
  json: { type: "BYTE_ARRAY", converted_type: "JSON", logical_type: { type: "JSON" } },
  timestamp: {
    type: "INT64",
    converted_type: "TIMESTAMP_MILLIS",
    logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MILLIS" },
  },
  date: { type: "INT32", converted_type: "DATE", logical_type: { type: "DATE" } },
};

/** Characters of a text that are told as the least or greatest of its column. */
const SHOWN = 64;

/**
 * Rows as a Parquet file, with statistics of each column in each row group.
 * @throws AdapterError ROW_INVALID, VALUE_INVALID, PARQUET_TYPE_UNCLEAR; not retryable
 */
export async function toParquet(
  rows: readonly JsonValue[],
  options: ParquetOptions,
): Promise<{ bytes: Uint8Array; columns: ColumnSummary[] }> {
  const objects = rows.map(checkRow);
  const types = options.columns === null ? inferTypes(objects) : Object.entries(options.columns);
  const { ByteWriter, parquetWrite } = await import("hyparquet-writer");
  const columnData = types.map(([name, type]) => ({ name, data: valuesOf(objects, name, type) }));
  const writer = new ByteWriter();
  await parquetWrite({
    writer,
    columnData,
    schema: [
      { name: "schema", num_children: types.length },
      ...types.map(([name, type]): SchemaElement => ({ name, repetition_type: "OPTIONAL", ...ELEMENTS[type] })),
    ],
    codec: CODECS[options.codec],
    compressors: { GZIP: gzipSync, ZSTD: zstdCompressSync, BROTLI: brotliCompressSync },
    rowGroupSize: options.rowGroupRows,
    statistics: true,
    createdBy: "millrace",
  });
  const columns = types.map(([name, type], index) => summarize(name, type, columnData[index]?.data ?? []));
  return { bytes: writer.getBytes(), columns };
}

function inferTypes(rows: readonly JsonObject[]): [string, ParquetColumnType][] {
  const names = new Set<string>();
  for (const row of rows) for (const name of Object.keys(row)) names.add(name);
  return [...names].map((name) => [name, inferType(name, rows)]);
}

function valuesOf(rows: readonly JsonObject[], name: string, type: ParquetColumnType): unknown[] {
  return rows.map((row, index) => {
    const value = Object.hasOwn(row, name) ? row[name] : null;
    if (value === null || value === undefined) return null;
    const converted = toParquetValue(value, type);
    if (converted !== undefined) return converted;
    const told = JSON.stringify(value).slice(0, 60);
    throw new AdapterError(
      "VALUE_INVALID",
      `Row ${index + 1}: the column "${name}" takes ${type}, and ${told} is none.`,
      {
        retryable: false,
      },
    );
  });
}

function summarize(name: string, type: ParquetColumnType, values: readonly unknown[]): ColumnSummary {
  let nulls = 0;
  let min: unknown = null;
  let max: unknown = null;
  for (const value of values) {
    if (value === null) nulls += 1;
    else if (type !== "json" && !(typeof value === "number" && Number.isNaN(value))) {
      if (min === null || isLess(value, min)) min = value;
      if (max === null || isLess(max, value)) max = value;
    }
  }
  return { name, type, nulls, min: told(min, type), max: told(max, type) };
}

/** Of two values of one column. */
function isLess(a: unknown, b: unknown): boolean {
  if (typeof a === "string" && typeof b === "string") return Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
  // Numbers, whole numbers, truth values and times compare by their order.
  return (a as number) < (b as number);
}

function told(value: unknown, type: ParquetColumnType): JsonValue {
  if (value instanceof Date) return type === "date" ? value.toISOString().slice(0, 10) : value.toISOString();
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value === "string") return value.slice(0, SHOWN);
  return typeof value === "number" || typeof value === "boolean" ? value : null;
}

function checkRow(row: JsonValue, index: number): JsonObject {
  if (typeof row === "object" && row !== null && !Array.isArray(row)) return row;
  throw new AdapterError("ROW_INVALID", `Row ${index + 1} is not an object, which has a field per column.`, {
    retryable: false,
  });
}
