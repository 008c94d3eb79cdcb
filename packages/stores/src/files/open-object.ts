import { createHash } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { type FileHandle, open, realpath } from "node:fs/promises";
import { join } from "node:path";
import type { OpenObject } from "@millrace/engine";
import { type Kept, readKept } from "./kept-metadata.ts";

/** Neither a link that was put in the place of a file, nor a pipe that nobody writes to, is waited for or followed. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** A writer that comes in between is gone by then, or another one has come: so many times. */
const ATTEMPTS = 5;

/** Bytes that are read at once. */
const CHUNK_BYTES = 64 * 1024;

/**
 * Opens the file of an object; null where there is none, or nothing that is an object. The open file stays what it is,
 * whatever is put in its place. Throws the system's own errors, as `ENOENT`.
 */
export async function openObject(bodies: string, key: string, metadataFile: string): Promise<OpenObject | null> {
  const place = join(bodies, key);
  // The data directory may be a link; nothing within it may be one, which could lead anywhere.
  if ((await realpath(place)) !== join(await realpath(bodies), key)) return null;
  for (let attempt = 1; ; attempt += 1) {
    const file = await openFile(place);
    if (file === null) return null;
    try {
      const stats = await file.stat();
      if (!stats.isFile()) {
        await file.close();
        return null;
      }
      const kept = await readKept(metadataFile);
      const own = kept.find(({ size, mtime_ms }) => size === stats.size && mtime_ms === stats.mtimeMs);
      if (own !== undefined) return opened(file, stats, own);
      // A copy of the file, as from a backup, or one that a person has changed: what it holds says which it is.
      const digest = await digestOf(file, stats);
      const same = kept.find((each) => each.digest === digest);
      const [newest] = kept;
      if (same !== undefined) return opened(file, stats, same);
      if (newest !== undefined && attempt === ATTEMPTS) return opened(file, stats, { ...newest, digest });
      await file.close();
      if (newest === undefined) return null;
    } catch (error) {
      await file.close();
      throw error;
    }
  }
}

async function openFile(place: string): Promise<FileHandle | null> {
  try {
    return await open(place, FLAGS);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    // A link, and a socket.
    if (code === "ELOOP" || code === "ENXIO") return null;
    throw error;
  }
}

function opened(file: FileHandle, { size }: Stats, { digest, metadata }: Kept): OpenObject {
  return {
    size,
    sha256: digest,
    metadata,
    read: ({ start, end }) => file.createReadStream({ start, end, highWaterMark: CHUNK_BYTES }),
    close: () => file.close(),
  };
}

/** Digests of files that had to be read for them, by what changes with a file; the oldest first. */
const digests = new Map<string, string>();
const REMEMBERED = 1_000;

async function digestOf(file: FileHandle, { dev, ino, size, mtimeMs, ctimeMs }: Stats): Promise<string> {
  const identity = [dev, ino, size, mtimeMs, ctimeMs].join(" ");
  const known = digests.get(identity);
  if (known !== undefined) return known;
  const hash = createHash("sha256");
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let at = 0; at < size; ) {
    const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
    if (bytesRead === 0) break;
    hash.update(chunk.subarray(0, bytesRead));
    at += bytesRead;
  }
  const digest = hash.digest("hex");
  for (const oldest of digests.keys()) {
    if (digests.size < REMEMBERED) break;
    digests.delete(oldest);
  }
  digests.set(identity, digest);
  return digest;
}
