import { type Adapter, AdapterError, defineAdapter } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import { z } from "zod";
import { BrokenRows } from "./broken-rows.ts";
import { CsvReader, type CsvRow } from "./csv-reader.ts";
import { EVERYWHERE, type FilePlaces } from "./file-places.ts";
import { keptOf, rowFields, textOf } from "./row-source.ts";

const config = z
  .strictObject({
    ...rowFields,
    delimiter: z
      .string()
      .regex(/^[^"\r\n]{1,8}$/, "must be 1 to 8 characters, without quotes and line ends")
      .default(",")
      .describe('What stands between values; `"\\t"` for a tab'),
    quote: z
      .string()
      .regex(/^[^\r\n]?$/, "must be one character, or empty")
      .default('"')
      .describe(
        "What stands around values that hold a delimiter or a line end, and is doubled in them; empty: nothing",
      ),
    header: z.boolean().default(true).describe("Whether the first row names the columns"),
    columns: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe("The columns' names, instead of those of the header; without both, `column_1`, `column_2` and so on"),
  })
  .refine(({ delimiter, quote }) => quote === "" || !delimiter.includes(quote), {
    path: ["quote"],
    message: "must not be part of delimiter",
  });

const EXAMPLE = `version: "1.0"
routes:
  people: { adapters: [{ type: csv_rows, config: { field: csv, broken_to: broken } }, { type: log, config: { message: "\${row}: \${name}" } }] }
  broken: { adapters: [{ type: log, config: { level: warn, message: "line \${line}: \${error}" } }] }
init_message: { route: people, payload: { csv: "name,born\\nAda,1815\\nGrace\\n" } }
`;

/** One message per row of a CSV. */
export const csvRows: Adapter<z.infer<typeof config>> = makeCsvRows(EVERYWHERE);

/** The same, for the files of these places. */
export function makeCsvRows(places: FilePlaces): Adapter<z.infer<typeof config>> {
  return defineAdapter({
    type: "csv_rows",
    category: "source",
    // Without a field it reads a file of this machine.
    stateful: ({ field }) => field === undefined,
    description:
      "Reads a CSV, from the file at `path` or from a field: one message per row, with a text per column and the row's number.",
    config,
    example: EXAMPLE,
    references: ({ broken_to: to }) => (to === undefined ? {} : { routes: [{ route: to, path: ["broken_to"] }] }),
    async *process({ payload }, { config: settings, signal, log }) {
      const { delimiter, quote, number_field: numberField } = settings;
      const kept = keptOf(payload, settings.keep);
      const broken = new BrokenRows(settings.broken_to, settings.max_broken, kept);
      const reader = new CsvReader({ delimiter, quote, maxRow: settings.max_row_length });
      let columns: readonly string[] | null = settings.header ? null : (settings.columns ?? []);
      let number = 0;
      let good = 0;
      for await (const row of rowsOf(
        reader,
        textOf(payload, { ...settings, maxBytes: settings.max_bytes, places }, signal),
      )) {
        if (columns === null) {
          columns = columnsOf(row, settings.columns, numberField);
          continue;
        }
        number += 1;
        if (columns.length === 0 && "fields" in row) columns = row.fields.map((_, index) => `column_${index + 1}`);
        const error = "error" in row ? row.error : problem(row.fields, columns);
        if (error !== null) {
          const text = "error" in row ? row.text : row.fields.join(delimiter).slice(0, 1000);
          yield* broken.note({ row: number, line: row.line, error, text });
        } else if ("fields" in row) {
          good += 1;
          yield toMessage(kept, columns, row.fields, numberField, number);
        }
      }
      broken.end(good, log);
    },
  });
}

async function* rowsOf(reader: CsvReader, pieces: AsyncIterable<string>): AsyncGenerator<CsvRow> {
  for await (const piece of pieces) yield* reader.push(piece);
  yield* reader.end();
}

function columnsOf(row: CsvRow, given: readonly string[] | undefined, numberField: string): readonly string[] {
  const fail = (why: string): never => {
    throw new AdapterError("CSV_HEADER_INVALID", `The header, line ${row.line}, cannot be used: ${why}.`, {
      retryable: false,
    });
  };
  if ("error" in row) return fail(row.error);
  if (row.fields.some((name) => /[\0\uFFFD]/.test(name))) return fail("it is not text in the given encoding");
  const names = given ?? row.fields.map((name, index) => name.trim() || `column_${index + 1}`);
  if (names.length !== row.fields.length) return fail(`it has ${row.fields.length} columns, not ${names.length}`);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) return fail(`two columns are named "${twice}". Name them with columns`);
  if (names.includes(numberField)) return fail(`a column is named "${numberField}", as number_field is. Set another`);
  return names;
}

function problem(fields: readonly string[], columns: readonly string[]): string | null {
  if (fields.length !== columns.length) return `it has ${fields.length} values for ${columns.length} columns`;
  return fields.some((value) => value.includes("\uFFFD")) ? "it holds bytes that are not of the encoding" : null;
}

function toMessage(
  kept: JsonObject,
  columns: readonly string[],
  fields: readonly string[],
  numberField: string,
  number: number,
): JsonObject {
  const values = columns.map((name, index) => [name, fields[index] ?? ""] as const);
  return { ...kept, ...Object.fromEntries(values), [numberField]: number };
}
