import { AdapterError } from "@millrace/engine";
import type { PoolClient } from "pg";
import type { ColumnType } from "../sql-values.ts";
import { overPostgres } from "./postgres.ts";

/** Rows of one statement. */
const ROWS_AT_ONCE = 1000;

/** What PostgreSQL calls a column of each type. */
const POSTGRES_TYPES: Readonly<Record<ColumnType, string>> = {
  text: "text",
  integer: "bigint",
  real: "double precision",
  boolean: "boolean",
  json: "jsonb",
};

/** A value of a row, as {@link toSqlValue} makes it. */
type Value = string | number | bigint | null;

/** Which rows go where. */
export interface PostgresUpsert {
  readonly url: string;
  readonly table: string;
  readonly columns: readonly { readonly name: string; readonly type: ColumnType; readonly isKey: boolean }[];
  readonly newestBy: string | undefined;
  readonly createTable: boolean;
  /** The longest wait for a lock that another holds, in milliseconds. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/**
 * Puts rows into a table by their keys: all of them in one transaction, or none.
 * @throws AdapterError TABLE_MISMATCH, and as `overPostgres`
 */
export async function upsertPostgres(target: PostgresUpsert, rows: readonly (readonly Value[])[]): Promise<void> {
  const work = overPostgres(target.url, target.signal, async function* (client) {
    await client.query("BEGIN");
    await client.query(`SET LOCAL lock_timeout = ${Math.max(1, Math.ceil(target.waitMs))}`);
    if (target.createTable) await client.query(createSql(target));
    const sql = await upsertSql(client, target);
    for (const wave of waves(target, rows)) {
      for (let at = 0; at < wave.length; at += ROWS_AT_ONCE) {
        target.signal.throwIfAborted();
        const part = wave.slice(at, at + ROWS_AT_ONCE);
        const values = target.columns.map(({ type }, index) => part.map((row) => textOf(row[index] ?? null, type)));
        await client.query(sql, values);
      }
    }
    target.signal.throwIfAborted();
    await client.query("COMMIT");
    yield true;
  });
  for await (const _ of work);
}

/** Rows of one key must not be in one statement: a later one of them is in a later wave. */
function waves({ columns }: PostgresUpsert, rows: readonly (readonly Value[])[]): (readonly Value[])[][] {
  const keys = columns.flatMap(({ isKey }, index) => (isKey ? [index] : []));
  const seen = new Map<string, number>();
  const made: (readonly Value[])[][] = [];
  for (const row of rows) {
    const key = JSON.stringify(keys.map((index) => String(row[index])));
    const wave = seen.get(key) ?? 0;
    seen.set(key, wave + 1);
    const rowsOfWave = made[wave] ?? [];
    made[wave] = rowsOfWave;
    rowsOfWave.push(row);
  }
  return made;
}

/** As the server reads a value of whatever type its column is. */
function textOf(value: Value, type: ColumnType): string | null {
  if (value === null) return null;
  return type === "boolean" ? String(value === 1) : String(value);
}

/** Values become what the table's columns are: a text may be a time, a number of exact digits, or a UUID. */
async function upsertSql(client: PoolClient, { table, columns, newestBy }: PostgresUpsert): Promise<string> {
  const { rows } = await client.query<{ name: string; type: string }>(
    "SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped",
    [quote(table)],
  );
  const types = new Map(rows.map(({ name, type }) => [name, type]));
  if (types.size === 0) {
    const text = `There is no table "${table}" in the database. Create it, or set create_table: true.`;
    throw new AdapterError("TABLE_MISMATCH", text, { retryable: false });
  }
  const missing = columns.find(({ name }) => !types.has(name));
  if (missing !== undefined) {
    const text = `The table "${table}" has no column "${missing.name}".`;
    throw new AdapterError("TABLE_MISMATCH", text, { retryable: false });
  }
  const names = columns.map(({ name }) => quote(name));
  const rest = columns.filter(({ isKey }) => !isKey).map(({ name }) => quote(name));
  const set = rest.map((name) => `${name} = excluded.${name}`).join(", ");
  const newest = newestBy === undefined ? "" : quote(newestBy);
  const newer =
    newestBy === undefined
      ? ""
      : ` WHERE ${quote(table)}.${newest} IS NULL OR excluded.${newest} >= ${quote(table)}.${newest}`;
  const keys = columns.filter(({ isKey }) => isKey).map(({ name }) => quote(name));
  const cast = columns.map(({ name }, index) => `u.c${index}::${types.get(name)}`).join(", ");
  const unnest = columns.map((_, index) => `$${index + 1}::text[]`).join(", ");
  const aliases = columns.map((_, index) => `c${index}`).join(", ");
  const action = rest.length === 0 ? "DO NOTHING" : `DO UPDATE SET ${set}${newer}`;
  return `INSERT INTO ${quote(table)} (${names.join(", ")}) SELECT ${cast} FROM unnest(${unnest}) AS u(${aliases}) ON CONFLICT (${keys.join(", ")}) ${action}`;
}

function createSql({ table, columns }: PostgresUpsert): string {
  const defined = columns.map(({ name, type }) => `${quote(name)} ${POSTGRES_TYPES[type]}`);
  const keys = columns.filter(({ isKey }) => isKey).map(({ name }) => quote(name));
  return `CREATE TABLE IF NOT EXISTS ${quote(table)} (${defined.join(", ")}, PRIMARY KEY (${keys.join(", ")}))`;
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
