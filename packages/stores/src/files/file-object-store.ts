import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ObjectMetadata, ObjectStore } from "@millrace/engine";
import { AdapterError } from "@millrace/engine";

/**
 * Objects as files under a folder: bodies in `objects/`, each with its metadata at the same place in `metadata/`, so
 * that no object's name can be mistaken for another's metadata.
 */
export class FileObjectStore implements ObjectStore {
  readonly #bodies: string;
  readonly #metadata: string;
  readonly #parts: string;

  constructor(folder: string) {
    this.#bodies = join(folder, "objects");
    this.#metadata = join(folder, "metadata");
    this.#parts = join(folder, "parts");
  }

  async put(key: string, body: Uint8Array, metadata: ObjectMetadata): Promise<void> {
    const path = checkKey(key);
    // The body last: an object that can be seen has its metadata.
    await this.#write(join(this.#metadata, `${path}.json`), Buffer.from(JSON.stringify(metadata)));
    await this.#write(join(this.#bodies, path), body);
  }

  async get(key: string): Promise<{ body: Buffer; metadata: ObjectMetadata } | null> {
    const path = checkKey(key);
    try {
      const body = await readFile(join(this.#bodies, path));
      const metadata = JSON.parse(await readFile(join(this.#metadata, `${path}.json`), "utf8"));
      return { body, metadata };
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  async *list(prefix: string): AsyncIterable<string> {
    const slash = prefix.lastIndexOf("/");
    const folder = slash < 0 ? "" : prefix.slice(0, slash);
    if (folder !== "") checkKey(folder);
    for await (const key of this.#walk(folder)) if (key.startsWith(prefix)) yield key;
  }

  async deleteAll(prefix: string): Promise<void> {
    if (prefix.endsWith("/")) {
      const folder = checkKey(prefix.slice(0, -1));
      await rm(join(this.#bodies, folder), { recursive: true, force: true });
      await rm(join(this.#metadata, folder), { recursive: true, force: true });
      return;
    }
    for await (const key of this.list(prefix)) {
      await rm(join(this.#bodies, key), { force: true });
      await rm(join(this.#metadata, `${key}.json`), { force: true });
    }
  }

  /** Whole or not at all: written aside, then put in its place. */
  async #write(file: string, body: Uint8Array): Promise<void> {
    const part = join(this.#parts, randomUUID());
    try {
      await mkdir(this.#parts, { recursive: true });
      const handle = await open(part, "wx");
      try {
        await handle.writeFile(body);
      } finally {
        await handle.close();
      }
      await mkdir(dirname(file), { recursive: true });
      await rename(part, file);
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
  }

  async *#walk(folder: string): AsyncGenerator<string> {
    let entries: import("node:fs").Dirent[];
    try {
      entries = await readdir(join(this.#bodies, folder), { withFileTypes: true });
    } catch (error) {
      if (isMissing(error)) return;
      throw error;
    }
    // As keys sort: a folder's keys all have a slash after its name.
    const names = entries.map((entry) => ({
      name: entry.name,
      sort: entry.isDirectory() ? `${entry.name}/` : entry.name,
      isFolder: entry.isDirectory(),
    }));
    names.sort((a, b) => (a.sort < b.sort ? -1 : 1));
    for (const { name, isFolder } of names) {
      const key = folder === "" ? name : `${folder}/${name}`;
      if (isFolder) yield* this.#walk(key);
      else yield key;
    }
  }
}

/** @throws AdapterError OBJECT_KEY_INVALID, not retryable */
function checkKey(key: string): string {
  const bad = key
    .split("/")
    .some(
      (part) =>
        part === "" || part === "." || part === ".." || Buffer.byteLength(part) > 250 || /[\p{Cc}\\]/u.test(part),
    );
  if (!bad && key.length <= 2048) return key;
  throw new AdapterError("OBJECT_KEY_INVALID", `"${key.slice(0, 200)}" is no key of an object.`, { retryable: false });
}

function isMissing(error: unknown): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    (error.code === "ENOENT" || error.code === "ENOTDIR" || error.code === "EISDIR")
  );
}
