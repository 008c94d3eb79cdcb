import { realpathSync } from "node:fs";
import { constants, DatabaseSync } from "node:sqlite";
import { AdapterError } from "@millrace/engine";
import type { JsonObject, JsonValue } from "@millrace/protocol";
import type { SqliteWork } from "../work-threads/work-messages.ts";

import { firstWord } from "./first-word.ts";

/** Rows that leave together. */
const ROWS_AT_ONCE = 500;

/** And not many more characters than that. */
const CHARACTERS_AT_ONCE = 512 * 1024;

/** What a query may do: read, and nothing that reaches another file or a setting. */
const ALLOWED = new Set([
  constants.SQLITE_SELECT,
  constants.SQLITE_READ,
  constants.SQLITE_FUNCTION,
  constants.SQLITE_RECURSIVE,
]);

/**
 * The rows of a query over an SQLite file, some at a time: `{rows}`.
 * @throws AdapterError SQL_INVALID, SQL_READ_ONLY, DATABASE_INVALID (not retryable), DATABASE_BUSY, DATABASE_UNAVAILABLE
 */
export function* querySqlite({ file, shown, sql, parameters, waitMs }: SqliteWork): Generator<JsonObject, void> {
  let database: DatabaseSync | undefined;
  let denied = false;
  try {
    database = new DatabaseSync(realpathSync(file), { readOnly: true, readBigInts: true, timeout: waitMs });
    const own = database
      .prepare("SELECT count(*) AS n FROM sqlite_schema WHERE name IN ('journal', 'executions', 'config_versions')")
      .get();
    if (own?.n === 3n) throw fault("DATABASE_INVALID", `${shown} is a database of Millrace itself`, false);
    database.setAuthorizer((action) => {
      if (ALLOWED.has(action)) return constants.SQLITE_OK;
      denied = true;
      return constants.SQLITE_DENY;
    });
    const statement = database.prepare(sql);
    // SQLite leaves what follows the first statement, and says nothing.
    const rest = sql.slice(statement.sourceSQL.length);
    if (firstWord(rest) < rest.length) {
      throw fault("SQL_INVALID", "There is more than one statement: only the first would run", false);
    }
    let rows: JsonObject[] = [];
    let characters = 0;
    for (const found of statement.iterate(...parameters)) {
      const row: JsonObject = {};
      for (const [name, value] of Object.entries(found)) {
        const told = toJson(value);
        row[name] = told;
        characters += typeof told === "string" ? told.length : 8;
      }
      rows.push(row);
      if (rows.length < ROWS_AT_ONCE && characters < CHARACTERS_AT_ONCE) continue;
      yield { rows };
      rows = [];
      characters = 0;
    }
    if (rows.length > 0) yield { rows };
  } catch (error) {
    if (error instanceof AdapterError) throw error;
    throw toAdapterError(error, shown, denied);
  } finally {
    database?.close();
  }
}

/** Whole numbers beyond 2^53 as text, bytes in base64. */
function toJson(value: unknown): JsonValue {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  return typeof value === "string" ? value : null;
}

function toAdapterError(error: unknown, shown: string, denied: boolean): AdapterError {
  const why = (error instanceof Error ? error.message : String(error)).replace(/\.$/, "");
  if (denied) return fault("SQL_READ_ONLY", `The statement does more than read ${shown}: ${why}`, false, error);
  const code =
    error instanceof Error && "errcode" in error && typeof error.errcode === "number" ? error.errcode & 0xff : null;
  if (code === 5 || code === 6)
    return fault("DATABASE_BUSY", `Another process holds the database ${shown}: ${why}`, true, error);
  if (code === 11 || code === 26) return fault("DATABASE_INVALID", `${shown} cannot be read: ${why}`, false, error);
  if (code === 10 || code === 14) return fault("DATABASE_UNAVAILABLE", `${shown} cannot be read: ${why}`, true, error);
  return fault("SQL_INVALID", `The statement cannot run over ${shown}: ${why}`, false, error);
}

function fault(code: string, text: string, retryable: boolean, cause?: unknown): AdapterError {
  return new AdapterError(code, `${text}.`, { retryable, cause });
}
