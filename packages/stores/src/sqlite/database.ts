import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MillraceError } from "@millrace/protocol";

/**
 * What a commit survives. `normal`: the death of the process. `full`: a power cut as well, at the price of one flush
 * to the disk per group commit.
 */
export type Durability = "normal" | "full";

const MIGRATIONS = join(import.meta.dirname, "migrations");

/** Waits so long for a lock that another process holds on the database, in milliseconds: short, as it blocks. */
const BUSY_TIMEOUT_MS = 50;

/** Positions are never given out twice, even if the newest rows of the journal are deleted: this remembers the last. */
export const KEEP_POSITION =
  "INSERT INTO meta (key, value) VALUES ('position', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value";

/**
 * Opens the database file `millrace.db` in `dataDir`, and brings its schema up to date.
 * @throws MillraceError DATA_DIR_UNUSABLE
 */
export function openDatabase(dataDir: string, durability: Durability): DatabaseSync {
  const file = join(dataDir, "millrace.db");
  try {
    mkdirSync(dataDir, { recursive: true });
    const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
    database.exec("PRAGMA journal_mode = WAL");
    database.exec(`PRAGMA synchronous = ${durability === "full" ? "FULL" : "NORMAL"}`);
    database.exec("PRAGMA foreign_keys = ON");
    database.exec("PRAGMA temp_store = MEMORY");
    database.exec("PRAGMA cache_size = -65536");
    migrate(database);
    return database;
  } catch (error) {
    if (error instanceof MillraceError) throw error;
    throw new MillraceError("DATA_DIR_UNUSABLE", `The database ${file} cannot be opened: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/**
 * Takes the data directory for this process, until the returned function is called or the process is gone. The lock is
 * SQLite's own on a file of its own: the system frees it however the process dies, and nothing stale can stay behind.
 * @throws MillraceError DATA_DIR_IN_USE, DATA_DIR_UNUSABLE
 */
export function lockDataDir(dataDir: string): () => void {
  let lock: DatabaseSync;
  try {
    mkdirSync(dataDir, { recursive: true });
    lock = new DatabaseSync(join(dataDir, "lock.db"), { timeout: 2_000 });
  } catch (error) {
    throw new MillraceError("DATA_DIR_UNUSABLE", `The data directory ${dataDir} cannot be used: ${messageOf(error)}`, {
      cause: error,
    });
  }
  try {
    lock.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    lock.close();
    if (!messageOf(error).includes("locked")) {
      throw new MillraceError(
        "DATA_DIR_UNUSABLE",
        `The data directory ${dataDir} cannot be used: ${messageOf(error)}`,
        {
          cause: error,
        },
      );
    }
    throw new MillraceError(
      "DATA_DIR_IN_USE",
      `Another Millrace works on the data directory ${dataDir}. Stop it, or choose another with --data-dir.`,
      { cause: error },
    );
  }
  return () => lock.close();
}

/** Runs the migrations that the database has not seen, each in a transaction; `user_version` counts them. */
function migrate(database: DatabaseSync): void {
  const files = readdirSync(MIGRATIONS)
    .filter((name) => name.endsWith(".sql"))
    .sort();
  const row = database.prepare("PRAGMA user_version").get();
  const version = Number(row?.user_version ?? 0);
  if (version > files.length) {
    throw new MillraceError(
      "DATA_DIR_UNUSABLE",
      `The database was written by a newer Millrace (schema ${version}, this one knows ${files.length}). Update Millrace, or choose another data directory.`,
    );
  }
  for (const [index, name] of files.entries()) {
    if (index < version) continue;
    database.exec("BEGIN IMMEDIATE");
    try {
      database.exec(readFileSync(join(MIGRATIONS, name), "utf8"));
      database.exec(`PRAGMA user_version = ${index + 1}`);
      database.exec("COMMIT");
    } catch (error) {
      database.exec("ROLLBACK");
      throw error;
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
