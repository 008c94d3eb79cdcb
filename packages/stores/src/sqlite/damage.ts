import { MillraceError } from "@millrace/protocol";
import { ChecksumMismatch } from "../journal/checksum.ts";

/** What SQLite says of a file that is damaged: SQLITE_CORRUPT, SQLITE_NOTADB. */
const DAMAGE = new Set([11, 26]);

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
