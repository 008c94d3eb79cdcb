import type { Journal, Records } from "@millrace/engine";
import { Committer } from "./committer.ts";
import { openReadOnly, unusable } from "./database.ts";
import { ExecutionKeys } from "./execution-keys.ts";
import { SqliteJournal } from "./journal.ts";
import { SqliteRecords } from "./records.ts";

/** What another process may read of the store while one writes it. */
export interface SqliteReader {
  readonly journal: Pick<Journal, "read" | "bounds" | "contains">;
  readonly records: Pick<Records, "inProject" | "findExecution">;
  close(): void;
}

/**
 * Opens the store in `dataDir`, which a process has open, for reading. A commit is there to be read once the writing
 * process has told of it.
 * @throws MillraceError DATA_DIR_UNUSABLE
 */
export function openSqliteReader(dataDir: string): SqliteReader {
  try {
    const database = openReadOnly(dataDir);
    const keys = new ExecutionKeys(database);
    // There is nothing that it could commit: the types below have no way to ask for it, and SQLite would refuse.
    const committer = new Committer(database, () => keys.forgetAll());
    return {
      journal: new SqliteJournal(database, committer, keys),
      records: new SqliteRecords(database, committer, keys),
      close: () => database.close(),
    };
  } catch (error) {
    throw unusable(dataDir, error);
  }
}
