import { resolve } from "node:path";
import { FileObjectStore, openSqliteStore, SqliteCache, SqliteSearch, unusable } from "@millrace/stores";
import type { Settings } from "../settings.ts";
import type { Stores } from "./stores.ts";

/**
 * Opens what the settings name: the data directory of one process, or what many nodes share.
 * @throws MillraceError DATA_DIR_IN_USE, DATA_DIR_UNUSABLE
 */
export async function openStores(settings: Settings): Promise<Stores> {
  return openEmbedded(settings);
}

/** SQLite and a folder, both in the data directory. */
function openEmbedded(settings: Settings): Stores {
  const dataDir = resolve(settings.data_dir);
  const store = openSqliteStore(dataDir, { durability: settings.durability });
  const search = new SqliteSearch(dataDir);
  const cache = new SqliteCache(dataDir, settings.model_cache_bytes);
  return {
    ...store,
    search,
    cache,
    objects: new FileObjectStore(dataDir, { flush: settings.durability === "full" }),
    nodes: null,
    place: dataDir,
    explain: (error) => unusable(dataDir, error),
    async close() {
      await search.close();
      cache.close();
      store.close();
    },
    closeAtExit() {
      cache.close();
      store.close();
    },
  };
}
