import type { ObjectLog, StoredObjectPage, StoredObjectQuery, StoredObjects, ToLookThrough } from "@millrace/engine";
import { changing } from "../changing.ts";
import type { Database } from "../database.ts";
import { isStorable } from "../execution-row.ts";
import { listObjects } from "./list-objects.ts";
import { type ObjectLogParts, PostgresObjectLog } from "./object-log.ts";

/** In `meta`: all is to be looked through; and, with an id behind it, an execution is. */
const EVERYWHERE = "objects_missing";
const IN_EXECUTION = `${EVERYWHERE}:`;

const KNOWN = { name: "objects-known", text: "SELECT key FROM objects WHERE NOT gone AND key = ANY ($1::text[])" };

const NOTED = {
  name: "objects-noted",
  text: `SELECT key FROM meta WHERE key = '${EVERYWHERE}' OR starts_with(key, '${IN_EXECUTION}') ORDER BY key`,
};

const NOTE = {
  name: "objects-note",
  text: "INSERT INTO meta (key, value) SELECT unnest($1::text[]), '1' ON CONFLICT DO NOTHING",
};

const FORGET = { name: "objects-forget", text: "DELETE FROM meta WHERE key = ANY ($1::text[])" };

/** What messages wrote to the object store, in PostgreSQL. */
export class PostgresStoredObjects implements StoredObjects {
  readonly log: ObjectLog;
  readonly #database: Database;
  #toLookThrough: ToLookThrough;

  private constructor(parts: ObjectLogParts, toLookThrough: ToLookThrough) {
    this.log = new PostgresObjectLog(parts);
    this.#database = parts.database;
    this.#toLookThrough = toLookThrough;
  }

  /** Looks up where there may be objects that are not known. @throws MillraceError SERVICE_UNAVAILABLE */
  static async open(parts: ObjectLogParts): Promise<PostgresStoredObjects> {
    return new PostgresStoredObjects(parts, await notesIn(parts.database));
  }

  /** As it was when it was opened, or {@link lookThrough} was called last: another node may have noted more since. */
  get toLookThrough(): ToLookThrough {
    return this.#toLookThrough;
  }

  list(query: StoredObjectQuery): Promise<StoredObjectPage> {
    return listObjects(this.#database, query);
  }

  async known(keys: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await this.#database.read(KNOWN, [keys.filter(isStorable)]);
    return new Set(rows.map((row) => String(row.key)));
  }

  async lookThrough(executionIds: readonly string[]): Promise<void> {
    await changing(this.#database, (ask) => ask(NOTE, [executionIds.map((id) => IN_EXECUTION + id)]));
    this.#toLookThrough = await notesIn(this.#database);
  }

  /** What another node has noted meanwhile stays: it was not looked through. */
  async lookedThrough(): Promise<void> {
    const { all, executionIds } = this.#toLookThrough;
    const notes = [...(all ? [EVERYWHERE] : []), ...executionIds.map((id) => IN_EXECUTION + id)];
    await changing(this.#database, (ask) => ask(FORGET, [notes]));
    this.#toLookThrough = { all: false, executionIds: [] };
  }
}

async function notesIn(database: Database): Promise<ToLookThrough> {
  const noted = (await database.read(NOTED)).map((row) => String(row.key));
  return {
    all: noted.includes(EVERYWHERE),
    executionIds: noted.filter((key) => key !== EVERYWHERE).map((key) => key.slice(IN_EXECUTION.length)),
  };
}
