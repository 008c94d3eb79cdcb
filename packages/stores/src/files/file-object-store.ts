import { hash, randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ObjectMetadata, ObjectReader, ObjectStore, OpenObject } from "@millrace/engine";
import { AdapterError } from "@millrace/engine";
import { type Kept, readKept } from "./kept-metadata.ts";
import { checkKey, isKey, metadataFolder, metadataPath } from "./object-key.ts";
import { openObject } from "./open-object.ts";

/**
 * Objects as files under a folder: bodies in `objects/`, under their keys, so that people find them; what is kept
 * beside each in `metadata/`. A body and its metadata are two files, which cannot be put in their places in one step:
 * so the metadata is put first, keeps what it replaces, and says which body it belongs to. Whoever reads, and whenever
 * a writer is killed, finds for the body that is there the metadata that was written with it.
 */
export class FileObjectStore implements ObjectStore, ObjectReader {
  readonly #bodies: string;
  readonly #metadata: string;
  readonly #parts: string;
  readonly #flush: boolean;
  /** The last write per key: those to one key are made one after the other. */
  readonly #writes = new Map<string, Promise<void>>();
  #swept: Promise<void> | undefined;

  /** `flush`: an object that was written survives a power cut as well. */
  constructor(folder: string, options: { readonly flush?: boolean } = {}) {
    this.#flush = options.flush ?? false;
    this.#bodies = join(folder, "objects");
    this.#metadata = join(folder, "metadata");
    this.#parts = join(folder, "parts");
  }

  async put(key: string, body: Uint8Array, metadata: ObjectMetadata): Promise<void> {
    checkKey(key);
    const before = this.#writes.get(key) ?? Promise.resolve();
    const write = before.catch(() => {}).then(() => this.#put(key, body, metadata));
    this.#writes.set(key, write);
    try {
      await write;
    } finally {
      if (this.#writes.get(key) === write) this.#writes.delete(key);
    }
  }

  async get(key: string): Promise<{ body: Buffer; metadata: ObjectMetadata } | null> {
    checkKey(key);
    try {
      for (let attempt = 1; ; attempt += 1) {
        const body = await readFile(join(this.#bodies, key));
        const kept = await readKept(this.#metadataPlace(key));
        const own = kept.find(({ digest }) => digest === digestOf(body));
        if (own !== undefined) return { body, metadata: own.metadata };
        // Overtaken by many writers while it read; or a person has changed the file, and the newest is the best guess.
        const [newest] = kept;
        if (newest === undefined) return null;
        if (attempt === READ_ATTEMPTS) return { body, metadata: newest.metadata };
      }
    } catch (error) {
      if (isMissing(error)) return null;
      throw failure("read", key, error);
    }
  }

  async open(key: string): Promise<OpenObject | null> {
    if (!isKey(key)) return null;
    try {
      return await openObject(this.#bodies, key, this.#metadataPlace(key));
    } catch (error) {
      if (isMissing(error)) return null;
      throw failure("read", key, error);
    }
  }

  async *list(prefix: string): AsyncIterable<string> {
    const slash = prefix.lastIndexOf("/");
    const folder = slash < 0 ? "" : prefix.slice(0, slash);
    if (folder !== "") checkKey(folder);
    yield* this.#walk(folder, prefix);
  }

  async deleteAll(prefix: string): Promise<void> {
    try {
      // One that is being written would be put in its place after all else is gone.
      const writes = [...this.#writes].filter(([key]) => key.startsWith(prefix)).map(([, write]) => write);
      await Promise.allSettled(writes);
      if (prefix.endsWith("/")) {
        const folder = prefix.slice(0, -1);
        checkKey(folder);
        await rm(join(this.#bodies, folder), { recursive: true, force: true });
        await rm(join(this.#metadata, metadataFolder(folder)), { recursive: true, force: true });
        return;
      }
      for await (const key of this.list(prefix)) {
        await rm(join(this.#bodies, key), { force: true });
        await rm(join(this.#metadata, metadataPath(key)), { force: true });
      }
    } catch (error) {
      throw failure("deleted", prefix, error);
    }
  }

  async sizeOf(prefix: string): Promise<number> {
    let bytes = 0;
    try {
      for await (const key of this.list(prefix)) {
        for (const path of [join(this.#bodies, key), join(this.#metadata, metadataPath(key))]) {
          bytes += (await stat(path).catch(ifMissing(null)))?.size ?? 0;
        }
      }
    } catch (error) {
      throw failure("measured", prefix, error);
    }
    return bytes;
  }

  async #put(key: string, body: Uint8Array, metadata: ObjectMetadata): Promise<void> {
    const place = join(this.#bodies, key);
    const metadataPlace = this.#metadataPlace(key);
    const bodyPart = join(this.#parts, randomUUID());
    const metadataPart = join(this.#parts, randomUUID());
    try {
      this.#swept ??= this.#sweep();
      await this.#swept;
      if ((await stat(place).catch(ifMissing(null)))?.isDirectory()) throw keyInTheWay(key);
      await writeFile(bodyPart, body, { flag: "wx", flush: this.#flush });
      const { size, mtimeMs } = await stat(bodyPart);
      const own: Kept = { digest: metadata.sha256 ?? digestOf(body), size, mtime_ms: mtimeMs, metadata };
      const kept = [own, ...(await readKept(metadataPlace).catch(ifMissing([])))];
      await writeFile(metadataPart, JSON.stringify(kept.slice(0, KEPT)), { flag: "wx", flush: this.#flush });
      // Before the metadata is in its place: a body that has none there is no object.
      const made = [
        await mkdir(dirname(place), { recursive: true }),
        await mkdir(dirname(metadataPlace), { recursive: true }),
      ];
      await rename(metadataPart, metadataPlace);
      await rename(bodyPart, place);
      if (!this.#flush) return;
      await flushFolders(dirname(metadataPlace), made[1]);
      await flushFolders(dirname(place), made[0]);
    } catch (error) {
      await rm(bodyPart, { force: true }).catch(() => {});
      await rm(metadataPart, { force: true }).catch(() => {});
      throw failure("written", key, error);
    }
  }

  #metadataPlace(key: string): string {
    return join(this.#metadata, metadataPath(key));
  }

  /** Removes what writers left that were killed: parts so old that nobody is still at them. */
  async #sweep(): Promise<void> {
    await mkdir(this.#parts, { recursive: true });
    const names = await readdir(this.#parts).catch(ifMissing([]));
    for (const name of names) {
      const part = join(this.#parts, name);
      const age = Date.now() - ((await stat(part).catch(ifMissing(null)))?.mtimeMs ?? Date.now());
      if (age > PART_AGE_MS) await rm(part, { force: true });
    }
  }

  async *#walk(folder: string, prefix: string): AsyncGenerator<string> {
    let entries: import("node:fs").Dirent[];
    try {
      entries = await readdir(join(this.#bodies, folder), { withFileTypes: true });
    } catch (error) {
      if (isMissing(error)) return;
      throw failure("listed", prefix, error);
    }
    // As keys sort: a folder's keys all have a slash after its name.
    const names = entries.map((entry) => ({ path: entry.isDirectory() ? `${entry.name}/` : entry.name }));
    names.sort((a, b) => (a.path < b.path ? -1 : 1));
    for (const { path } of names) {
      const key = folder === "" ? path : `${folder}/${path}`;
      if (!key.startsWith(prefix)) continue;
      if (path.endsWith("/")) yield* this.#walk(key.slice(0, -1), prefix);
      else yield key;
    }
  }
}

/** So many writes of a key are told apart: each that is killed between its two files leaves one too many. */
const KEPT = 4;

const READ_ATTEMPTS = 5;

const PART_AGE_MS = 24 * 60 * 60 * 1000;

/** A name is on the disk once its folder is: of a folder that was made for it as well, from the first that was, `made`. */
async function flushFolders(folder: string, made: string | undefined): Promise<void> {
  const top = made === undefined ? folder : dirname(made);
  for (let at = folder; ; at = dirname(at)) {
    await using handle = await open(at, "r");
    await handle.sync();
    if (at === top || at === dirname(at)) return;
  }
}

function digestOf(body: Uint8Array): string {
  return hash("sha256", body);
}

/** Errors of the file system as adapters are told of them: worth another attempt, unless it is the key that is wrong. */
function failure(done: string, key: string, error: unknown): unknown {
  if (error instanceof AdapterError) return error;
  if (["ENOTDIR", "EEXIST", "EISDIR"].includes(codeOf(error))) return keyInTheWay(key);
  return new AdapterError(
    "OBJECT_STORE_UNAVAILABLE",
    `The object "${key.slice(0, 200)}" cannot be ${done}: ${error instanceof Error ? error.message : error}`,
    { retryable: true, cause: error },
  );
}

function keyInTheWay(key: string): AdapterError {
  return new AdapterError(
    "OBJECT_KEY_INVALID",
    `"${key.slice(0, 200)}" cannot be an object here: as files, one object cannot lie in a folder that is another object.`,
    { retryable: false },
  );
}

function isMissing(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR", "EISDIR"].includes(codeOf(error));
}

/** For `catch`: a value where there is no such file. */
function ifMissing<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (codeOf(error) === "ENOENT") return value;
    throw error;
  };
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
