import type { Journal, Records, WorkQueue } from "@millrace/engine";
import { Committer } from "./committer.ts";
import { type Durability, lockDataDir, openDatabase } from "./database.ts";
import { ExecutionKeys } from "./execution-keys.ts";
import { SqliteJournal } from "./journal.ts";
import { SqliteRecords } from "./records.ts";
import { SqliteWorkQueue } from "./work-queue.ts";

/** The embedded store: three ports over one file, written by one process. */
export interface SqliteStore {
  readonly journal: Journal;
  readonly work: WorkQueue;
  readonly records: Records;
  /** Commits what waits, closes the file and frees the data directory. */
  close(): void;
}

/**
 * Opens, or creates, the store in `dataDir`.
 * @throws MillraceError DATA_DIR_IN_USE, DATA_DIR_UNUSABLE
 */
export function openSqliteStore(dataDir: string, options: { durability: Durability }): SqliteStore {
  const unlock = lockDataDir(dataDir);
  try {
    const database = openDatabase(dataDir, options.durability);
    const keys = new ExecutionKeys(database);
    const committer = new Committer(database, () => keys.forgetAll());
    return {
      journal: new SqliteJournal(database, committer, keys),
      work: new SqliteWorkQueue(database, committer, keys),
      records: new SqliteRecords(database, committer, keys),
      close() {
        committer.close();
        database.close();
        unlock();
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}
