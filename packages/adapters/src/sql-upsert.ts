import { type Adapter, AdapterError, defineAdapter } from "@millrace/engine";
import type { JsonValue } from "@millrace/protocol";
import { z } from "zod";
import { EVERYWHERE, type FilePlaces } from "./file-places.ts";
import { rowsField, rowsOf } from "./row-objects.ts";
import { POSTGRES_URL } from "./sql/postgres.ts";
import { upsertPostgres } from "./sql/upsert-postgres.ts";
import { COLUMN_TYPES, type ColumnType, SQLITE_TYPES, toSqlValue } from "./sql-values.ts";
import { inTransaction } from "./sqlite-file.ts";

const nameSchema = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, "must be letters, digits and _, no digit first");

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
    table: nameSchema
      .refine((name) => !/^sqlite_/i.test(name), "must not begin with sqlite_")
      .describe("The table that rows are put into"),
    columns: z
      .record(nameSchema, z.enum(COLUMN_TYPES))
      .describe(
        "The columns, each named as the row's field, with what it takes: `text`, `integer`, `real`, `boolean` (in SQLite as 0 or 1) or `json`; in PostgreSQL a `text` becomes whatever its column is, a time or a UUID",
      ),
    key: z
      .array(z.string())
      .min(1)
      .describe(
        "The columns by which a row is found that is there already: the table's primary key, or a unique index",
      ),
    field: rowsField(),
    newest_by: z
      .string()
      .optional()
      .describe(
        "A column, as a version or time: a row replaces the one that is there only where this is as great or greater",
      ),
    create_table: z
      .boolean()
      .default(false)
      .describe("Whether the file and the table are made where they are not there"),
    wait_seconds: z
      .number()
      .min(0)
      .max(3_600)
      .default(10)
      .describe("The longest wait for another that writes: the SQLite database, or in PostgreSQL the rows, in seconds"),
  })
  .check(({ value, issues }) => {
    const say = (path: (string | number)[], message: string) =>
      issues.push({ code: "custom", input: value, path, message });
    if ((value.file === undefined) === (value.connection === undefined)) say([], "needs either file or connection");
    const columns = Object.keys(value.columns);
    const folded = columns.map((name) => name.toLowerCase());
    for (const [index, name] of columns.entries()) {
      if (folded.indexOf(folded[index] ?? "") !== index) say(["columns", name], "is there twice: case does not count");
    }
    for (const [index, name] of value.key.entries()) {
      if (!Object.hasOwn(value.columns, name)) say(["key", index], `"${name}" is none of the columns`);
      else if (value.columns[name] === "json") say(["key", index], `"${name}" is json, which cannot be a key`);
      else if (value.key.indexOf(name) !== index) say(["key", index], `"${name}" is there twice`);
    }
    if (value.newest_by !== undefined && !Object.hasOwn(value.columns, value.newest_by))
      say(["newest_by"], `"${value.newest_by}" is none of the columns`);
  });

type Config = z.infer<typeof config>;

const EXAMPLE = `version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 250, payload: { kind: reading } } }], outbound: [pages] }
  pages: { adapters: [{ type: batch, config: { size: 100 } }], outbound: [keep] }
  keep:
    adapters:
      - type: sql_upsert
        config:
          file: readings.db
          table: readings
          columns: { index: integer, kind: text }
          key: [index]
          field: items
          create_table: true
init_message: { route: make }
`;

interface Prepared {
  readonly columns: readonly { readonly name: string; readonly type: ColumnType; readonly isKey: boolean }[];
  readonly createSql: string;
  readonly upsertSql: string;
}

/** Puts rows into a table of a database, by their key. */
export const sqlUpsert: Adapter<Config, Prepared> = makeSqlUpsert(EVERYWHERE);

/** The same, for the files of these places. */
export function makeSqlUpsert(places: FilePlaces): Adapter<Config, Prepared> {
  return defineAdapter({
    type: "sql_upsert",
    category: "sink",
    stateful: ({ file }) => file !== undefined,
    description:
      "Puts the payload, or the rows of a batch, into a table of an SQLite or PostgreSQL database: a row whose key is there already is replaced. Adds `rows_written`.",
    config,
    example: EXAMPLE,
    prepare: (settings) => ({
      columns: Object.entries(settings.columns).map(([name, type]) => ({
        name,
        type,
        isKey: settings.key.includes(name),
      })),
      createSql: createSql(settings),
      upsertSql: upsertSql(settings),
    }),
    async process({ payload }, { config: settings, prepared, signal }) {
      const rows = rowsOf(payload, settings.field);
      const { connection, file = "" } = settings;
      if (connection !== undefined) {
        const target = {
          url: connection,
          table: settings.table,
          columns: prepared.columns,
          newestBy: settings.newest_by,
          createTable: settings.create_table,
          waitMs: settings.wait_seconds * 1000,
          signal,
        };
        await upsertPostgres(
          target,
          rows.map((row, index) => valuesOf(row, index + 1, prepared.columns)),
        );
        return { ...payload, rows_written: rows.length };
      }
      const access = { create: settings.create_table, waitMs: settings.wait_seconds * 1000, signal, places };
      await inTransaction(file, access, function* (database) {
        if (settings.create_table) database.exec(prepared.createSql);
        const upsert = database.prepare(prepared.upsertSql);
        for (const [index, row] of rows.entries()) yield upsert.run(...valuesOf(row, index + 1, prepared.columns));
      });
      return { ...payload, rows_written: rows.length };
    },
  });
}

function valuesOf(row: JsonValue, number: number, columns: Prepared["columns"]) {
  if (typeof row !== "object" || row === null || Array.isArray(row)) {
    throw new AdapterError("ROW_INVALID", `Row ${number} is not an object, which has a field per column.`, {
      retryable: false,
    });
  }
  return columns.map(({ name, type, isKey }) => {
    const value = toSqlValue(Object.hasOwn(row, name) ? row[name] : null, type, name, number);
    // SQLite holds no two nulls for the same, so that such a row would be there again each time.
    if (value === null && isKey) {
      throw new AdapterError("KEY_MISSING", `Row ${number} has no "${name}", which belongs to the key.`, {
        retryable: false,
      });
    }
    return value;
  });
}

function createSql({ table, columns, key }: Config): string {
  const defined = Object.entries(columns).map(
    ([name, type]) => `"${name}" ${SQLITE_TYPES[type]}${key.includes(name) ? " NOT NULL" : ""}`,
  );
  return `CREATE TABLE IF NOT EXISTS "${table}" (${defined.join(", ")}, PRIMARY KEY (${quoted(key)}))`;
}

function upsertSql({ table, columns, key, newest_by: newestBy }: Config): string {
  const names = Object.keys(columns);
  const rest = names.filter((name) => !key.includes(name));
  const set = rest.map((name) => `"${name}" = excluded."${name}"`).join(", ");
  const newer =
    newestBy === undefined
      ? ""
      : ` WHERE "${table}"."${newestBy}" IS NULL OR excluded."${newestBy}" >= "${table}"."${newestBy}"`;
  const action = rest.length === 0 ? "DO NOTHING" : `DO UPDATE SET ${set}${newer}`;
  return `INSERT INTO "${table}" (${quoted(names)}) VALUES (${names.map(() => "?").join(", ")}) ON CONFLICT (${quoted(key)}) ${action}`;
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(", ");
}
