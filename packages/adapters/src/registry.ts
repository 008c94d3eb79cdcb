import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type AdapterRegistry, type AnyAdapter, configSchema } from "@millrace/engine";
import { type AdapterInfo, MillraceError } from "@millrace/protocol";
import { noteSource } from "./adapter-source.ts";
import { makeBuiltinAdapters } from "./builtin.ts";
import { type AdapterGrants, adapterEnvironment, NO_GRANTS } from "./environment.ts";
import { isInside } from "./is-inside.ts";
import { ADAPTER_FILE, invalid, loadUserAdapter, locateAdapterFile } from "./user-adapter.ts";

/** Where user-written adapters are. */
export interface RegistryOptions {
  /** A folder whose files each hold one; null: none. */
  readonly adaptersDir: string | null;
  /** What a path in a pipeline is relative to, and must not leave. */
  readonly baseDir: string;
  /**
   * Whether a pipeline may name files of the adapters folder alone: a file that is named is run as a part of the service, and
   * whoever may write pipelines, or have one looked at, is not who may choose what that is. Default false.
   */
  readonly restricted?: boolean;
  /** What built-in adapters may do; default nothing that needs a grant. */
  readonly grants?: AdapterGrants;
}

const NOT_GRANTED =
  "where access control is on, pipelines name files of the folder in adapters_dir alone. Have whoever runs the service put it there";

/**
 * The built-in adapters, and those of the adapters folder.
 * @throws MillraceError ADAPTER_INVALID where a file of the folder holds none, or one of a type that is taken
 */
export async function createAdapterRegistry(options: RegistryOptions): Promise<AdapterRegistry> {
  const builtin = makeBuiltinAdapters(adapterEnvironment(options.grants ?? NO_GRANTS));
  const known = new Map<string, AnyAdapter>(builtin.map((adapter) => [adapter.type, adapter]));
  for (const adapter of builtin) noteSource(adapter, { kind: "builtin", type: adapter.type });
  const files = new Map<string, string>();
  for (const file of await adapterFiles(options.adaptersDir)) {
    const adapter = await loadUserAdapter(file);
    if (known.has(adapter.type)) {
      const owner = files.get(adapter.type) ?? "a built-in adapter";
      throw invalid(file, `its type "${adapter.type}" is that of ${owner}. Give it another`);
    }
    known.set(adapter.type, adapter);
    files.set(adapter.type, file);
  }
  return {
    async resolve(type) {
      if (!isPath(type)) return known.get(type);
      const file = resolve(options.baseDir, type);
      if (options.restricted !== true) return loadUserAdapter(locateAdapterFile(file, options.baseDir));
      const folder = options.adaptersDir === null ? null : resolve(options.adaptersDir);
      // By its path alone: what else there is on the machine is not told.
      if (folder === null || !isInside(file, folder)) throw invalid(type, NOT_GRANTED);
      return loadUserAdapter(locateAdapterFile(file, folder));
    },
    list: () => [...known.values()].sort((a, b) => (a.type < b.type ? -1 : 1)),
  };
}

/** An adapter as the API and `millrace adapters` show it. */
export function describeAdapter(adapter: AnyAdapter): AdapterInfo {
  const { type, description, category, example = null } = adapter;
  return { type, description, category, config_schema: configSchema(adapter), example };
}

function isPath(type: string): boolean {
  return type.startsWith("./") || type.startsWith("../") || type.startsWith("/") || ADAPTER_FILE.test(type);
}

/** Names of files that stand beside adapters: tests, types, and what editors leave. */
const NO_ADAPTER = /^\.|\.(?:test|spec|d)\.m?[jt]s$/;

async function adapterFiles(dir: string | null): Promise<string[]> {
  if (dir === null) return [];
  try {
    const entries = await readdir(dir, { withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory() && ADAPTER_FILE.test(entry.name) && !NO_ADAPTER.test(entry.name))
      .map((entry) => join(resolve(dir), entry.name))
      .sort();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new MillraceError(
      "ADAPTER_INVALID",
      `The adapters folder ${resolve(dir)} cannot be read: ${why}. Create it, or name another (adapters_dir).`,
      { cause: error },
    );
  }
}
