import { createReadStream, createWriteStream, existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { mkdir, open, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { MillraceError } from "@millrace/protocol";
import { createTarDecoder, type ParsedTarEntry } from "modern-tar";
import { lockDataDir } from "../sqlite/database.ts";
import { newestSchema, schemaOf } from "../sqlite/migrate.ts";
import {
  type BackupEnd,
  type BackupHead,
  type BackupSummary,
  backupFailed,
  COLLECTIONS,
  DATABASE,
  END,
  FOLDERS,
  HEAD,
  Tally,
} from "./backup-format.ts";

/** Where a backup is unpacked, in the data directory, until all of it is there. */
const PART = "restoring";

/** What a directory may hold that counts as empty: the lock, and what a restore left that was killed. */
const IGNORED = /^(?:lock\.db(?:-journal)?|restoring|lost\+found)$/;

/** Head and end are small; more is none of ours. */
const MAX_JSON_BYTES = 64 * 1024;

/** Files up to this size are written at once, in bytes. */
const WHOLE_BYTES = 1024 * 1024;

/**
 * Restores a backup into a data directory that is empty, or is not there yet. All is unpacked and checked before it is
 * put in its place; where something is wrong nothing is left behind.
 * @throws MillraceError TARGET_EXISTS, BACKUP_INVALID, BACKUP_FAILED, DATA_DIR_IN_USE, DATA_DIR_UNUSABLE
 */
export async function restoreBackup(
  file: string,
  dataDir: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<BackupSummary> {
  if (!existsSync(file)) throw new MillraceError("BACKUP_INVALID", `There is no file ${file}.`);
  if (!statSync(file).isFile()) throw invalid(file, "it is no file");
  const isNew = !existsSync(dataDir);
  if (!isNew) checkEmpty(dataDir);
  const part = join(dataDir, PART);
  let unlock: (() => void) | undefined;
  let done = false;
  try {
    unlock = lockDataDir(dataDir);
    rmSync(part, { recursive: true, force: true });
    mkdirSync(part);
    const head = await unpack(file, part, options.signal);
    const executions = checkDatabase(file, join(part, DATABASE), head);
    checkCollections(file, join(part, COLLECTIONS));
    const objects = countFiles(join(part, "objects"));
    // The database last: a service that finds none would begin a new one.
    for (const name of [...FOLDERS, COLLECTIONS, DATABASE]) {
      if (existsSync(join(part, name))) await rename(join(part, name), join(dataDir, name));
    }
    done = true;
    return {
      version: head.version,
      created_at: head.created_at,
      executions,
      objects,
      bytes: statSync(file).size,
    };
  } catch (error) {
    throw backupFailed(`The backup ${file} cannot be restored`, error);
  } finally {
    if (unlock !== undefined) rmSync(part, { recursive: true, force: true });
    unlock?.();
    if (!done) {
      // Where another process holds the lock, the directory is that one's.
      if (unlock !== undefined) rmSync(join(dataDir, "lock.db"), { force: true });
      if (isNew) rmSync(dataDir, { recursive: true, force: true });
    }
  }
}

function checkEmpty(dataDir: string): void {
  const found = statSync(dataDir).isDirectory()
    ? readdirSync(dataDir).filter((name) => !IGNORED.test(name))
    : ["a file of that name"];
  if (found.length === 0) return;
  throw new MillraceError(
    "TARGET_EXISTS",
    `${dataDir} is not empty (${found.slice(0, 3).join(", ")}). Restore into a new directory with --data-dir.`,
  );
}

/** Unpacks all of it, and checks that it is all. */
async function unpack(file: string, part: string, signal: AbortSignal | undefined): Promise<BackupHead> {
  const tally = new Tally();
  let head: BackupHead | undefined;
  let end: BackupEnd | undefined;
  const abort = new AbortController();
  const archive = Readable.toWeb(createReadStream(file, { highWaterMark: WHOLE_BYTES }));
  try {
    // Both sides are Node's own; their declarations of the stream differ.
    const bytes = archive as ReadableStream<Uint8Array>;
    for await (const entry of bytes.pipeThrough(createTarDecoder({ strict: true }), { signal: abort.signal })) {
      signal?.throwIfAborted();
      const { name, size } = entry.header;
      if (head === undefined) {
        if (name !== HEAD) throw invalid(file, "it was not written by millrace backup");
        head = headOf(file, await readJson(entry));
      } else if (end !== undefined) throw invalid(file, "something follows its end");
      else if (name === END) end = endOf(file, await readJson(entry));
      else {
        checkName(file, entry);
        tally.begin(name, size);
        await writeEntry(entry, join(part, name), tally);
      }
    }
  } catch (error) {
    abort.abort();
    if (error instanceof MillraceError || isSystemError(error) || signal?.aborted) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw invalid(file, head === undefined ? `it is no tar archive (${message})` : `it is damaged (${message})`);
  }
  if (head === undefined) throw invalid(file, "it is empty");
  if (end === undefined) throw invalid(file, "its end is missing, so it was cut off");
  const found = tally.end();
  if (found.files !== end.files || found.bytes !== end.bytes || found.sha256 !== end.sha256) {
    throw invalid(file, "its files are not those that it was written with, so it is damaged");
  }
  return head;
}

async function writeEntry(entry: ParsedTarEntry, path: string, tally: Tally): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  if (entry.header.size <= WHOLE_BYTES) {
    const body = await readWhole(entry);
    tally.add(body);
    await writeFile(path, body, { flag: "wx" });
    return;
  }
  const counted = async function* () {
    for await (const chunk of entry.body) {
      tally.add(chunk);
      yield chunk;
    }
  };
  await pipeline(counted, createWriteStream(path, { flags: "wx" }));
  await using handle = await open(path, "r+");
  await handle.sync();
}

/** Only into the folders that a data directory has, and not out of them. */
function checkName(file: string, { header: { name, type } }: ParsedTarEntry): void {
  const [first = "", ...rest] = name.split("/");
  const isGood =
    (type === undefined || type === "file") &&
    (name === DATABASE || name === COLLECTIONS || (FOLDERS.some((folder) => folder === first) && rest.length > 0)) &&
    rest.every((segment) => segment !== "" && segment !== "." && segment !== "..");
  if (!isGood) throw invalid(file, `it has something in it that does not belong there (${JSON.stringify(name)})`);
}

/** That it is a sound database of a schema that this program knows; returns how many executions it has. */
function checkDatabase(file: string, path: string, head: BackupHead): number {
  if (!existsSync(path)) throw invalid(file, "there is no database in it");
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    if (schemaOf(database) !== head.schema) throw invalid(file, "its database is not of the schema that it says");
    const [row] = database.prepare("PRAGMA integrity_check(1)").all();
    if (row?.integrity_check !== "ok") throw invalid(file, `its database is damaged (${row?.integrity_check})`);
    return Number(database.prepare("SELECT count(*) AS count FROM executions").get()?.count);
  } catch (error) {
    if (error instanceof MillraceError) throw error;
    throw invalid(file, `its database is damaged (${error instanceof Error ? error.message : error})`);
  } finally {
    database.close();
  }
}

/** That the collections, where there are any, are sound. */
function checkCollections(file: string, path: string): void {
  if (!existsSync(path)) return;
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const [row] = database.prepare("PRAGMA integrity_check(1)").all();
    if (row?.integrity_check !== "ok") throw invalid(file, `its collections are damaged (${row?.integrity_check})`);
  } catch (error) {
    if (error instanceof MillraceError) throw error;
    throw invalid(file, `its collections are damaged (${error instanceof Error ? error.message : error})`);
  } finally {
    database.close();
  }
}

function headOf(file: string, value: Record<string, unknown>): BackupHead {
  const { format, format_version, version, schema, created_at } = value;
  if (format !== "millrace-backup" || typeof version !== "string" || typeof created_at !== "string") {
    throw invalid(file, "it was not written by millrace backup");
  }
  if (typeof schema !== "number" || format_version !== 1 || schema > newestSchema()) {
    throw new MillraceError(
      "BACKUP_INVALID",
      `The backup ${file} was written by Millrace ${version}, which is newer than this one (schema ${schema}, this one knows ${newestSchema()}). Update Millrace.`,
    );
  }
  return { format, format_version, version, schema, created_at };
}

function endOf(file: string, value: Record<string, unknown>): BackupEnd {
  const { files, bytes, sha256 } = value;
  if (typeof files !== "number" || typeof bytes !== "number" || typeof sha256 !== "string") {
    throw invalid(file, "its end cannot be read");
  }
  return { files, bytes, sha256 };
}

async function readJson(entry: ParsedTarEntry): Promise<Record<string, unknown>> {
  if (entry.header.size > MAX_JSON_BYTES) throw new Error(`${entry.header.name} is too large`);
  const value: unknown = JSON.parse((await readWhole(entry)).toString());
  return typeof value === "object" && value !== null ? { ...value } : {};
}

async function readWhole(entry: ParsedTarEntry): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of entry.body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function countFiles(folder: string): number {
  if (!existsSync(folder)) return 0;
  return readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile()).length;
}

/** Of the disk, and not of the archive. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error;
}

function invalid(file: string, reason: string): MillraceError {
  return new MillraceError("BACKUP_INVALID", `${file} cannot be restored: ${reason}.`);
}
