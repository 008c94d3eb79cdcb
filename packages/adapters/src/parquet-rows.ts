import { type Adapter, AdapterError, defineAdapter } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import { z } from "zod";
import { bytesFields, takeBytes } from "./bytes-source.ts";
import { EVERYWHERE, type FilePlaces } from "./file-places.ts";
import { openFile } from "./opened-file.ts";
import { keptOf } from "./row-source.ts";
import type { ParquetSource } from "./work-threads/work-messages.ts";
import { inThread } from "./work-threads/work-thread.ts";

const config = z.strictObject({
  object_field: bytesFields.object_field,
  columns: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe("The columns to read, of those at the top of the schema; default all. Others are not even unpacked"),
  binary: z
    .enum(["base64", "text"])
    .default("base64")
    .describe("What becomes of bytes that the file does not mark as text: base64, or text (UTF-8)"),
  number_field: z
    .string()
    .min(1)
    .default("row")
    .describe("The field that gets the row's number; no column may have that name"),
  keep: z
    .array(z.string().min(1))
    .default([])
    .describe("Fields of the message that each row takes along, unless it has a column of that name"),
  skip_rows: z.int().min(0).default(0).describe("Rows at the beginning that are left out"),
  max_rows: z.int().min(1).optional().describe("The most rows that are sent; default all"),
  max_bytes: z
    .int()
    .min(1)
    .max(2 ** 50)
    .default(10 * 1024 ** 3)
    .describe("The largest file that is read, in bytes; an object is in memory while it is read"),
  max_row_group_bytes: z
    .int()
    .min(1024)
    .max(2 * 1024 ** 3)
    .default(256 * 1024 ** 2)
    .describe("The largest row group that is read, in bytes unpacked, of the columns that are read"),
  max_memory_mb: z
    .int()
    .min(64)
    .max(8192)
    .default(1536)
    .describe("The most memory that the rows of a row group may take, in MiB"),
});

const EXAMPLE = `version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 1000, payload: { kind: reading } } }], outbound: [pages] }
  pages: { adapters: [{ type: batch, config: { size: 500 } }], outbound: [keep] }
  keep: { adapters: [{ type: parquet_write, config: { field: items } }], outbound: [read] }
  read: { adapters: [{ type: parquet_rows, config: { object_field: object_key, columns: [index] } }, { type: log, config: { level: debug, message: "\${index}" } }] }
init_message: { route: make }
`;

/** One message per row of a Parquet file. */
export const parquetRows: Adapter<z.infer<typeof config>> = makeParquetRows(EVERYWHERE);

/** The same, for the files of these places. */
export function makeParquetRows(places: FilePlaces): Adapter<z.infer<typeof config>> {
  return defineAdapter({
    type: "parquet_rows",
    category: "source",
    description:
      "Reads a Parquet file, at `path` or in the object store: one message per row, with a field per column and the row's number.",
    config,
    example: EXAMPLE,
    // A file is on the disk of one machine.
    stateful: ({ object_field: objectField }) => objectField === undefined,
    async *process({ payload }, { config: settings, signal, objects }) {
      const kept = keptOf(payload, settings.keep);
      const { number_field: numberField } = settings;
      let source: ParquetSource;
      if (settings.object_field !== undefined) {
        const { bytes } = await takeBytes(payload, settings, { objects, places }, signal);
        source = { bytes };
      } else {
        const { handle, info, path } = await openFile(payload, places);
        if (info.size > settings.max_bytes) {
          await handle.close();
          const text = `The file ${path} has ${info.size} bytes; max_bytes is ${settings.max_bytes}.`;
          throw new AdapterError("FILE_TOO_LARGE", text, { retryable: false });
        }
        source = { handle };
      }
      const work = {
        kind: "parquet",
        source,
        options: {
          columns: settings.columns ?? null,
          binary: settings.binary,
          maxRowGroupBytes: settings.max_row_group_bytes,
          rowStart: settings.skip_rows,
          maxRows: settings.max_rows ?? null,
        },
      } as const;
      const tooMuch = () =>
        new AdapterError(
          "PARQUET_ROW_GROUP_TOO_LARGE",
          `A row group took more than ${settings.max_memory_mb} MiB of memory (max_memory_mb). Read fewer columns.`,
          { retryable: false },
        );
      const values = inThread(work, {
        signal,
        timeMs: Number.POSITIVE_INFINITY,
        memoryMb: settings.max_memory_mb,
        tooLong: tooMuch,
        tooMuch,
      });
      for await (const { first, rows } of values) {
        // As the thread sends them.
        for (const [index, row] of (rows as JsonObject[]).entries()) {
          if (Object.hasOwn(row, numberField)) {
            throw new AdapterError(
              "PARQUET_COLUMN_TAKEN",
              `A column is named "${numberField}", as number_field is. Set another.`,
              { retryable: false },
            );
          }
          yield { ...kept, ...row, [numberField]: Number(first) + index + 1 };
        }
      }
    },
  });
}
