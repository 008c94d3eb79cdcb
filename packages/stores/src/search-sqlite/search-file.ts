import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { getLoadablePath } from "sqlite-vec";
import { migrate } from "../sqlite/migrate.ts";
import { cosineDistance } from "./cosine-distance.ts";

/** The name of the file in the data directory. */
export const SEARCH_FILE = "search.db";

/** Waits so long for a thread that is about to end, in milliseconds. */
const LOCK_TIMEOUT_MS = 5_000;

/** Opens the collections' own database in the data directory, or makes it. */
export function openSearchFile(dataDir: string): DatabaseSync {
  const database = new DatabaseSync(join(dataDir, SEARCH_FILE), { timeout: LOCK_TIMEOUT_MS, allowExtension: true });
  try {
    database.exec("PRAGMA page_size = 8192");
    database.exec("PRAGMA journal_mode = WAL");
    database.exec("PRAGMA journal_size_limit = 67108864");
    database.exec("PRAGMA synchronous = NORMAL");
    database.exec("PRAGMA temp_store = MEMORY");
    database.exec("PRAGMA cache_size = -65536");
    database.exec("PRAGMA mmap_size = 1073741824");
    loadVectors(database);
    database.enableLoadExtension(false);
    migrate(database, join(import.meta.dirname, "migrations"));
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Where there is no build of the extension for the machine, what it would do is done here, some times slower. */
function loadVectors(database: DatabaseSync): void {
  try {
    database.loadExtension(getLoadablePath());
  } catch {
    database.function("vec_distance_cosine", { deterministic: true }, cosineDistance);
  }
}
