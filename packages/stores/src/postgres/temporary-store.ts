import type { StoreWithAccess } from "../conformance/access.ts";
import type { StoreWithDeliveries } from "../conformance/deliveries.ts";
import type { StoreWithSessions } from "../conformance/sessions.ts";
import type { StoreWithObjects } from "../conformance/stored-objects.ts";
import type { StoreWithTriggers } from "../conformance/triggers.ts";
import { temporaryDatabase } from "../support/postgres.ts";
import { openPostgresStore, type PostgresStore, type PostgresStoreOptions } from "./store.ts";

/** A node of its own on a database, plain but for what is given. */
export function openNode(url: string, options: Partial<PostgresStoreOptions> = {}): Promise<PostgresStore> {
  return openPostgresStore({ url, name: "test", version: "0.0.0", engine: true, leaseMs: 60_000, ...options });
}

/** An empty PostgreSQL store in a database of its own, for the suites of `conformance/`. */
export async function openTemporaryStore(): Promise<
  StoreWithObjects & StoreWithTriggers & StoreWithDeliveries & StoreWithAccess & StoreWithSessions
> {
  const database = await temporaryDatabase();
  let store = await openNode(database.url);
  const close = async () => {
    await store.ownership.leave();
    await store.close();
  };
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
      await close();
      store = await openNode(database.url);
      // The next node goes on with what the one before had.
      await store.ownership.claim({ limit: Number.MAX_SAFE_INTEGER });
    },
    async [Symbol.asyncDispose]() {
      await store.close();
      await database[Symbol.asyncDispose]();
    },
  };
}
