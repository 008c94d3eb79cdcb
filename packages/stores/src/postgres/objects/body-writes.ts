import { LOCKS, lockNumber } from "../advisory-locks.ts";
import type { Database } from "../database.ts";
import { sqlState } from "../postgres-errors.ts";

/** Bytes of a row of `object_chunks`: what is held in memory per reader. */
export const CHUNK_BYTES = 256 * 1024;

/** An object to be written. */
export interface NewBody {
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly sha256: string;
  readonly metadataJson: string;
}

/**
 * Puts a body, `insert`, into the place of what has its key now, as the last statement of a transaction: with a lock that
 * is shared by all who write objects of that execution, before anything is changed, so that who removes them all waits.
 */
function replacing(insert: string): string {
  return `WITH locked AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared($1, $2)),
    before AS (UPDATE object_bodies SET gone = true FROM locked WHERE key = $3 AND NOT gone RETURNING 1),
    done AS MATERIALIZED (SELECT (SELECT count(*) FROM before) AS replaced, (SELECT count(*) FROM locked) AS locked),
    ${insert}
    SELECT replaced FROM done`;
}

const SMALL = {
  name: "object-put",
  text: replacing(
    `body AS (INSERT INTO object_bodies (key, size, sha256, metadata) SELECT $3::text, $4::bigint, $5::text, $6::text FROM done RETURNING id),
    chunk AS (INSERT INTO object_chunks (body, no, bytes) SELECT id, 0, $7::bytea FROM body)`,
  ),
};

const LARGE = {
  name: "object-put-large",
  text: replacing(
    "body AS (INSERT INTO object_bodies (key, size, sha256, metadata, id) SELECT $3::text, $4::bigint, $5::text, $6::text, $7::bigint FROM done)",
  ),
};

const ID = {
  name: "object-id",
  text: "SELECT nextval(pg_get_serial_sequence('object_bodies', 'id')) AS id",
};

const CHUNK = {
  name: "object-chunk",
  text: "INSERT INTO object_chunks (body, no, bytes) VALUES ($1, $2, $3)",
};

/** Writes a body whole or not at all. Returns whether it took another one's place. Throws the driver's own errors. */
export async function writeBody(database: Database, body: NewBody): Promise<boolean> {
  for (;;) {
    try {
      return await database.transaction(async (ask) => {
        const values = [
          LOCKS.execution,
          lockNumber(executionOf(body.key)),
          body.key,
          body.bytes.length,
          body.sha256,
          body.metadataJson,
        ];
        if (body.bytes.length <= CHUNK_BYTES) {
          const [done] = await ask(SMALL, [...values, chunkOf(body, 0)]);
          return Number(done?.replaced) > 0;
        }
        const id = Number((await ask(ID))[0]?.id);
        for (let no = 0; no * CHUNK_BYTES < body.bytes.length; no += 1) await ask(CHUNK, [id, no, chunkOf(body, no)]);
        const [done] = await ask(LARGE, [...values, id]);
        return Number(done?.replaced) > 0;
      });
    } catch (error) {
      // Another node has written the key meanwhile: its body is the one to be replaced now.
      if (sqlState(error) !== UNIQUE_VIOLATION) throw error;
    }
  }
}

const UNIQUE_VIOLATION = "23505";

/** The part of a key that names its execution, or the whole key where it is of none. */
export function executionOf(key: string): string {
  return key.split("/", 2).join("/");
}

function chunkOf({ bytes }: NewBody, no: number): Buffer {
  const chunk = bytes.subarray(no * CHUNK_BYTES, (no + 1) * CHUNK_BYTES);
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}
