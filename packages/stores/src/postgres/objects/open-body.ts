import { Readable } from "node:stream";
import { AdapterError, type ObjectMetadata, type OpenObject } from "@millrace/engine";
import type { Database } from "../database.ts";
import { messageOf } from "../postgres-errors.ts";
import type { BodyLock } from "./body-locks.ts";
import { CHUNK_BYTES } from "./body-writes.ts";

/** What is known of a body. */
export interface Body {
  readonly id: number;
  readonly key: string;
  readonly size: number;
  readonly sha256: string;
  readonly metadata: ObjectMetadata;
}

/** An object whose bytes are in memory. */
export function openSmall({ size, sha256, metadata }: Body, bytes: Buffer): OpenObject {
  return {
    size,
    sha256,
    metadata,
    read: ({ start, end }) => Readable.from([bytes.subarray(start, end + 1)], { objectMode: false }),
    close: () => Promise.resolve(),
  };
}

/** An object that is read chunk by chunk, as fast as its reader goes; `lock` keeps its chunks until it is closed. */
export function openLarge(database: Database, body: Body, lock: BodyLock, onClosed: () => void): OpenObject {
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= lock.release().then(onClosed);
    return closed;
  };
  return {
    size: body.size,
    sha256: body.sha256,
    metadata: body.metadata,
    read(range) {
      const stream = Readable.from(chunksOf(database, body, range), { objectMode: false, highWaterMark: CHUNK_BYTES });
      stream.once("close", () => void close());
      return stream;
    },
    close,
  };
}

const READ = { name: "object-read", text: "SELECT bytes FROM object_chunks WHERE body = $1 AND no = $2" };

async function* chunksOf(
  database: Database,
  { id, key }: Body,
  { start, end }: { readonly start: number; readonly end: number },
): AsyncGenerator<Buffer> {
  for (let no = Math.floor(start / CHUNK_BYTES); no * CHUNK_BYTES <= end; no += 1) {
    const [row] = await database.read(READ, [id, no]).catch((error: unknown) => {
      throw unavailable("read", key, error);
    });
    const bytes = row?.bytes;
    // The connection that kept it was lost, and another node has removed it since.
    if (!Buffer.isBuffer(bytes)) throw unavailable("read", key, new Error("it was removed meanwhile"));
    const from = no * CHUNK_BYTES;
    yield bytes.subarray(Math.max(0, start - from), end - from + 1);
  }
}

/** What went wrong in PostgreSQL, as adapters are told of it: worth another attempt. */
export function unavailable(done: string, key: string, error: unknown): AdapterError {
  if (error instanceof AdapterError) return error;
  return new AdapterError(
    "OBJECT_STORE_UNAVAILABLE",
    `The object "${key.slice(0, 200)}" cannot be ${done}: ${messageOf(error)}`,
    { retryable: true, cause: error },
  );
}
