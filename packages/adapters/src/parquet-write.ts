import { type Adapter, AdapterError, defineAdapter } from "@millrace/engine";
import { z } from "zod";
import { PARQUET_TYPES } from "./parquet/column-types.ts";
import { toParquet } from "./parquet/write-parquet.ts";
import { RowObjects, rowObjectFields, rowsOf } from "./row-objects.ts";

const config = z.strictObject({
  ...rowObjectFields("parquet"),
  columns: z
    .record(z.string().min(1), z.enum(PARQUET_TYPES))
    .refine((columns) => Object.keys(columns).length > 0, "must name a column")
    .optional()
    .describe(
      "The columns in order, each named as the row's field, with what it takes: `text`, `integer` (64 bits), `real`, `boolean`, `json`, `timestamp` (RFC 3339, or milliseconds; to the millisecond) or `date`. Default: all fields of the object's rows, and what their values are",
    ),
  codec: z
    .enum(["snappy", "gzip", "zstd", "brotli", "none"])
    .default("snappy")
    .describe("How the columns are compressed"),
  row_group_rows: z.int().min(1).max(10_000_000).default(100_000).describe("The most rows of a row group"),
});

const EXAMPLE = `version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 2500, payload: { kind: reading } } }], outbound: [pages] }
  pages: { adapters: [{ type: batch, config: { size: 1000 } }], outbound: [keep] }
  keep:
    adapters:
      - type: parquet_write
        config:
          field: items
          columns: { index: integer, kind: text }
          codec: zstd
init_message: { route: make }
`;

/** Writes rows as an object of Parquet. */
export const parquetWrite: Adapter<z.infer<typeof config>, RowObjects> = defineAdapter({
  type: "parquet_write",
  category: "sink",
  description:
    "Writes the payload, or the rows of a batch, as a Parquet object with statistics of each column; adds `object_key`, `object_rows`, `object_bytes` and `object_columns`.",
  config,
  example: EXAMPLE,
  prepare: (settings) => new RowObjects("parquet", settings),
  async process(message, { config: settings, prepared, objects }) {
    const rows = rowsOf(message.payload, settings.field);
    const options = {
      columns: settings.columns ?? null,
      codec: settings.codec,
      rowGroupRows: settings.row_group_rows,
    };
    if (options.columns === null && !rows.some((row) => Object.keys(Object(row)).length > 0)) {
      throw new AdapterError(
        "PARQUET_TYPE_UNCLEAR",
        "There is no row with a field, so that there are no columns. Name them in `columns`.",
        { retryable: false },
      );
    }
    const { bytes, columns } = await toParquet(rows, options);
    const key = await prepared.write(message, objects, bytes, "application/vnd.apache.parquet");
    return {
      ...message.payload,
      object_key: key,
      object_rows: rows.length,
      object_bytes: bytes.byteLength,
      object_columns: columns.map((column) => ({ ...column })),
    };
  },
});
