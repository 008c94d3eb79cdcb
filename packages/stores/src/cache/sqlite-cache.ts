import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { CacheEntry, ContentCache } from "@millrace/engine";
import { makeFolder } from "../sqlite/make-folder.ts";

/** The name of the file in the data directory. */
export const CACHE_FILE = "cache.db";

/** When there is no room, so much of it is made at once: a part of `maxBytes`. */
const ROOM = 0.1;

/** An entry that is used is noted as such once an hour: often enough to tell which is old. */
const NOTED_MS = 3_600_000;

/** What an entry takes beside its value, about, in bytes. */
const ENTRY_BYTES = 120;

const SCHEMA = `
CREATE TABLE IF NOT EXISTS entries (
  key TEXT PRIMARY KEY, bytes INTEGER NOT NULL, used_at INTEGER NOT NULL, value BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS entries_by_use ON entries (used_at, bytes);
`;

interface Open {
  readonly database: DatabaseSync;
  readonly get: StatementSync;
  readonly note: StatementSync;
  readonly put: StatementSync;
  readonly sizeOf: StatementSync;
}

/**
 * A cache in a file of its own, opened when it is first used. It is never waited for at a commit, and one that is damaged
 * or cannot be written is made anew, or does without: what is in it can be had again.
 */
export class SqliteCache implements ContentCache {
  readonly #file: string;
  readonly #maxBytes: number;
  readonly #now: () => number;
  #open: Open | null = null;
  #bytes = 0;
  #closed = false;

  /** `maxBytes`: what entries may take together; the least recently used ones make room. 0 keeps nothing. */
  constructor(dataDir: string, maxBytes: number, now: () => number = Date.now) {
    this.#file = join(dataDir, CACHE_FILE);
    this.#maxBytes = maxBytes;
    this.#now = now;
  }

  /** Bytes that its entries take. */
  get bytes(): number {
    return this.#bytes;
  }

  async get(keys: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
    const found = new Map<string, Uint8Array>();
    this.#try(({ get, note }) => {
      const now = this.#now();
      for (const key of keys) {
        const row = get.get(key);
        if (row === undefined || !(row.value instanceof Uint8Array)) continue;
        found.set(key, row.value);
        if (now - Number(row.used_at) > NOTED_MS) note.run(now, key);
      }
    });
    return found;
  }

  async put(entries: readonly CacheEntry[]): Promise<void> {
    this.#try(({ database, put, sizeOf }) => {
      const now = this.#now();
      database.exec("BEGIN");
      try {
        for (const { key, value } of entries) {
          const bytes = value.byteLength + ENTRY_BYTES;
          if (bytes > this.#maxBytes * ROOM) continue;
          this.#bytes += bytes - Number(sizeOf.get(key)?.bytes ?? 0);
          put.run(key, bytes, now, value);
        }
        if (this.#bytes > this.#maxBytes) this.#makeRoom(database);
        database.exec("COMMIT");
      } catch (error) {
        if (database.isTransaction) database.exec("ROLLBACK");
        throw error;
      }
    });
  }

  close(): void {
    this.#closed = true;
    this.#open?.database.close();
    this.#open = null;
  }

  #makeRoom(database: DatabaseSync): void {
    let excess = this.#bytes - this.#maxBytes * (1 - ROOM);
    let last: number | null = null;
    for (const row of database.prepare("SELECT bytes, used_at FROM entries ORDER BY used_at, bytes").iterate()) {
      if (excess <= 0) break;
      excess -= Number(row.bytes);
      last = Number(row.used_at);
    }
    if (last !== null) database.prepare("DELETE FROM entries WHERE used_at <= ?").run(last);
    this.#bytes = total(database);
  }

  /** Does without where there is no cache to be had. */
  #try(work: (open: Open) => void): void {
    if (this.#closed || this.#maxBytes === 0) return;
    try {
      this.#open ??= this.#openFile();
      work(this.#open);
    } catch {
      this.#discard();
    }
  }

  #openFile(): Open {
    // A node of a service of many keeps nothing else on its disk.
    makeFolder(dirname(this.#file));
    const database = new DatabaseSync(this.#file, { timeout: 0 });
    try {
      database.exec("PRAGMA journal_mode = WAL");
      // A power cut may cost the cache, and nothing else.
      database.exec("PRAGMA synchronous = OFF");
      database.exec("PRAGMA auto_vacuum = INCREMENTAL");
      database.exec(SCHEMA);
      this.#bytes = total(database);
      return {
        database,
        get: database.prepare("SELECT value, used_at FROM entries WHERE key = ?"),
        note: database.prepare("UPDATE entries SET used_at = ? WHERE key = ?"),
        put: database.prepare("INSERT OR REPLACE INTO entries (key, bytes, used_at, value) VALUES (?, ?, ?, ?)"),
        sizeOf: database.prepare("SELECT bytes FROM entries WHERE key = ?"),
      };
    } catch (error) {
      database.close();
      throw error;
    }
  }

  #discard(): void {
    try {
      this.#open?.database.close();
    } catch {
      // It goes with its file.
    }
    this.#open = null;
    this.#bytes = 0;
    try {
      for (const end of ["", "-wal", "-shm"]) rmSync(this.#file + end, { force: true });
    } catch {
      // It is tried again when the cache is next used.
    }
  }
}

function total(database: DatabaseSync): number {
  return Number(database.prepare("SELECT total(bytes) AS bytes FROM entries").get()?.bytes ?? 0);
}
