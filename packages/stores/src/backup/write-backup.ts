import { createReadStream, createWriteStream, existsSync, statSync } from "node:fs";
import { link, open, opendir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { MillraceError } from "@millrace/protocol";
import { createTarPacker } from "modern-tar";
import { metadataPath } from "../files/object-key.ts";
import { verify } from "../journal/checksum.ts";
import { newestSchema, schemaOf } from "../sqlite/migrate.ts";
import {
  type BackupHead,
  type BackupSummary,
  backupFailed,
  COLLECTIONS,
  DATABASE,
  END,
  HEAD,
  Tally,
} from "./backup-format.ts";

/** Files up to this size are read at once, in bytes. */
const WHOLE_BYTES = 1024 * 1024;

/** Waits so long for a lock that the service holds on the database, in milliseconds. */
const BUSY_TIMEOUT_MS = 10_000;

/**
 * Writes what a data directory holds to `file`, while a service works on it or not. The database is copied first, as of
 * one moment, and the objects and collections after it: both are there before the journal says so, so none is missing that
 * the copy knows of. What is deleted meanwhile is taken out of the copy again (docs/decisions/0013).
 * @throws MillraceError DATA_DIR_UNUSABLE, TARGET_EXISTS, BACKUP_FAILED
 */
export async function writeBackup(
  dataDir: string,
  file: string,
  options: { readonly version: string; readonly signal?: AbortSignal },
): Promise<BackupSummary> {
  const source = join(dataDir, DATABASE);
  if (!existsSync(source)) {
    throw new MillraceError("DATA_DIR_UNUSABLE", `There is no ${DATABASE} in ${dataDir}: is it the data directory?`);
  }
  if (existsSync(file)) throw targetExists(file);
  if (!existsSync(dirname(file))) {
    throw new MillraceError("BACKUP_FAILED", `There is no folder ${dirname(file)} to write the backup to.`);
  }
  const part = `${file}.${process.pid}.part`;
  const copy = `${file}.${process.pid}.part.db`;
  const collections = `${file}.${process.pid}.part.search.db`;
  let live: DatabaseSync | undefined;
  try {
    live = new DatabaseSync(source, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
    const schema = schemaOf(live);
    if (schema !== newestSchema()) {
      throw new MillraceError(
        "DATA_DIR_UNUSABLE",
        `The database in ${dataDir} has schema ${schema}, and this Millrace backs up schema ${newestSchema()}. Use the Millrace that runs on it.`,
      );
    }
    // One statement, one moment: what the service commits from here on is not in it.
    live.prepare("VACUUM INTO ?").run(copy);
    copyCollections(join(dataDir, COLLECTIONS), collections);
    const head: BackupHead = {
      format: "millrace-backup",
      format_version: 1,
      version: options.version,
      schema,
      created_at: new Date().toISOString(),
    };
    const summary = await pack(dataDir, live, { copy, collections, part }, head, options.signal);
    await flush(part);
    await putInPlace(part, file);
    return summary;
  } catch (error) {
    throw backupFailed(`The backup ${file} cannot be written`, error);
  } finally {
    live?.close();
    await rm(part, { force: true });
    for (const ending of ["", "-journal"]) {
      for (const each of [copy, collections]) await rm(each + ending, { force: true });
    }
  }
}

/** Copies the collections, as of one moment as well; a service that has put no document anywhere has none. */
function copyCollections(source: string, copy: string): void {
  if (!existsSync(source)) return;
  const live = new DatabaseSync(source, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
  try {
    live.prepare("VACUUM INTO ?").run(copy);
  } finally {
    live.close();
  }
}

/** Files that a backup is made of. */
interface Parts {
  readonly copy: string;
  /** Not there where there are no collections. */
  readonly collections: string;
  readonly part: string;
}

async function pack(
  dataDir: string,
  live: DatabaseSync,
  { copy, collections, part }: Parts,
  head: BackupHead,
  signal: AbortSignal | undefined,
): Promise<BackupSummary> {
  const { readable, controller } = createTarPacker();
  const writing = pipeline(Readable.fromWeb(readable), createWriteStream(part, { flags: "wx" }));
  // It is awaited below; until then it must not count as one that nobody looks after.
  writing.catch((error) => controller.error(error));
  const tally = new Tally();
  const add = async (name: string, size: number, chunks: AsyncIterable<Buffer> | readonly Buffer[]) => {
    signal?.throwIfAborted();
    const counted = name !== HEAD && name !== END;
    if (counted) tally.begin(name, size);
    const entry = controller.add({ name, size, type: "file", mode: 0o644 }).getWriter();
    for await (const chunk of chunks) {
      if (counted) tally.add(chunk);
      await entry.write(chunk);
    }
    await entry.close();
  };
  const addJson = (name: string, value: unknown) => {
    const text = Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
    return add(name, text.length, [text]);
  };
  const kept = new DatabaseSync(copy);
  try {
    checkJournal(kept);
    await addJson(HEAD, head);
    const known = kept.prepare("SELECT 1 FROM executions WHERE id = ?");
    let objects = 0;
    for await (const key of objectKeys(join(dataDir, "objects"), "", (id) => known.get(id) !== undefined)) {
      const added = await addFile(join(dataDir, "objects", key), `objects/${key}`, add);
      if (!added) continue;
      objects += 1;
      // After its body: the file keeps what it said of the bodies before, so it has this one's.
      await addFile(join(dataDir, "metadata", metadataPath(key)), `metadata/${metadataPath(key)}`, add);
    }
    takeOutDeleted(kept, live);
    const executions = Number(kept.prepare("SELECT count(*) AS count FROM executions").get()?.count);
    kept.close();
    await addFile(collections, COLLECTIONS, add);
    await add(DATABASE, statSync(copy).size, createReadStream(copy, { highWaterMark: WHOLE_BYTES }));
    await addJson(END, tally.end());
    controller.finalize();
    await writing;
    return { version: head.version, created_at: head.created_at, executions, objects, bytes: statSync(part).size };
  } catch (error) {
    controller.error(error);
    // What the disk said is worth more than that the archive was broken off.
    await writing;
    throw error;
  } finally {
    if (kept.isOpen) kept.close();
  }
}

/**
 * Reads the whole of the journal: damage is found when a backup is made, while there is an older one, and not when it is
 * needed.
 * @throws ChecksumMismatch
 */
function checkJournal(kept: DatabaseSync): void {
  const rows = kept.prepare("SELECT last, coalesce(lifecycle, frames) AS content, checksum FROM journal ORDER BY last");
  for (const { last, content, checksum } of rows.iterate()) {
    // Either is there: a text or a blob.
    verify(Number(last), content as string | Uint8Array, checksum);
  }
}

/** Adds a file as it is now; false where it is not there any more. Replaced meanwhile, the old one is read to its end. */
async function addFile(
  path: string,
  name: string,
  add: (name: string, size: number, chunks: AsyncIterable<Buffer> | readonly Buffer[]) => Promise<void>,
): Promise<boolean> {
  try {
    const { size } = await stat(path);
    if (size <= WHOLE_BYTES) {
      const body = await readFile(path);
      await add(name, body.length, [body]);
      return true;
    }
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
  const handle = await open(path).catch((error) => {
    if (isMissing(error)) return null;
    throw error;
  });
  if (handle === null) return false;
  await using _ = handle;
  const { size } = await handle.stat();
  if (size === 0) await add(name, 0, []);
  else await add(name, size, handle.createReadStream({ end: size - 1, highWaterMark: WHOLE_BYTES, autoClose: false }));
  return true;
}

/** Keys of the objects that belong to executions that the copy knows, and of those that belong to none. */
async function* objectKeys(
  root: string,
  folder: string,
  isKnown: (executionId: string) => boolean,
): AsyncGenerator<string> {
  let entries: Awaited<ReturnType<typeof opendir>>;
  try {
    entries = await opendir(join(root, folder));
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  for await (const entry of entries) {
    const key = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (folder === "executions" && !isKnown(entry.name)) continue;
    if (entry.isDirectory()) yield* objectKeys(root, key, isKnown);
    else if (entry.isFile()) yield key;
  }
}

/** Deletes from the copy what was deleted since: some of its objects may have been gone already. */
function takeOutDeleted(copy: DatabaseSync, live: DatabaseSync): void {
  const isThere = live.prepare("SELECT 1 FROM executions WHERE key = ?");
  const gone = copy
    .prepare("SELECT key, id FROM executions")
    .all()
    .filter(({ key }) => isThere.get(Number(key)) === undefined);
  // Over what is deleted zeros are written: a backup must not open what the service signs for, nor bring back logins that ended.
  copy.exec("PRAGMA secure_delete = ON; BEGIN; DELETE FROM service_secrets; DELETE FROM sessions");
  for (const { key, id } of gone) {
    copy.prepare("INSERT INTO deletions (key, id) VALUES (?, ?)").run(Number(key), String(id));
    copy.prepare("DELETE FROM executions WHERE key = ?").run(Number(key));
  }
  copy.exec("COMMIT");
}

async function flush(path: string): Promise<void> {
  await using handle = await open(path, "r+");
  await handle.sync();
}

/** Gives the whole file its name, but never another's. */
async function putInPlace(part: string, file: string): Promise<void> {
  try {
    await link(part, file);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    if (code === "EEXIST" || existsSync(file)) throw targetExists(file);
    // A file system without hard links.
    await rename(part, file);
  }
}

function targetExists(file: string): MillraceError {
  return new MillraceError("TARGET_EXISTS", `${file} exists already. Choose another name, or remove it first.`);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && ["ENOENT", "ENOTDIR"].includes(String(error.code));
}
