import { AdapterError } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import { firstWord } from "./first-word.ts";
import { overPostgres } from "./postgres.ts";
import { postgresTypes } from "./postgres-values.ts";

/** How a query is asked. */
export interface PostgresQuery {
  readonly url: string;
  readonly sql: string;
  readonly parameters: readonly unknown[];
  /** Rows that are fetched at once. */
  readonly fetchRows: number;
  /** The longest that the server may take for each of those, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * The rows of a query, as they come; the server writes nothing for it.
 * @throws AdapterError SQL_READ_ONLY where the statement is none that finds rows, and as `overPostgres`
 */
export async function* queryPostgres(query: PostgresQuery): AsyncGenerator<JsonObject[], void> {
  const { url, sql, parameters, fetchRows, timeoutMs, signal } = query;
  checkFindsRows(sql);
  const [{ default: Cursor }, types] = await Promise.all([import("pg-cursor"), postgresTypes()]);
  yield* overPostgres(url, signal, async function* (client) {
    await client.query("BEGIN READ ONLY");
    await client.query(
      `SET LOCAL statement_timeout = ${Math.ceil(timeoutMs)}; SET LOCAL datestyle = 'ISO'; SET LOCAL timezone = 'UTC'; SET LOCAL intervalstyle = 'iso_8601'; SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1`,
    );
    // The extended protocol: one statement, and values apart from it.
    const cursor = client.query(new Cursor<JsonObject>(sql, [...parameters], { types }));
    while (true) {
      const rows = await cursor.read(fetchRows);
      if (rows.length === 0) break;
      yield rows;
      signal.throwIfAborted();
    }
    await cursor.close();
    await client.query("COMMIT");
  });
}

/**
 * A transaction that only reads still lets a superuser's `COPY … TO PROGRAM` and `DO` start programs on the server, and a
 * `COPY … TO STDOUT` answers in a way that a cursor does not know.
 */
function checkFindsRows(sql: string): void {
  const word = /[a-z]*/iy;
  word.lastIndex = firstWord(sql);
  const [name = ""] = word.exec(sql) ?? [];
  if (/^(?:select|with|values|table|show)$/i.test(name)) return;
  const shown = name === "" ? "" : `, not ${name.toUpperCase()}`;
  throw new AdapterError(
    "SQL_READ_ONLY",
    `The statement must begin with SELECT, WITH, VALUES, TABLE or SHOW${shown}: it may only read.`,
    { retryable: false },
  );
}
