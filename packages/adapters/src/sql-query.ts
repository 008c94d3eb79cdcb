import {
  type Adapter,
  AdapterError,
  compileExpression,
  defineAdapter,
  type Expression,
  expressionField,
  type Message,
} from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import { z } from "zod";
import { EVERYWHERE, type FilePlaces } from "./file-places.ts";
import { keptOf } from "./row-source.ts";
import { POSTGRES_URL } from "./sql/postgres.ts";
import { queryPostgres } from "./sql/query-postgres.ts";
import { locateDatabase } from "./sqlite-file.ts";
import { inThread } from "./work-threads/work-thread.ts";

const config = z
  .strictObject({
    file: z
      .string()
      .min(1)
      .regex(/^[^\0]*$/)
      .optional()
      .describe("An SQLite database, a file in the folder that the service was started in"),
    connection: z
      .string()
      .regex(POSTGRES_URL, "must be postgres://user@host:port/database")
      .optional()
      .describe("A PostgreSQL database; use `${secret:NAME}`, so that the password stands in no config, event or log"),
    sql: z
      .string()
      .min(1)
      .max(100_000)
      .describe("One statement that reads; its parameters are `?` in SQLite, and `$1`, `$2` and so on in PostgreSQL"),
    parameters: z
      .array(expressionField())
      .max(1000)
      .default([])
      .describe("A JSONata expression over the payload for each parameter; lists and objects arrive as JSON"),
    number_field: z
      .string()
      .min(1)
      .default("row")
      .describe("The field that gets the row's number; no column may have that name"),
    keep: z
      .array(z.string().min(1))
      .default([])
      .describe("Fields of the message that each row takes along, unless it has a column of that name"),
    max_rows: z.int().min(1).optional().describe("The message fails when there are more rows; default no limit"),
    fetch_rows: z
      .int()
      .min(1)
      .max(100_000)
      .default(500)
      .describe("Rows that PostgreSQL is asked for at once: so many are in memory"),
    query_seconds: z
      .number()
      .gt(0)
      .max(86_400)
      .default(60)
      .describe("The longest that the database may work on the query, in seconds; in PostgreSQL, on each `fetch_rows`"),
    wait_seconds: z
      .number()
      .min(0)
      .max(3600)
      .default(10)
      .describe("The longest wait for another process that writes an SQLite database, in seconds"),
  })
  .refine(({ file, connection }) => (file === undefined) !== (connection === undefined), {
    message: "needs either file or connection",
  });

type Config = z.infer<typeof config>;

const EXAMPLE = `version: "1.0"
routes:
  fill:
    adapters:
      - { type: generate, config: { count: 10, payload: { kind: reading } } }
      - { type: sql_upsert, config: { file: readings.db, table: readings, columns: { index: integer, kind: text }, key: [index], create_table: true } }
      - { type: filter, config: { when: "index = 9" } }
    outbound: [ask]
  ask:
    adapters:
      - type: sql_query
        config: { file: readings.db, sql: "SELECT * FROM readings WHERE \\"index\\" < ? ORDER BY 1", parameters: [index] }
      - { type: log, config: { message: "\${row}: \${kind} \${index}" } }
init_message: { route: fill }
`;

/** One message per row that a query finds. */
export const sqlQuery: Adapter<Config, readonly Expression[]> = makeSqlQuery(EVERYWHERE);

/** The same, for the files of these places. */
export function makeSqlQuery(places: FilePlaces): Adapter<Config, readonly Expression[]> {
  return defineAdapter({
    type: "sql_query",
    category: "source",
    description:
      "Asks an SQLite or PostgreSQL database: one message per row, with a field per column and the row's number. It only reads.",
    config,
    example: EXAMPLE,
    // A file is on the disk of one machine.
    stateful: ({ file }) => file !== undefined,
    prepare: ({ parameters }) => parameters.map(compileExpression),
    async *process(message, { config: settings, prepared, signal }) {
      const { number_field: numberField, max_rows: maxRows } = settings;
      const kept = keptOf(message.payload, settings.keep);
      const isPostgres = settings.connection !== undefined;
      const parameters = await Promise.all(prepared.map((expression) => parameterOf(expression, message, isPostgres)));
      const pages =
        settings.connection === undefined
          ? sqlitePages(settings, parameters, signal, places)
          : queryPostgres({
              url: settings.connection,
              sql: settings.sql,
              parameters,
              fetchRows: settings.fetch_rows,
              timeoutMs: settings.query_seconds * 1000,
              signal,
            });
      let number = 0;
      for await (const rows of pages) {
        for (const row of rows) {
          number += 1;
          if (maxRows !== undefined && number > maxRows) {
            throw terminal("TOO_MANY_ROWS", `The query finds more than ${maxRows} rows (max_rows).`);
          }
          if (Object.hasOwn(row, numberField)) {
            throw terminal("COLUMN_TAKEN", `A column is named "${numberField}", as number_field is. Set another.`);
          }
          yield { ...kept, ...row, [numberField]: number };
        }
      }
    },
  });
}

async function* sqlitePages(
  settings: Config,
  parameters: readonly (string | number | null)[],
  signal: AbortSignal,
  places: FilePlaces,
): AsyncGenerator<JsonObject[]> {
  const shown = settings.file ?? "";
  const file = await locateDatabase(shown, false, places);
  const work = {
    kind: "sqlite",
    query: { file, shown, sql: settings.sql, parameters, waitMs: settings.wait_seconds * 1000 },
  } as const;
  const values = inThread(work, {
    signal,
    timeMs: settings.query_seconds * 1000,
    memoryMb: 1024,
    tooLong: () =>
      new AdapterError("SQL_TIMEOUT", `The query took longer than ${settings.query_seconds} s (query_seconds).`),
    tooMuch: () => terminal("SQL_INVALID", "The query took more than 1024 MiB of memory."),
  });
  // As the thread sends them.
  for await (const { rows } of values) yield rows as JsonObject[];
}

async function parameterOf(
  expression: Expression,
  { payload }: Message,
  isPostgres: boolean,
): Promise<string | number | null> {
  const value: unknown = await expression.evaluate(payload);
  switch (typeof value) {
    case "string":
    case "number":
      return value;
    case "boolean":
      // SQLite has no truth values; PostgreSQL takes them as text.
      return isPostgres ? String(value) : Number(value);
    default:
      return value === undefined || value === null ? null : JSON.stringify(value);
  }
}

function terminal(code: string, message: string): AdapterError {
  return new AdapterError(code, message, { retryable: false });
}
