import { realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { AdapterError } from "@millrace/engine";
import { type FilePlaces, NOT_GRANTED } from "./file-places.ts";
import { isInside } from "./is-inside.ts";

/** How long work goes on before others have their turn, in milliseconds. */
const TURN_MS = 5;

/** How often a lock that another process holds is tried, in milliseconds: waiting in SQLite would stop everything. */
const LOCK_MS = 20;

const BUSY = 5;
const LOCKED = 6;

/** How a database is to be opened and waited for. */
export interface SqliteAccess {
  /** Whether a file that is not there is made. */
  readonly create: boolean;
  /** The longest wait for a lock of another process, in milliseconds. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
  readonly places: FilePlaces;
}

/** What is done in one transaction; each value that it yields is a place where others may have their turn. */
export type Work = (database: DatabaseSync) => Iterable<unknown>;

/** The last transaction per file, of this thread: one waits for the other in the order in which they come. */
const transactions = new Map<string, Promise<void>>();

/**
 * Does work in one transaction: all of it is in the database afterwards, or nothing. Others have their turn every few
 * milliseconds.
 * @throws AdapterError PATH_OUTSIDE_ROOT, DATABASE_NOT_FOUND, DATABASE_INVALID, TABLE_MISMATCH, ROW_REJECTED (not
 * retryable), DATABASE_BUSY, DATABASE_UNAVAILABLE
 */
export async function inTransaction(path: string, access: SqliteAccess, work: Work): Promise<void> {
  const file = await locateDatabase(path, access.create, access.places);
  const before = transactions.get(file) ?? Promise.resolve();
  const own = before.then(() => transact(file, path, access, work));
  const settled = own.catch(() => undefined);
  transactions.set(file, settled);
  try {
    await own;
  } finally {
    if (transactions.get(file) === settled) transactions.delete(file);
  }
}

async function transact(file: string, path: string, access: SqliteAccess, work: Work): Promise<void> {
  const { signal } = access;
  signal.throwIfAborted();
  // Loaded with the first row that is written.
  const { DatabaseSync } = await import("node:sqlite");
  let database: DatabaseSync | undefined;
  try {
    // Large ids of rows come back from each statement, too.
    database = new DatabaseSync(file, { timeout: 0, readBigInts: true });
    await whenFree(database, "BEGIN IMMEDIATE", path, access);
    refuseOwn(database, path);
    let turnEnds = performance.now() + TURN_MS;
    for (const _ of work(database)) {
      if (performance.now() < turnEnds) continue;
      await nextTurn();
      signal.throwIfAborted();
      turnEnds = performance.now() + TURN_MS;
    }
    signal.throwIfAborted();
    await whenFree(database, "COMMIT", path, access);
  } catch (error) {
    if (error instanceof AdapterError || errcodeOf(error) === null) throw error;
    throw toAdapterError(error, path);
  } finally {
    // What is not committed is rolled back.
    database?.close();
  }
}

async function whenFree(database: DatabaseSync, sql: string, path: string, access: SqliteAccess): Promise<void> {
  const until = performance.now() + access.waitMs;
  while (true) {
    try {
      database.exec(sql);
      return;
    } catch (error) {
      const code = errcodeOf(error);
      if (code !== BUSY && code !== LOCKED) throw error;
      if (performance.now() >= until) {
        throw new AdapterError(
          "DATABASE_BUSY",
          `Another process has held the database ${path} for ${access.waitMs / 1000} s (wait_seconds).`,
          { cause: error },
        );
      }
      await sleep(LOCK_MS, undefined, { signal: access.signal });
    }
  }
}

/**
 * The real file, in the folder that the service was started in, whatever links lead to it.
 * @throws AdapterError PATH_OUTSIDE_ROOT, DATABASE_NOT_FOUND, DATABASE_INVALID; not retryable
 */
export async function locateDatabase(path: string, create: boolean, places: FilePlaces): Promise<string> {
  const root = await realpath(".");
  const wanted = resolve(path);
  const folder = await realpath(dirname(wanted)).catch((error: unknown) => {
    throw new AdapterError("DATABASE_NOT_FOUND", `The folder of ${path} is not there: create it.`, {
      retryable: false,
      cause: error,
    });
  });
  // A file that is to be made has no real path yet.
  const real = await realpath(wanted).catch(() => join(folder, basename(wanted)));
  if (!isInside(real, root)) {
    throw new AdapterError(
      "PATH_OUTSIDE_ROOT",
      `The file ${path} is not in the folder that the service was started in; databases elsewhere are not opened.`,
      { retryable: false },
    );
  }
  if (!places.allows(real)) {
    throw new AdapterError("PATH_OUTSIDE_ROOT", `The database ${path} is not opened: ${NOT_GRANTED}.`, {
      retryable: false,
    });
  }
  const found = await stat(real).catch(() => null);
  if (found === null && !create) {
    throw new AdapterError(
      "DATABASE_NOT_FOUND",
      `There is no database ${path}. Create it with its table, or set create_table: true.`,
      { retryable: false },
    );
  }
  if (found !== null && !found.isFile()) throw invalid(path, "it is no file");
  return real;
}

/** Millrace's own journal is nothing to write rows into. */
function refuseOwn(database: DatabaseSync, path: string): void {
  const own = database
    .prepare("SELECT count(*) AS n FROM sqlite_schema WHERE name IN ('journal', 'executions', 'config_versions')")
    .get();
  if (own?.n === 3n) throw invalid(path, "it is a database of Millrace itself");
}

function invalid(path: string, why: string, cause?: unknown): AdapterError {
  return new AdapterError("DATABASE_INVALID", `${path} cannot be written: ${why}.`, { retryable: false, cause });
}

function toAdapterError(error: unknown, path: string): AdapterError {
  const why = error instanceof Error ? error.message : String(error);
  switch (errcodeOf(error)) {
    case 1:
      return new AdapterError("TABLE_MISMATCH", `The rows do not fit the database ${path}: ${why}.`, {
        retryable: false,
        cause: error,
      });
    case 11:
    case 26:
      return invalid(path, why, error);
    case 19:
    case 20:
      return new AdapterError("ROW_REJECTED", `The database ${path} refuses a row: ${why}.`, {
        retryable: false,
        cause: error,
      });
    default:
      return new AdapterError("DATABASE_UNAVAILABLE", `The database ${path} cannot be written: ${why}.`, {
        cause: error,
      });
  }
}

/** SQLite's primary result code; null where the error is not SQLite's. */
function errcodeOf(error: unknown): number | null {
  return error instanceof Error && "errcode" in error && typeof error.errcode === "number"
    ? error.errcode & 0xff
    : null;
}
