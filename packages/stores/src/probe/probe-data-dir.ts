import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { LINEAGE_FILE } from "../lineage/projection-file.ts";
import { SEARCH_FILE } from "../search-sqlite/search-file.ts";
import { newestSchema, schemaOf } from "../sqlite/migrate.ts";

/** A database file, and what SQLite says of it. */
export interface FileProbe {
  readonly name: string;
  readonly bytes: number;
  /** When it was last written, in milliseconds. */
  readonly writtenAt: number;
  /** `sound`; `unread`: it is larger than was to be read; `damaged` or `unreadable`, each with the reason. */
  readonly state: "sound" | "unread" | "damaged" | "unreadable";
  readonly reason: string | null;
}

/** What a look at a data directory found. Nothing in it was changed. */
export interface DataDirProbe {
  /** Whether a process works on it; its process id where the system tells. */
  readonly holder: { readonly pid: number | null } | null;
  /** How many migrations the database has seen, and how many this program knows; null where there is none to ask. */
  readonly schema: { readonly database: number; readonly program: number } | null;
  /** API keys: those that open something, and all that were made; null where the database cannot be asked. */
  readonly keys: { readonly live: number; readonly made: number } | null;
  readonly files: readonly FileProbe[];
}

/** SQLITE_BUSY: somebody holds it. */
const BUSY = 5;

/** SQLITE_CORRUPT, SQLITE_NOTADB. */
const DAMAGE = new Set([11, 26]);

/** What quick_check lists at most: one is enough to know. */
const MAX_FAULTS = 3;

/**
 * Looks at a data directory, also while a service works on it. Files of more than `maxBytes` are not read through, as that takes
 * as long as the disk takes.
 */
export function probeDataDir(dataDir: string, maxBytes: number): DataDirProbe {
  return {
    holder: holderOf(join(dataDir, "lock.db")),
    schema: schemaIn(join(dataDir, "millrace.db")),
    keys: keysIn(join(dataDir, "millrace.db")),
    files: ["millrace.db", SEARCH_FILE, LINEAGE_FILE].flatMap((name) => probeFile(dataDir, name, maxBytes)),
  };
}

/** The lock is SQLite's: a reader is refused while it is held. */
function holderOf(file: string): DataDirProbe["holder"] {
  if (!existsSync(file)) return null;
  try {
    read(file, (database) => database.prepare("SELECT count(*) FROM sqlite_master").get());
    return null;
  } catch (error) {
    return codeOf(error) === BUSY ? { pid: lockerOf(file) } : null;
  }
}

/** The process that has locked a file, as Linux lists it. */
function lockerOf(file: string): number | null {
  try {
    const { ino } = statSync(file);
    for (const line of readFileSync("/proc/locks", "utf8").split("\n")) {
      const [, , , , pid, place] = line.trim().split(/\s+/);
      if (place?.endsWith(`:${ino}`) && Number(pid) > 0) return Number(pid);
    }
  } catch {
    // Other systems have no such list.
  }
  return null;
}

function schemaIn(file: string): DataDirProbe["schema"] {
  if (!existsSync(file) || statSync(file).size === 0) return null;
  try {
    return { database: read(file, schemaOf), program: newestSchema() };
  } catch {
    // The look at the file itself says why.
    return null;
  }
}

const KEYS =
  "SELECT count(*) AS made, count(*) FILTER (WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)) AS live FROM api_keys";

function keysIn(file: string): DataDirProbe["keys"] {
  if (!existsSync(file) || statSync(file).size === 0) return { live: 0, made: 0 };
  try {
    const counted = read(file, (database) => database.prepare(KEYS).get(Date.now()));
    return { live: Number(counted?.live), made: Number(counted?.made) };
  } catch {
    // Damaged, or of a version that had no keys: the look at the file itself, and at its schema, says which.
    return null;
  }
}

function probeFile(dataDir: string, name: string, maxBytes: number): FileProbe[] {
  const file = join(dataDir, name);
  if (!existsSync(file)) return [];
  const { size: bytes, mtimeMs } = statSync(file);
  const log = `${file}-wal`;
  const writtenAt = Math.max(mtimeMs, existsSync(log) ? statSync(log).mtimeMs : 0);
  const found = (state: FileProbe["state"], reason: string | null = null) => [
    { name, bytes, writtenAt, state, reason },
  ];
  if (bytes > maxBytes) return found("unread");
  try {
    const faults = read(file, (database) => database.prepare(`PRAGMA quick_check(${MAX_FAULTS})`).all())
      .map(({ quick_check: fault }) => String(fault))
      .filter((fault) => fault !== "ok");
    return faults.length === 0 ? found("sound") : found("damaged", faults.join("; ").replaceAll(/\s+/g, " "));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return found(DAMAGE.has(codeOf(error) ?? 0) ? "damaged" : "unreadable", message);
  }
}

/** Reads a file, and gives it back. */
function read<T>(file: string, work: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(file, { readOnly: true, timeout: 0 });
  try {
    return work(database);
  } finally {
    database.close();
  }
}

function codeOf(error: unknown): number | null {
  return error instanceof Error && "errcode" in error && typeof error.errcode === "number"
    ? error.errcode & 0xff
    : null;
}
