import type { DatabaseSync } from "node:sqlite";
import type { Journal, ObjectLog, StoredObjectPage, StoredObjectQuery, StoredObjects } from "@millrace/engine";
import type { Committer } from "../committer.ts";
import type { ExecutionKeys } from "../execution-keys.ts";
import { listObjects } from "./list-objects.ts";
import { SqliteObjectLog } from "./object-log.ts";

/** What messages wrote to the object store, in SQLite. */
export class SqliteStoredObjects implements StoredObjects {
  readonly log: ObjectLog;
  readonly #database: DatabaseSync;
  readonly #committer: Committer;
  readonly #sql;
  #complete: boolean;

  constructor(database: DatabaseSync, committer: Committer, keys: ExecutionKeys, journal: Pick<Journal, "bounds">) {
    this.#database = database;
    this.#committer = committer;
    this.log = new SqliteObjectLog(database, committer, keys, journal);
    this.#sql = {
      known: database.prepare(
        "SELECT value FROM json_each(?) WHERE EXISTS (SELECT 1 FROM objects WHERE gone = 0 AND key = value)",
      ),
      markComplete: database.prepare("DELETE FROM meta WHERE key = 'objects_missing'"),
    };
    this.#complete = database.prepare("SELECT 1 FROM meta WHERE key = 'objects_missing'").get() === undefined;
  }

  get complete(): boolean {
    return this.#complete;
  }

  list(query: StoredObjectQuery): Promise<StoredObjectPage> {
    return listObjects({ database: this.#database, committer: this.#committer }, query);
  }

  known(keys: readonly string[]): Promise<ReadonlySet<string>> {
    return this.#committer.read(
      () => new Set(this.#sql.known.all(JSON.stringify(keys)).map((row) => String(row.value))),
    );
  }

  async markComplete(): Promise<void> {
    await this.#committer.submit(() => this.#sql.markComplete.run(), { patient: true, weight: 0 });
    this.#complete = true;
  }
}
