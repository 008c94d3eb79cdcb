import type { StoreWithAccess } from "../conformance/access.ts";
import type { StoreWithDeliveries } from "../conformance/deliveries.ts";
import type { StoreWithSessions } from "../conformance/sessions.ts";
import type { StoreWithObjects } from "../conformance/stored-objects.ts";
import type { StoreWithTriggers } from "../conformance/triggers.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { openSqliteStore, type SqliteStore } from "./store.ts";

/** An empty SQLite store in a folder of its own, for the suites of `conformance/`. */
export async function openTemporaryStore(): Promise<
  StoreWithObjects & StoreWithTriggers & StoreWithDeliveries & StoreWithAccess & StoreWithSessions
> {
  const folder = temporaryFolder();
  let store: SqliteStore = openSqliteStore(folder.path, { durability: "normal" });
  return {
    get journal() {
      return store.journal;
    },
    get work() {
      return store.work;
    },
    get failures() {
      return store.failures;
    },
    get kept() {
      return store.kept;
    },
    get records() {
      return store.records;
    },
    get storedObjects() {
      return store.storedObjects;
    },
    get triggers() {
      return store.triggers;
    },
    get sessions() {
      return store.sessions;
    },
    get apiKeys() {
      return store.apiKeys;
    },
    get auditLog() {
      return store.auditLog;
    },
    get serviceSecrets() {
      return store.serviceSecrets;
    },
    get deliveries() {
      return store.deliveries;
    },
    async reopen() {
      store.close();
      store = openSqliteStore(folder.path, { durability: "normal" });
    },
    async [Symbol.asyncDispose]() {
      store.close();
      folder[Symbol.dispose]();
    },
  };
}
