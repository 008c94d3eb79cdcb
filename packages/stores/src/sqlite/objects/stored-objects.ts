import type { DatabaseSync } from "node:sqlite";
import type {
  Journal,
  ObjectLog,
  StoredObjectPage,
  StoredObjectQuery,
  StoredObjects,
  ToLookThrough,
} from "@millrace/engine";
import type { Committer } from "../committer.ts";
import type { ExecutionKeys } from "../execution-keys.ts";
import { listObjects } from "./list-objects.ts";
import { SqliteObjectLog } from "./object-log.ts";
import { endOf } from "./object-row.ts";

/** What messages wrote to the object store, in SQLite. */
export class SqliteStoredObjects implements StoredObjects {
  readonly log: ObjectLog;
  readonly #database: DatabaseSync;
  readonly #committer: Committer;
  readonly #sql;
  #toLookThrough: ToLookThrough;

  constructor(database: DatabaseSync, committer: Committer, keys: ExecutionKeys, journal: Pick<Journal, "bounds">) {
    this.#database = database;
    this.#committer = committer;
    this.log = new SqliteObjectLog(database, committer, keys, journal);
    this.#sql = {
      known: database.prepare(
        "SELECT value FROM json_each(?) WHERE EXISTS (SELECT 1 FROM objects WHERE gone = 0 AND key = value)",
      ),
      note: database.prepare("INSERT OR IGNORE INTO meta (key, value) SELECT ? || value, 1 FROM json_each(?)"),
      noted: database.prepare("SELECT key FROM meta WHERE key >= ? AND key < ?"),
      forget: database.prepare("DELETE FROM meta WHERE key >= ? AND key < ?"),
    };
    const noted = this.#sql.noted.all(...NOTES).map((row) => String(row.key));
    this.#toLookThrough = {
      all: noted.includes(EVERYWHERE),
      executionIds: noted.filter((key) => key !== EVERYWHERE).map((key) => key.slice(IN_EXECUTION.length)),
    };
  }

  get toLookThrough(): ToLookThrough {
    return this.#toLookThrough;
  }

  list(query: StoredObjectQuery): Promise<StoredObjectPage> {
    return listObjects({ database: this.#database, committer: this.#committer }, query);
  }

  known(keys: readonly string[]): Promise<ReadonlySet<string>> {
    return this.#committer.read(
      () => new Set(this.#sql.known.all(JSON.stringify(keys)).map((row) => String(row.value))),
    );
  }

  async lookThrough(executionIds: readonly string[]): Promise<void> {
    const ids = [...new Set([...this.#toLookThrough.executionIds, ...executionIds])];
    await this.#submit(() => this.#sql.note.run(IN_EXECUTION, JSON.stringify(ids)));
    this.#toLookThrough = { ...this.#toLookThrough, executionIds: ids };
  }

  async lookedThrough(): Promise<void> {
    await this.#submit(() => this.#sql.forget.run(...NOTES));
    this.#toLookThrough = { all: false, executionIds: [] };
  }

  #submit(write: () => unknown): Promise<unknown> {
    return this.#committer.submit(write, { patient: true, weight: 0 });
  }
}

/** In `meta`: all is to be looked through; and, with an id behind it, an execution is. */
const EVERYWHERE = "objects_missing";
const IN_EXECUTION = `${EVERYWHERE}:`;

/** All keys of these, as a range. */
const NOTES = [EVERYWHERE, endOf(IN_EXECUTION)] as const;
