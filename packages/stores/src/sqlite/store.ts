import type { DatabaseSync } from "node:sqlite";
import type { Failures, Journal, Records, WorkQueue } from "@millrace/engine";
import { Committer } from "./committer.ts";
import { type Durability, lockDataDir, openDatabase, unusable } from "./database.ts";
import { ExecutionKeys } from "./execution-keys.ts";
import { SqliteFailures } from "./failures.ts";
import { SqliteJournal } from "./journal.ts";
import { SqliteRecords } from "./records.ts";
import { SqliteWorkQueue } from "./work-queue.ts";

/** The embedded store: four ports over one file, written by one process. */
export interface SqliteStore {
  readonly journal: Journal;
  readonly work: WorkQueue;
  readonly failures: Failures;
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
  let database: DatabaseSync | undefined;
  try {
    database = openDatabase(dataDir, options.durability);
    return overDatabase(database, unlock);
  } catch (error) {
    database?.close();
    unlock();
    throw unusable(dataDir, error);
  }
}

function overDatabase(database: DatabaseSync, unlock: () => void): SqliteStore {
  const keys = new ExecutionKeys(database);
  const committer = new Committer(database, () => keys.forgetAll());
  let isOpen = true;
  return {
    journal: new SqliteJournal(database, committer, keys),
    work: new SqliteWorkQueue(database, committer, keys),
    failures: new SqliteFailures(database, keys),
    records: new SqliteRecords(database, committer, keys),
    close() {
      if (!isOpen) return;
      isOpen = false;
      committer.close();
      database.close();
      unlock();
    },
  };
}
