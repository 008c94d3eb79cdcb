import { realpathSync, statSync } from "node:fs";
import { pathToFileURL } from "node:url";
import type { AnyAdapter } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import { shapeProblem, toAdapter } from "./adapter-shape.ts";
import { noteSource } from "./adapter-source.ts";
import { isInside } from "./is-inside.ts";
import { explainLoadError } from "./load-error.ts";
import { giveOwnModules } from "./own-modules.ts";

/** The endings of files that may hold an adapter. */
export const ADAPTER_FILE = /\.(?:ts|mts|js|mjs)$/;

/** By what the file exports, so that an adapter that is asked for twice is the same. */
const adapters = new WeakMap<object, AnyAdapter>();

/** How long a file may take to load, its imports and what it awaits at its top level, in milliseconds. */
const LOAD_TIMEOUT_MS = 30_000;

/**
 * Loads the adapter that a file exports as its default. A file that was changed is loaded anew.
 * @throws MillraceError ADAPTER_INVALID
 */
export async function loadUserAdapter(file: string, timeoutMs = LOAD_TIMEOUT_MS): Promise<AnyAdapter> {
  const { exported, changed } = await importDefault(file, timeoutMs);
  if (typeof exported !== "object" || exported === null) {
    throw invalid(
      file,
      exported === undefined
        ? "it has no default export. Give it one: export default defineAdapter({…})"
        : `its default export is ${kindOf(exported)}. It must be an object: export default defineAdapter({…})`,
    );
  }
  const known = adapters.get(exported);
  if (known !== undefined) return known;
  const problem = shapeProblem(exported);
  if (problem !== null) throw invalid(file, problem);
  const adapter = toAdapter(exported);
  adapters.set(exported, adapter);
  noteSource(adapter, { kind: "file", file, changed });
  return adapter;
}

/**
 * The real path of a file that a pipeline names, which must lie in `baseDir`.
 * @throws MillraceError ADAPTER_INVALID
 */
export function locateAdapterFile(file: string, baseDir: string): string {
  let real: string;
  let base: string;
  try {
    base = realpathSync(baseDir);
    real = realpathSync(file);
  } catch (error) {
    throw invalid(file, `there is no such file. Paths of adapters are relative to ${baseDir}`, error);
  }
  if (!isInside(real, base)) throw invalid(file, `it does not lie in ${base}. Move it there`);
  if (!ADAPTER_FILE.test(real) || !statSync(real).isFile()) {
    throw invalid(file, "it is no .ts, .mts, .js or .mjs file. Name one that has a default export");
  }
  return real;
}

/** An error that names the file, says what is wrong with it, and what to do. */
export function invalid(file: string, why: string, cause?: unknown): MillraceError {
  return new MillraceError("ADAPTER_INVALID", `The adapter file ${file} cannot be used: ${why}.`, { cause });
}

async function importDefault(file: string, timeoutMs: number): Promise<{ exported: unknown; changed: number }> {
  // A dangling link of the adapters folder, or a file that has just gone.
  const changed = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
  if (changed === undefined) throw invalid(file, "there is no such file. Correct its name, or remove the link to it");
  const timer = Promise.withResolvers<null>();
  const timeout = setTimeout(() => timer.resolve(null), timeoutMs);
  try {
    const url = pathToFileURL(file).href;
    giveOwnModules(url);
    // A module is loaded once for each URL, also one that failed: with its time, a corrected file counts.
    const loading: Promise<{ readonly default?: unknown }> = import(`${url}?changed=${changed}`);
    const loaded = await Promise.race([loading, timer.promise]);
    if (loaded !== null) return { exported: loaded.default, changed };
  } catch (error) {
    throw invalid(file, explainLoadError(file, error), error);
  } finally {
    clearTimeout(timeout);
  }
  const why = `it has not loaded after ${timeoutMs / 1000} s. Await nothing at its top level that may not come`;
  throw invalid(file, why);
}

function kindOf(value: unknown): string {
  return value === null ? "null" : `a ${typeof value}`;
}
