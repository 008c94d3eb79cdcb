import { hostname } from "node:os";
import { resolve } from "node:path";
import {
  type CommitObserver,
  FileObjectStore,
  openSharedStore,
  openSqliteStore,
  PostgresSearch,
  SqliteCache,
  SqliteSearch,
  unusable,
} from "@millrace/stores";
import type { Settings } from "../settings.ts";
import { VERSION } from "../version.ts";
import type { Stores } from "./stores.ts";

/**
 * Opens what the settings name: the data directory of one process, or what many nodes share.
 * @throws MillraceError DATA_DIR_IN_USE, DATA_DIR_UNUSABLE, STORE_UNREACHABLE, SETTING_INVALID
 */
export function openStores(settings: Settings, observer: CommitObserver | null): Promise<Stores> {
  const { database_url: databaseUrl, nats_url: natsUrl } = settings;
  return databaseUrl === null || natsUrl === null
    ? Promise.resolve(openEmbedded(settings, observer))
    : openShared(settings, databaseUrl, natsUrl, observer);
}

/** SQLite and a folder, both in the data directory. */
function openEmbedded(settings: Settings, observer: CommitObserver | null): Stores {
  const dataDir = resolve(settings.data_dir);
  const store = openSqliteStore(dataDir, { durability: settings.durability, observer });
  const search = new SqliteSearch(dataDir);
  const cache = new SqliteCache(dataDir, settings.model_cache_bytes);
  return {
    ...store,
    search,
    cache,
    objects: new FileObjectStore(dataDir, { flush: settings.durability === "full" }),
    nodes: null,
    lookAt: { database: null, objects: null },
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

/** PostgreSQL, NATS, and S3 where it is set. */
async function openShared(
  settings: Settings,
  databaseUrl: string,
  natsUrl: string,
  observer: CommitObserver | null,
): Promise<Stores> {
  const { bus, tasks, ownership, alone, askTime, look, ...store } = await openSharedStore({
    databaseUrl,
    natsUrl,
    objectsUrl: settings.objects_url,
    environment: process.env,
    name: settings.node_name ?? `${hostname()}-${process.pid}`,
    version: VERSION,
    engine: settings.engine,
    leaseMs: settings.lease_seconds * 1000,
    observer,
  });
  const search = await PostgresSearch.open(databaseUrl).catch(async (error) => {
    await store.close();
    throw error;
  });
  const cache = new SqliteCache(resolve(settings.data_dir), settings.model_cache_bytes);
  return {
    ...store,
    search,
    cache,
    nodes: { bus, tasks, ownership, alone, look },
    lookAt: {
      database: askTime,
      objects: settings.objects_url === null ? null : () => firstOf(store.objects.list(".millrace/")),
    },
    explain: (error) => error,
    async close() {
      await search.close();
      cache.close();
      await store.close();
    },
    // Its connections break off with it, as in a crash: nothing that was told is lost.
    closeAtExit: () => cache.close(),
  };
}

/** Whether a list can be read, whatever is in it. */
async function firstOf(list: AsyncIterable<string>): Promise<void> {
  for await (const _ of list) return;
}
