import { constants, type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import {
  DEFAULT_PROJECT,
  type ProviderHealth,
  placeOf,
  type Reading,
  type SecretProvider,
  type SecretScope,
} from "./secret-provider.ts";

/** The largest file that is taken for a secret, in bytes. */
const MAX_BYTES = 64 * 1024;

/** Files that are named in one warning. */
const NAMED = 5;

const OTHERS_MAY_READ = 0o004;

/**
 * Secrets in the files of a folder, as containers have them mounted: one each, without the line break at its end. They
 * are read whenever they are asked for, so that one that is changed is the new one at the next.
 */
export class FolderSecrets implements SecretProvider {
  readonly #folder: string;
  readonly #warn: (text: string) => void;
  /** Why files cannot be read, by path. */
  readonly #unreadable = new Map<string, string>();
  readonly #open = new Set<string>();
  #warned = false;

  constructor(folder: string, warn: (text: string) => void) {
    this.#folder = folder;
    this.#warn = warn;
  }

  async read(scope: SecretScope, names: readonly string[]): Promise<ReadonlyMap<string, Reading>> {
    const found = new Map<string, Reading>();
    const place = placeOf(scope);
    if (place === null) return found;
    await Promise.all(
      names.map(async (name) => {
        const reading =
          (await this.#readFile(place, name)) ??
          (place === DEFAULT_PROJECT ? await this.#readFile("", name) : undefined);
        if (reading !== undefined) found.set(name, reading);
      }),
    );
    this.#warnOnce();
    return found;
  }

  health(): ProviderHealth | null {
    const [first] = this.#unreadable.values();
    return first === undefined ? null : { status: "degraded", detail: first };
  }

  async #readFile(place: string, name: string): Promise<Reading | undefined> {
    const path = join(place, name);
    let file: FileHandle | null = null;
    try {
      // A pipe that nobody writes to would be waited for without end.
      file = await open(join(this.#folder, path), constants.O_RDONLY | constants.O_NONBLOCK);
      const stats = await file.stat();
      // A folder is that of the project of this name.
      if (stats.isDirectory()) return this.#absent(path);
      if (!stats.isFile()) return this.#cannot(path, "is no file");
      if (stats.size > MAX_BYTES) return this.#cannot(path, `has more than ${MAX_BYTES} bytes`);
      if ((stats.mode & OTHERS_MAY_READ) !== 0) this.#open.add(path);
      const bytes = await file.readFile();
      const value = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes).replace(/\r?\n$/, "");
      this.#unreadable.delete(path);
      return { value };
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : null;
      if (code === "ENOENT" || code === "ENOTDIR") return this.#absent(path);
      return this.#cannot(
        path,
        code === "ERR_ENCODING_INVALID_ENCODED_DATA" ? "is no UTF-8" : `cannot be read (${code})`,
      );
    } finally {
      await file?.close();
    }
  }

  #absent(path: string): undefined {
    this.#unreadable.delete(path);
    return undefined;
  }

  #cannot(path: string, why: string): Reading {
    const away = `the file ${path} in secrets_dir ${why}`;
    this.#unreadable.set(path, away);
    return { away };
  }

  #warnOnce(): void {
    if (this.#warned || this.#open.size === 0) return;
    this.#warned = true;
    const paths = [...this.#open].slice(0, NAMED).join(", ");
    this.#warn(
      `secrets_dir: every user of this machine may read ${paths}. Take the right from others: chmod o-r, or the mode 0440 of the volume.`,
    );
  }
}
