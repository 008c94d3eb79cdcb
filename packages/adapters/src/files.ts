import type { Dirent } from "node:fs";
import { lstat, opendir, realpath, stat } from "node:fs/promises";
import { join, posix, relative, resolve, sep } from "node:path";
import { type Adapter, AdapterError, type AdapterLog, defineAdapter } from "@millrace/engine";
import picomatch from "picomatch";
import { z } from "zod";
import { EVERYWHERE, type FilePlaces, NOT_GRANTED } from "./file-places.ts";
import { isInside } from "./is-inside.ts";

const globs = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

const config = z.strictObject({
  root: z.string().min(1).default(".").describe("The folder to look in, relative to where the service was started"),
  glob: globs
    .default("**/*")
    .describe("Which files, relative to `root`; one pattern or a list, in which `!` before a pattern takes away"),
  ignore: globs.optional().describe("Which files and folders to leave out; one pattern or a list"),
  follow_links: z
    .boolean()
    .default(false)
    .describe("Whether symbolic links are followed, as long as they stay in `root`"),
});

/** A pattern of what is not wanted; `!(a|b)` is another thing. */
const NEGATED = /^!(?!\()/;

/** A part of a pattern that begins with a dot, other than `./` and `../`. */
const HIDDEN = /(?:^|[/{,(|])\.(?!\.?(?:\/|$))/;

interface Prepared {
  matches(path: string): boolean;
  ignores(path: string): boolean;
  /** Whether a pattern names something hidden, so that hidden folders are worth a look. */
  readonly seesHidden: boolean;
}

const EXAMPLE = `version: "1.0"
routes:
  discover: { adapters: [{ type: files, config: { root: docs, glob: "**/*.md", ignore: "drafts/**" } }], outbound: [read] }
  read: { adapters: [{ type: read_file }] }
init_message: { route: discover }
`;

/** Emits a message per file, in the order of the names, so that a step that is redone emits the same. */
export const files: Adapter<z.infer<typeof config>, Prepared> = makeFiles(EVERYWHERE);

/** The same, for the files of these places. */
export function makeFiles(places: FilePlaces): Adapter<z.infer<typeof config>, Prepared> {
  return defineAdapter({
    type: "files",
    category: "source",
    stateful: () => true,
    description:
      "Finds files: one message per file with `root`, `path` (relative to it), `size` in bytes and `modified_at`.",
    config,
    example: EXAMPLE,
    prepare: ({ glob, ignore }) => {
      const patterns = typeof glob === "string" ? [glob] : glob;
      // In a list, "!drafts/**" takes away from what the others find; picomatch would add all that is not a draft.
      const wanted = patterns.filter((pattern) => !NEGATED.test(pattern));
      const unwanted = wanted.length === 0 ? [] : patterns.filter((pattern) => NEGATED.test(pattern));
      const matches = picomatch(wanted.length === 0 ? patterns : wanted, { dot: false });
      const rejects = picomatch(
        unwanted.map((pattern) => pattern.slice(1)),
        { dot: true },
      );
      return {
        matches: (path) => matches(path) && !rejects(path),
        ignores: ignore === undefined ? () => false : picomatch(ignore, { dot: true }),
        seesHidden: wanted.some((pattern) => HIDDEN.test(pattern)),
      };
    },
    async *process(_message, { config: { root, follow_links: followLinks }, prepared, signal, log }) {
      const base = await realRoot(root, places);
      const walk = new Walk(base, followLinks, prepared, log, signal, places);
      for await (const file of walk.folder(base, new Set([base]))) {
        yield { root, path: file.path, size: file.size, modified_at: file.modifiedAt };
      }
    },
  });
}

interface FoundFile {
  readonly path: string;
  readonly size: number;
  readonly modifiedAt: string;
}

class Walk {
  readonly #base: string;
  readonly #followLinks: boolean;
  readonly #prepared: Prepared;
  readonly #log: AdapterLog;
  readonly #signal: AbortSignal;
  readonly #places: FilePlaces;

  constructor(
    base: string,
    followLinks: boolean,
    prepared: Prepared,
    log: AdapterLog,
    signal: AbortSignal,
    places: FilePlaces,
  ) {
    this.#places = places;
    this.#base = base;
    this.#followLinks = followLinks;
    this.#prepared = prepared;
    this.#log = log;
    this.#signal = signal;
  }

  /** `above`: the real folders that lead here, so that links cannot make a circle. */
  async *folder(folder: string, above: ReadonlySet<string>): AsyncGenerator<FoundFile> {
    for (const entry of await this.#entries(folder)) {
      // Here and not where files are found: a walk that finds none must end as well.
      this.#signal.throwIfAborted();
      const full = join(folder, entry.name);
      const path = relative(this.#base, full).replaceAll(sep, posix.sep);
      if (this.#prepared.ignores(path)) continue;
      const target = entry.isSymbolicLink()
        ? await this.#follow(full)
        : { isFolder: entry.isDirectory(), isFile: entry.isFile() };
      if (target === null) continue;
      if (target.isFolder) {
        if (entry.name.startsWith(".") && !this.#prepared.seesHidden) continue;
        // Below a link, a folder's path is not its real one.
        const real = this.#followLinks ? await realpath(full).catch(() => full) : full;
        if (!above.has(real) && this.#places.allows(real)) yield* this.folder(full, new Set([...above, real]));
      } else if (target.isFile && this.#prepared.matches(path)) {
        const found = await this.#stat(full, path);
        if (found !== null) yield found;
      }
    }
  }

  async #entries(folder: string): Promise<Dirent[]> {
    try {
      const entries = await Array.fromAsync(await opendir(folder));
      return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    } catch (error) {
      this.#log.warn(`The folder ${folder} cannot be read and is left out: ${messageOf(error)}`);
      return [];
    }
  }

  async #follow(link: string): Promise<{ isFolder: boolean; isFile: boolean } | null> {
    if (!this.#followLinks) return null;
    try {
      const full = await realpath(link);
      if (!isInside(full, this.#base)) return null;
      const target = await stat(full);
      return { isFolder: target.isDirectory(), isFile: target.isFile() };
    } catch {
      this.#log.warn(`The link ${link} leads nowhere and is left out.`);
      return null;
    }
  }

  async #stat(full: string, path: string): Promise<FoundFile | null> {
    try {
      const found = await (this.#followLinks ? stat(full) : lstat(full));
      return { path, size: found.size, modifiedAt: found.mtime.toISOString() };
    } catch (error) {
      this.#log.warn(`The file ${path} is left out: ${messageOf(error)}`);
      return null;
    }
  }
}

async function realRoot(root: string, places: FilePlaces): Promise<string> {
  const folder = resolve(root);
  const refused = new AdapterError("ROOT_NOT_FOUND", `The folder ${root} is not looked into: ${NOT_GRANTED}.`, {
    retryable: false,
  });
  // Before it is looked for: whether there is such a folder is not told either.
  if (!places.mayLead(folder)) throw refused;
  try {
    if (!(await stat(folder)).isDirectory()) throw new Error("it is not a folder");
    const real = await realpath(folder);
    if (places.allows(real)) return real;
  } catch (error) {
    throw new AdapterError("ROOT_NOT_FOUND", `The folder ${root} cannot be read: ${messageOf(error)}.`, {
      retryable: false,
      cause: error,
    });
  }
  throw refused;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
