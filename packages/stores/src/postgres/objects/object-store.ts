import { hash } from "node:crypto";
import type { ObjectMetadata, ObjectReader, ObjectStore, OpenObject } from "@millrace/engine";
import { checkKey, isKey } from "../../files/object-key.ts";
import { LOCKS, lockNumber } from "../advisory-locks.ts";
import type { Row } from "../columns.ts";
import type { Session, Statement } from "../connection.ts";
import type { Database } from "../database.ts";
import { BodyLocks } from "./body-locks.ts";
import { CHUNK_BYTES, executionOf, writeBody } from "./body-writes.ts";
import { type Body, openLarge, openSmall, unavailable } from "./open-body.ts";
import { BodySweep } from "./sweep-bodies.ts";

/** Keys that are read at once. */
const LISTED_AT_ONCE = 1_000;

/** What a body takes beside its bytes and metadata, in bytes: its row, and its places in the indexes. */
const BODY_BYTES = 200;

/** Sorts after every text that begins with what stands before it. */
const AFTER_ALL = "\u{10FFFF}";

const GET = {
  name: "object-get",
  text: "SELECT metadata, bytes FROM object_bodies LEFT JOIN object_chunks ON body = id WHERE key = $1 AND NOT gone ORDER BY no",
};

/** With the bytes, where they are in one chunk. */
const OPEN = {
  name: "object-open",
  text: `SELECT id, size, sha256, metadata, bytes FROM object_bodies LEFT JOIN object_chunks ON body = id AND no = 0 AND size <= ${CHUNK_BYTES} WHERE key = $1 AND NOT gone`,
};

const LIST = {
  name: "object-list",
  text: `SELECT key FROM object_bodies WHERE NOT gone AND key >= $1 AND key < $2 AND key > $3 ORDER BY key LIMIT ${LISTED_AT_ONCE}`,
};

const SIZE = {
  name: "object-size",
  text: `SELECT coalesce(sum(size + octet_length(metadata) + ${BODY_BYTES}), 0) AS bytes FROM object_bodies WHERE NOT gone AND key >= $1 AND key < $2`,
};

const REMOVE = {
  name: "object-remove",
  text: "UPDATE object_bodies SET gone = true WHERE NOT gone AND key >= $1 AND key < $2",
};

/**
 * Objects in PostgreSQL, where no other place is set: for a service of many nodes without anything else to run. Bytes are
 * cut into rows; a body that is written is never changed, but replaced by another one, and goes once nobody reads it.
 */
export class PostgresObjectStore implements ObjectStore, ObjectReader {
  readonly #database: Database;
  readonly #locks: BodyLocks;
  readonly #sweep: BodySweep;
  /** The last write per key: those of this process to one key are made one after the other. */
  readonly #writes = new Map<string, Promise<void>>();

  /** `session` keeps what is read, and is this class's own. */
  constructor(database: Database, session: Session) {
    this.#database = database;
    this.#locks = new BodyLocks(session);
    this.#sweep = new BodySweep(database);
  }

  async put(key: string, body: Uint8Array, metadata: ObjectMetadata): Promise<void> {
    checkKey(key);
    const before = this.#writes.get(key) ?? Promise.resolve();
    const write = before.catch(() => {}).then(() => this.#put(key, body, metadata));
    this.#writes.set(key, write);
    try {
      await write;
    } finally {
      if (this.#writes.get(key) === write) this.#writes.delete(key);
    }
  }

  async get(key: string): Promise<{ body: Buffer; metadata: ObjectMetadata } | null> {
    checkKey(key);
    const rows = await this.#read("read", key, GET, [key]);
    const [first] = rows;
    if (first === undefined) return null;
    return {
      body: Buffer.concat(rows.map(({ bytes }) => bytesOf(bytes))),
      metadata: JSON.parse(String(first.metadata)),
    };
  }

  async open(key: string): Promise<OpenObject | null> {
    if (!isKey(key)) return null;
    for (;;) {
      const [row] = await this.#read("read", key, OPEN, [key]);
      if (row === undefined) return null;
      const body: Body = {
        id: Number(row.id),
        key,
        size: Number(row.size),
        sha256: String(row.sha256),
        metadata: JSON.parse(String(row.metadata)),
      };
      if (body.size <= CHUNK_BYTES) return openSmall(body, bytesOf(row.bytes));
      try {
        const lock = await this.#locks.take(body.id);
        // Replaced and removed since it was looked up: another has its place, or none.
        if (lock !== null) return openLarge(this.#database, body, lock, () => this.#sweep.begin());
      } catch (error) {
        throw unavailable("read", key, error);
      }
    }
  }

  async *list(prefix: string): AsyncIterable<string> {
    checkPrefix(prefix);
    for (let after = ""; ; ) {
      const rows = await this.#read("listed", prefix, LIST, [prefix, prefix + AFTER_ALL, after]);
      for (const row of rows) yield String(row.key);
      if (rows.length < LISTED_AT_ONCE) return;
      after = String(rows.at(-1)?.key);
    }
  }

  async deleteAll(prefix: string): Promise<void> {
    checkPrefix(prefix);
    // One that is being written would be put in its place after all else is gone.
    const writes = [...this.#writes].filter(([key]) => key.startsWith(prefix)).map(([, write]) => write);
    await Promise.allSettled(writes);
    try {
      await this.#database.transaction(async (ask) => {
        // And one that another node writes: it holds the lock until it is in its place.
        if (prefix.split("/").length > 2) {
          const lock = [LOCKS.execution, lockNumber(executionOf(prefix))];
          await ask("SELECT pg_advisory_xact_lock($1, $2)", lock);
        }
        await ask(REMOVE, [prefix, prefix + AFTER_ALL]);
      });
      await this.#sweep.run();
    } catch (error) {
      throw unavailable("deleted", prefix, error);
    }
  }

  async sizeOf(prefix: string): Promise<number> {
    const [row] = await this.#read("measured", prefix, SIZE, [prefix, prefix + AFTER_ALL]);
    return Number(row?.bytes);
  }

  /** Ends what reads and sweeps; the database is its owner's to close. */
  async close(): Promise<void> {
    await this.#sweep.close();
    await this.#locks.close();
  }

  async #put(key: string, bytes: Uint8Array, metadata: ObjectMetadata): Promise<void> {
    try {
      const sha256 = metadata.sha256 ?? hash("sha256", bytes);
      const replaced = await writeBody(this.#database, { key, bytes, sha256, metadataJson: JSON.stringify(metadata) });
      if (replaced) this.#sweep.begin();
    } catch (error) {
      throw unavailable("written", key, error);
    }
  }

  async #read(done: string, key: string, statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    try {
      return await this.#database.read(statement, values);
    } catch (error) {
      throw unavailable(done, key, error);
    }
  }
}

/** @throws AdapterError OBJECT_KEY_INVALID where the folder that a prefix is in can be none */
function checkPrefix(prefix: string): void {
  const slash = prefix.lastIndexOf("/");
  if (slash >= 0) checkKey(prefix.slice(0, slash));
}

/** An object without bytes may have no chunk. */
function bytesOf(value: unknown): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.alloc(0);
}
