import { type Adapter, AdapterError, defineAdapter } from "@millrace/engine";
import type { JsonObject, JsonValue } from "@millrace/protocol";
import { z } from "zod";
import { RowObjects, rowObjectFields, rowsOf } from "./row-objects.ts";

const columnSchema = z.union([
  z.string().min(1),
  z.strictObject({
    field: z.string().min(1).describe("The row's field"),
    header: z.string().describe("What the header calls it"),
  }),
]);

const config = z.strictObject({
  ...rowObjectFields("csv"),
  columns: z
    .array(columnSchema)
    .min(1)
    .max(10_000)
    .optional()
    .describe(
      "The columns in order: a field, or `{field, header}`. Default: all fields of the object's rows, in the order in which they come",
    ),
  header: z.boolean().default(true).describe("Whether the first line has the columns' names"),
  delimiter: z
    .string()
    .regex(/^[^"\r\n]$/u, "must be one character, and no quote or line end")
    .default(",")
    .describe('What is between two cells, one character: `";"`, or `"\\t"` for a tab'),
  quote: z.enum(["needed", "all"]).default("needed").describe("Which cells are in quotes: those that need it, or all"),
  line_end: z.enum(["lf", "crlf"]).default("lf").describe("What ends a line"),
  bom: z
    .boolean()
    .default(false)
    .describe("Whether the object begins with a byte order mark, by which Excel knows that it is UTF-8"),
  escape_formulas: z
    .boolean()
    .default(false)
    .describe(
      "Whether texts that a spreadsheet would take for a formula (that begin with `=`, `+`, `-`, `@`, a tab or a CR) get a `'` before them",
    ),
});

type Config = z.infer<typeof config>;

const EXAMPLE = `version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 250, payload: { kind: reading } } }], outbound: [pages] }
  pages: { adapters: [{ type: batch, config: { size: 100 } }], outbound: [keep] }
  keep:
    adapters:
      - type: csv_write
        config:
          field: items
          columns: [{ field: index, header: number }, kind]
init_message: { route: make }
`;

/** Writes rows as an object of comma-separated values. */
export const csvWrite: Adapter<Config, RowObjects> = defineAdapter({
  type: "csv_write",
  category: "sink",
  description: "Writes the payload, or the rows of a batch, as an object of CSV; adds `object_key` and `object_rows`.",
  config,
  example: EXAMPLE,
  prepare: (settings) => new RowObjects("csv", settings),
  async process(message, { config: settings, prepared, objects }) {
    const rows = rowsOf(message.payload, settings.field).map(checkRow);
    const body = await toCsv(rows, settings);
    const key = await prepared.write(message, objects, body, "text/csv; charset=utf-8");
    return { ...message.payload, object_key: key, object_rows: rows.length };
  },
});

async function toCsv(rows: readonly JsonObject[], settings: Config): Promise<string> {
  const columns = columnsOf(rows, settings.columns);
  const lines = rows.map((row) => columns.map(({ field }) => toCell(Object.hasOwn(row, field) ? row[field] : null)));
  if (settings.header && columns.length > 0) lines.unshift(columns.map(({ header }) => header));
  const cells = settings.escape_formulas ? lines.map((line) => line.map(withoutFormula)) : lines;
  // Loaded with the first row that is written.
  const { stringify } = await import("csv-stringify/sync");
  return stringify(cells, {
    delimiter: settings.delimiter,
    record_delimiter: settings.line_end === "lf" ? "\n" : "\r\n",
    // Either ends a line for those who read it, whichever we write.
    quote_record_delimiter: true,
    quoted: settings.quote === "all",
    // An empty cell all by itself would be an empty line, which readers skip.
    quoted_empty: settings.quote === "all" || columns.length === 1,
    bom: settings.bom,
  });
}

function columnsOf(rows: readonly JsonObject[], columns: Config["columns"]): { field: string; header: string }[] {
  if (columns !== undefined) {
    return columns.map((column) => (typeof column === "string" ? { field: column, header: column } : column));
  }
  const fields = new Set<string>();
  for (const row of rows) for (const field of Object.keys(row)) fields.add(field);
  return [...fields].map((field) => ({ field, header: field }));
}

function toCell(value: JsonValue | undefined): string | number {
  if (value === null || value === undefined) return "";
  if (typeof value === "string" || typeof value === "number") return value;
  return JSON.stringify(value);
}

/** Not by the library, which takes a negative number for a formula. */
function withoutFormula(cell: string | number): string | number {
  return typeof cell === "string" && /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
}

function checkRow(row: JsonValue, index: number): JsonObject {
  if (typeof row === "object" && row !== null && !Array.isArray(row)) return row;
  throw new AdapterError("ROW_INVALID", `Row ${index + 1} is not an object, which has a field per column.`, {
    retryable: false,
  });
}
