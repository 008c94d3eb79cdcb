import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const SCHEMA = join(import.meta.dirname, "schema.sql");

/** To be raised with every change of the schema, or of what is read off the journal: older files are made anew. */
const VERSION = 2;

/** Waits so long for a thread that is about to end, in milliseconds. */
const LOCK_TIMEOUT_MS = 5_000;

/** The name of the file in its folder. */
export const LINEAGE_FILE = "lineage.db";

/** Opens the file, or makes it anew where there is none, or one that cannot be used: the journal has all that it held. */
export function openProjectionFile(folder: string): DatabaseSync {
  const file = join(folder, LINEAGE_FILE);
  try {
    return open(file);
  } catch {
    discardProjectionFile(folder);
    return open(file);
  }
}

/** Removes the file. */
export function discardProjectionFile(folder: string): void {
  for (const end of ["", "-wal", "-shm"]) rmSync(join(folder, LINEAGE_FILE) + end, { force: true });
}

function open(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: LOCK_TIMEOUT_MS });
  try {
    // Small, as what is written is spread over an index.
    database.exec("PRAGMA page_size = 4096");
    database.exec("PRAGMA journal_mode = WAL");
    database.exec("PRAGMA synchronous = NORMAL");
    database.exec("PRAGMA temp_store = MEMORY");
    database.exec("PRAGMA cache_size = -65536");
    database.exec("PRAGMA wal_autocheckpoint = 8192");
    const version = Number(database.prepare("PRAGMA user_version").get()?.user_version ?? 0);
    if (version === 0) {
      database.exec("BEGIN IMMEDIATE");
      database.exec(readFileSync(SCHEMA, "utf8"));
      database.exec(`PRAGMA user_version = ${VERSION}`);
      database.exec("COMMIT");
    } else if (version !== VERSION) {
      throw new Error(`The schema is ${version}.`);
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
