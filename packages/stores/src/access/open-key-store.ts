import type { ApiKeys, AuditLog } from "@millrace/engine";
import { Database } from "../postgres/database.ts";
import { migrate } from "../postgres/migrate.ts";
import { PostgresScripts } from "../postgres/scripts.ts";
import { unreachable } from "../postgres/unreachable.ts";
import { openSqliteStore } from "../sqlite/store.ts";
import { StoreApiKeys } from "./store-api-keys.ts";
import { StoreAuditLog } from "./store-audit-log.ts";

/** Where a service keeps its keys. */
export type KeyStorePlace = { readonly dataDir: string } | { readonly databaseUrl: string };

/** The keys of a service, without the service. */
export interface KeyStore {
  readonly apiKeys: ApiKeys;
  readonly auditLog: AuditLog;
  close(): Promise<void>;
}

/**
 * Opens a service's keys, so that there is one before it is started. A data directory must not be in use meanwhile.
 * @throws MillraceError DATA_DIR_IN_USE, DATA_DIR_UNUSABLE, STORE_UNREACHABLE
 */
export async function openKeyStore(place: KeyStorePlace): Promise<KeyStore> {
  if ("dataDir" in place) {
    const store = openSqliteStore(place.dataDir, { durability: "full" });
    return { apiKeys: store.apiKeys, auditLog: store.auditLog, close: async () => store.close() };
  }
  const database = new Database({ url: place.databaseUrl, name: "millrace keys" }, 1);
  try {
    await migrate(database);
  } catch (error) {
    await database.close();
    throw unreachable(place.databaseUrl, error);
  }
  const scripts = new PostgresScripts(database);
  return {
    apiKeys: new StoreApiKeys(scripts),
    auditLog: new StoreAuditLog(scripts),
    close: () => database.close(),
  };
}
