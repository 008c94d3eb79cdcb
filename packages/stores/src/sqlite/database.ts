import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MillraceError } from "@millrace/protocol";
import { makeFolder } from "./make-folder.ts";
import { migrate } from "./migrate.ts";

/**
 * What a commit survives. `normal`: the death of the process. `full`: a power cut as well, at the price of one flush
 * to the disk per group commit.
 */
export type Durability = "normal" | "full";

/** Waits so long for a lock that another process holds on the database, in milliseconds: short, as it blocks. */
const BUSY_TIMEOUT_MS = 50;

/**
 * Most of what is written is rows of frames, tens of kilobytes each: large pages take half the time that SQLite's 4 KiB
 * take, as each costs system calls and a checksum header of its own (docs/decisions/0009).
 */
const PAGE_BYTES = 16 * 1024;

/** Positions are never given out twice, even if the newest rows of the journal are deleted: this remembers the last. */
export const KEEP_POSITION =
  "INSERT INTO meta (key, value) VALUES ('position', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value";

/** What a log that has grown, as it does while a backup is read, is cut back to. */
const LOG_BYTES = 64 * 1024 * 1024;

/** Waits so long for a process that is about to end, when it is started again at once. */
const LOCK_TIMEOUT_MS = 2_000;

/**
 * Opens the database file `millrace.db` in `dataDir`, and brings its schema up to date.
 * @throws MillraceError DATA_DIR_UNUSABLE
 */
export function openDatabase(dataDir: string, durability: Durability): DatabaseSync {
  const file = join(dataDir, "millrace.db");
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
    // Counts for a file that is being made; one that is there keeps its own.
    database.exec(`PRAGMA page_size = ${PAGE_BYTES}`);
    // Only a file that is being made can have it; one that is there is to be left as it is (docs/decisions/0013).
    const isNew = database.prepare("PRAGMA page_count").get()?.page_count === 0;
    if (isNew) database.exec("PRAGMA auto_vacuum = INCREMENTAL");
    database.exec("PRAGMA journal_mode = WAL");
    database.exec(`PRAGMA journal_size_limit = ${LOG_BYTES}`);
    database.exec(`PRAGMA synchronous = ${durability === "full" ? "FULL" : "NORMAL"}`);
    database.exec("PRAGMA foreign_keys = ON");
    database.exec("PRAGMA temp_store = MEMORY");
    database.exec("PRAGMA cache_size = -65536");
    migrate(database);
    return database;
  } catch (error) {
    database?.close();
    throw unusable(dataDir, error);
  }
}

/** Opens the database file that another process writes. Reading waits for nobody, and nobody for it. */
export function openReadOnly(dataDir: string): DatabaseSync {
  const database = new DatabaseSync(join(dataDir, "millrace.db"), { readOnly: true, timeout: BUSY_TIMEOUT_MS });
  database.exec("PRAGMA cache_size = -16384");
  return database;
}

/**
 * Why a data directory cannot be worked on, and what to do about it, for the one who started the service; `ofDamage` is
 * what there is to say where a file is damaged.
 */
export function unusable(dataDir: string, error: unknown, ofDamage = DAMAGED): MillraceError {
  const damage = error instanceof MillraceError && error.code === "STORE_DAMAGED";
  if (error instanceof MillraceError && !damage) return error;
  // Of what is damaged the advice below says what to do, for one who is about to start.
  const message = messageOf(damage ? error.cause : error);
  const advice =
    damage || NOT_OURS.test(message) ? ofDamage : (ADVICE.find(([pattern]) => pattern.test(message))?.[1] ?? "");
  return new MillraceError(
    "DATA_DIR_UNUSABLE",
    `The data directory ${dataDir} cannot be used: ${message}.${advice === "" ? "" : ` ${advice}`}`,
    { cause: error },
  );
}

const DAMAGED =
  'The database millrace.db in it is damaged, or was not written by Millrace: restore a backup with "millrace restore", or choose another data directory.';

const LOCK_DAMAGED =
  "The file lock.db in it was not written by Millrace: move it away, or choose another data directory.";

/** What SQLite says of a file that is damaged, or somebody else's. */
const NOT_OURS = /not a database|malformed|unsupported file format|no such (?:table|column)|no column named/;

/** By what SQLite and the system say. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/is full|ENOSPC/, "Make room on its disk, or choose another data directory."],
  [/disk I\/O error/, "Its disk is full, or fails: make room, or choose another data directory."],
  [
    /readonly|unable to open|EACCES|EROFS|EPERM|ENOTDIR|EEXIST/,
    "It must be a directory that this user may write to: change its permissions, or choose another data directory.",
  ],
];

/**
 * Takes the data directory for this process, until the returned function is called or the process is gone. The lock is
 * SQLite's own on a file of its own: the system frees it however the process dies, and nothing stale can stay behind.
 * @throws MillraceError DATA_DIR_IN_USE, DATA_DIR_UNUSABLE
 */
export function lockDataDir(dataDir: string): () => void {
  let lock: DatabaseSync | undefined;
  try {
    makeFolder(dataDir);
    lock = new DatabaseSync(join(dataDir, "lock.db"), { timeout: LOCK_TIMEOUT_MS });
    lock.exec("BEGIN EXCLUSIVE");
    const taken = lock;
    return () => taken.close();
  } catch (error) {
    lock?.close();
    if (!messageOf(error).includes("locked")) throw unusable(dataDir, error, LOCK_DAMAGED);
    throw new MillraceError(
      "DATA_DIR_IN_USE",
      `Another Millrace works on the data directory ${dataDir}. Stop it, or choose another with --data-dir.`,
      { cause: error },
    );
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
