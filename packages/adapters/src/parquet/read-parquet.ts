import { AdapterError } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import { type AsyncBuffer, type FileMetaData, parquetMetadataAsync, parquetRead } from "hyparquet";
import type { ParquetSource, ParquetWork } from "../work-threads/work-messages.ts";
import { decompressors } from "./decompressors.ts";
import { decimalValue, exactParsers, jsonValue, takeDecimals } from "./exact-values.ts";

/** Rows that leave together. */
const ROWS_AT_ONCE = 500;

/** And not many more characters than that. */
const CHARACTERS_AT_ONCE = 512 * 1024;

/** The largest description at a file's end that is read, in bytes. */
const MAX_FOOTER_BYTES = 64 * 1024 * 1024;

/**
 * The rows of a Parquet file, some at a time: `{first, rows}`. No more than one row group is in memory.
 * @throws AdapterError PARQUET_INVALID, PARQUET_COLUMN_MISSING, PARQUET_ROW_GROUP_TOO_LARGE; not retryable
 */
export async function* readParquet(source: ParquetSource, options: ParquetWork): AsyncGenerator<JsonObject, void> {
  try {
    const file = await bufferOf(source);
    const metadata = await metadataOf(file);
    const columns = columnsOf(metadata, options.columns);
    const decimals = takeDecimals(metadata.schema);
    const end = options.maxRows === null ? Number.POSITIVE_INFINITY : options.rowStart + options.maxRows;
    let first = 0;
    for (const [index, group] of metadata.row_groups.entries()) {
      const rows = Number(group.num_rows);
      const from = Math.max(first, options.rowStart);
      const to = Math.min(first + rows, end);
      if (from < to) {
        checkSize(metadata, index, columns, options.maxRowGroupBytes);
        const values = await readGroup(file, metadata, columns, first, rows, options);
        checkRows(values, index, columns, rows);
        yield* pages(values, { columns, first, from, to, decimals, binary: options.binary });
      }
      first += rows;
      if (first >= end) return;
    }
  } catch (error) {
    if (error instanceof AdapterError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw invalid(why.replace(/^parquet (?:file )?/, ""), error);
  } finally {
    if ("handle" in source) await source.handle.close().catch(() => undefined);
  }
}

interface PageOptions {
  readonly columns: readonly string[];
  readonly first: number;
  readonly from: number;
  readonly to: number;
  readonly decimals: ReturnType<typeof takeDecimals>;
  readonly binary: "base64" | "text";
}

function* pages(values: ReadonlyMap<string, ArrayLike<unknown>>, options: PageOptions): Generator<JsonObject, void> {
  const { columns, first, from, to, decimals, binary } = options;
  const readers = columns.map((name) => {
    const column = values.get(name);
    const decimal = decimals.get(name);
    return (row: number) => {
      const value = column?.[row];
      return decimal === undefined ? jsonValue(value, binary) : decimalValue(value, decimal);
    };
  });
  let rows: JsonObject[] = [];
  let characters = 0;
  let start = from;
  for (let row = from; row < to; row += 1) {
    const made: JsonObject = {};
    for (const [index, name] of columns.entries()) {
      const value = readers[index]?.(row - first) ?? null;
      made[name] = value;
      characters += typeof value === "string" ? value.length : typeof value === "object" ? 256 : 8;
    }
    rows.push(made);
    if (rows.length < ROWS_AT_ONCE && characters < CHARACTERS_AT_ONCE) continue;
    yield { first: start, rows };
    rows = [];
    characters = 0;
    start = row + 1;
  }
  if (rows.length > 0) yield { first: start, rows };
}

async function readGroup(
  file: AsyncBuffer,
  metadata: FileMetaData,
  columns: readonly string[],
  rowStart: number,
  rows: number,
  options: ParquetWork,
): Promise<Map<string, ArrayLike<unknown>>> {
  const pieces = new Map<string, ArrayLike<unknown>[]>();
  await parquetRead({
    file,
    metadata,
    columns: [...columns],
    rowStart,
    rowEnd: rowStart + rows,
    compressors: decompressors(options.maxRowGroupBytes),
    parsers: exactParsers,
    utf8: false,
    geoparquet: false,
    onChunk: ({ columnName, columnData }) => {
      pieces.set(columnName, [...(pieces.get(columnName) ?? []), columnData]);
    },
  });
  const values = new Map<string, ArrayLike<unknown>>();
  for (const [name, parts] of pieces) {
    const [only, ...more] = parts;
    values.set(name, only !== undefined && more.length === 0 ? only : parts.flatMap((part) => Array.from(part)));
  }
  return values;
}

async function bufferOf(source: ParquetSource): Promise<AsyncBuffer> {
  if ("bytes" in source) {
    const { buffer } = source.bytes;
    return { byteLength: buffer.byteLength, slice: (start, end) => buffer.slice(start, end) };
  }
  const { handle } = source;
  const { size } = await handle.stat();
  return {
    byteLength: size,
    async slice(start, end = size) {
      const bytes = new Uint8Array(Math.max(0, Math.min(end, size) - start));
      for (let at = 0; at < bytes.length; ) {
        const { bytesRead } = await handle.read(bytes, at, bytes.length - at, start + at);
        if (bytesRead === 0) throw new Error("the file has become shorter");
        at += bytesRead;
      }
      return bytes.buffer;
    },
  };
}

async function metadataOf(file: AsyncBuffer): Promise<FileMetaData> {
  const size = file.byteLength;
  if (size < 12) throw invalid("it is too short");
  const tail = Buffer.from(await file.slice(size - 8, size));
  if (tail.toString("latin1", 4) === "PARE") throw invalid("it is encrypted");
  if (tail.toString("latin1", 4) !== "PAR1") throw invalid("it does not end as one does: it is none, or cut off");
  const footer = tail.readUInt32LE(0);
  if (footer > MAX_FOOTER_BYTES || footer > size - 12) throw invalid(`its description has ${footer} bytes`);
  return parquetMetadataAsync(file, { parsers: exactParsers, geoparquet: false });
}

function columnsOf(metadata: FileMetaData, wanted: readonly string[] | null): string[] {
  const names: string[] = [];
  const { schema } = metadata;
  const skip = (index: number): number => {
    let next = index + 1;
    for (let child = 0; child < (schema[index]?.num_children ?? 0); child += 1) next = skip(next);
    return next;
  };
  for (let index = 1; index < schema.length; index = skip(index)) names.push(schema[index]?.name ?? "");
  if (wanted === null) return names;
  const missing = wanted.find((name) => !names.includes(name));
  if (missing === undefined) return [...wanted];
  const known = names.slice(0, 20).join(", ");
  throw new AdapterError(
    "PARQUET_COLUMN_MISSING",
    `The Parquet file has no column "${missing}"; it has ${known}${names.length > 20 ? ", …" : ""}.`,
    { retryable: false },
  );
}

/** What the file says of it; a page that is larger than it says is found when it is unpacked. */
function checkSize(metadata: FileMetaData, index: number, columns: readonly string[], maxBytes: number): void {
  const group = metadata.row_groups[index];
  const size = (group?.columns ?? []).reduce((sum, { meta_data: data }) => {
    const own = data !== undefined && columns.includes(data.path_in_schema[0] ?? "");
    return own ? sum + Number(data.total_uncompressed_size) : sum;
  }, 0);
  if (size <= maxBytes) return;
  throw new AdapterError(
    "PARQUET_ROW_GROUP_TOO_LARGE",
    `Row group ${index + 1} of the Parquet file has ${size} bytes in the columns that are read; max_row_group_bytes is ${maxBytes}. Read fewer columns, or write it with smaller row groups.`,
    { retryable: false },
  );
}

/** A file may say that it has as many rows as it likes. */
function checkRows(
  values: ReadonlyMap<string, ArrayLike<unknown>>,
  index: number,
  columns: readonly string[],
  rows: number,
): void {
  if (columns.length === 0) throw invalid("it has no columns");
  for (const name of columns) {
    const found = values.get(name)?.length ?? 0;
    if (found !== rows)
      throw invalid(`column "${name}" of row group ${index + 1} has ${found} values for ${rows} rows`);
  }
}

function invalid(why: string, cause?: unknown): AdapterError {
  const text = why.replace(/\.$/, "").slice(0, 300);
  return new AdapterError("PARQUET_INVALID", `The Parquet file cannot be read: ${text}.`, { retryable: false, cause });
}
