import { createHash } from "node:crypto";
import { MillraceError } from "@millrace/protocol";
import { SEARCH_FILE } from "../search-sqlite/search-file.ts";
import { isDamage } from "../sqlite/damage.ts";

/**
 * A backup is a tar archive: `backup.json` says what it is; `objects/…` and `metadata/…` are as in the data directory;
 * `millrace.db` is the database, and `search.db`, where there are collections, theirs; `end.json`, at last, says how much there must be, and what it must add up to.
 */
export const HEAD = "backup.json";
export const DATABASE = "millrace.db";
export const COLLECTIONS = SEARCH_FILE;
export const END = "end.json";
export const FOLDERS = ["objects", "metadata"] as const;

/** Of `backup.json`. */
export interface BackupHead {
  readonly format: "millrace-backup";
  readonly format_version: 1;
  /** The Millrace that wrote it. */
  readonly version: string;
  /** Migrations that its database has seen. */
  readonly schema: number;
  readonly created_at: string;
}

/** Of `end.json`. */
export interface BackupEnd {
  readonly files: number;
  readonly bytes: number;
  /** SHA-256 over the files between head and end: of each its name, its size and its bytes. */
  readonly sha256: string;
}

/** What a backup, or what was restored of it, holds. */
export interface BackupSummary {
  readonly version: string;
  readonly created_at: string;
  readonly executions: number;
  readonly objects: number;
  readonly bytes: number;
}

/** Counts the files of a backup, and what they add up to. */
export class Tally {
  files = 0;
  bytes = 0;
  readonly #hash = createHash("sha256");

  begin(name: string, size: number): void {
    this.files += 1;
    this.#hash.update(`${name}\0${size}\0`);
  }

  add(chunk: Uint8Array): void {
    this.bytes += chunk.length;
    this.#hash.update(chunk);
  }

  /** Once, at the end. */
  end(): BackupEnd {
    return { files: this.files, bytes: this.bytes, sha256: this.#hash.digest("hex") };
  }
}

/** Why a backup cannot be written or restored, for the one who asked for it. */
export function backupFailed(doing: string, error: unknown): MillraceError {
  if (error instanceof MillraceError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (isDamage(error)) {
    const text = `${doing}: the database is damaged (${message}). Restore the last backup that there is ("millrace restore"), and keep it.`;
    return new MillraceError("BACKUP_FAILED", text, { cause: error });
  }
  const advice = /ENOSPC|is full|disk I\/O/.test(message) ? " Make room on its disk." : "";
  return new MillraceError("BACKUP_FAILED", `${doing}: ${message}.${advice} Nothing of it was left behind.`, {
    cause: error,
  });
}
