import { crc32 } from "node:zlib";
import { MillraceError } from "@millrace/protocol";

/** What SQLite says of a file that is damaged: SQLITE_CORRUPT, SQLITE_NOTADB. */
const DAMAGE = new Set([11, 26]);

/** A row whose bytes are not those that were written. */
export class ChecksumMismatch extends Error {
  override readonly name = "ChecksumMismatch";

  constructor(position: number) {
    super(`the journal's row at position ${position} is not what was written`);
  }
}

/** Whether an error of a read or a write means that the file is damaged, and not only out of reach for a while. */
export function isDamage(error: unknown): error is Error {
  if (error instanceof ChecksumMismatch) return true;
  // What is kept as JSON was written as JSON.
  if (error instanceof SyntaxError) return true;
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return false;
  return DAMAGE.has(error.errcode & 0xff);
}

/** What a damaged database is for whoever asks, and what to do about it. */
export function damaged(error: Error): MillraceError {
  if (error instanceof MillraceError) return error;
  return new MillraceError(
    "STORE_DAMAGED",
    `The database millrace.db is damaged (${error.message}), and nothing more is written to it. Stop the service, restore a backup with "millrace restore", and start it on that.`,
    { cause: error },
  );
}

/**
 * The checksum of a row of the journal: of what it holds, and of where. SQLite has none of its own, and would hand out a
 * page of which a half is missing, or is another's, as if it were whole.
 */
export function checksumOf(last: number, content: Uint8Array | string): number {
  return crc32(content, last % 0x1_0000_0000);
}

/** @throws ChecksumMismatch. A row without one was written before there were any. */
export function verify(last: number, content: Uint8Array | string, checksum: unknown): void {
  if (checksum !== null && checksumOf(last, content) !== checksum) throw new ChecksumMismatch(last);
}
