import type { DatabaseSync } from "node:sqlite";
import type {
  ApiKeys,
  AuditLog,
  Deliveries,
  Failures,
  Journal,
  KeptMessages,
  Lineage,
  Records,
  ServiceSecrets,
  SessionStore,
  StoredObjects,
  Triggers,
  WorkQueue,
} from "@millrace/engine";
import { StoreApiKeys } from "../access/store-api-keys.ts";
import { StoreAuditLog } from "../access/store-audit-log.ts";
import { StoreServiceSecrets } from "../access/store-service-secrets.ts";
import { StoreSessions } from "../access/store-sessions.ts";
import type { CommitObserver } from "../journal/commit-observer.ts";
import { ThreadLineage } from "../lineage/thread-lineage.ts";
import { StoreDeliveries } from "../triggers/store-deliveries.ts";
import { StoreTriggers } from "../triggers/store-triggers.ts";
import type { Row } from "./columns.ts";
import { Committer } from "./committer.ts";
import { type Durability, lockDataDir, openDatabase, unusable } from "./database.ts";
import { ExecutionKeys } from "./execution-keys.ts";
import { ENDED_EXECUTION, toExecution } from "./execution-row.ts";
import { SqliteFailures } from "./failures.ts";
import { SqliteJournal } from "./journal.ts";
import { SqliteKeptMessages } from "./kept-messages.ts";
import { SqliteStoredObjects } from "./objects/stored-objects.ts";
import { SqliteRecords } from "./records.ts";
import { SqliteScripts } from "./scripts.ts";
import { SqliteWorkQueue } from "./work-queue.ts";

/** The embedded store: its ports over one file, written by one process; and lineage, over a file that is made of it. */
export interface SqliteStore {
  readonly journal: Journal;
  readonly work: WorkQueue;
  readonly failures: Failures;
  readonly kept: KeptMessages;
  readonly records: Records;
  readonly lineage: Lineage;
  readonly storedObjects: StoredObjects;
  readonly triggers: Triggers;
  readonly sessions: SessionStore;
  readonly deliveries: Deliveries;
  readonly apiKeys: ApiKeys;
  readonly auditLog: AuditLog;
  readonly serviceSecrets: ServiceSecrets;
  /** Commits what waits, closes the file and frees the data directory. */
  close(): void;
}

/** How the store is opened. */
export interface SqliteStoreOptions {
  readonly durability: Durability;
  readonly observer?: CommitObserver | null;
}

/**
 * Opens, or creates, the store in `dataDir`.
 * @throws MillraceError DATA_DIR_IN_USE, DATA_DIR_UNUSABLE
 */
export function openSqliteStore(dataDir: string, options: SqliteStoreOptions): SqliteStore {
  const unlock = lockDataDir(dataDir);
  let database: DatabaseSync | undefined;
  try {
    database = openDatabase(dataDir, options.durability);
    return overDatabase(dataDir, database, unlock, options.observer ?? null);
  } catch (error) {
    database?.close();
    unlock();
    throw unusable(dataDir, error);
  }
}

function overDatabase(
  dataDir: string,
  database: DatabaseSync,
  unlock: () => void,
  observer: CommitObserver | null,
): SqliteStore {
  const keys = new ExecutionKeys(database);
  const committer = new Committer(database, () => keys.forgetAll(), observer);
  const lineage = new ThreadLineage(
    { journal: { kind: "sqlite", dataDir }, folder: dataDir },
    { onDamage: (damage) => committer.stop(damage) },
  );
  const journal = new SqliteJournal(database, committer, keys);
  const scripts = new SqliteScripts(database, committer);
  let isOpen = true;
  return {
    lineage,
    journal,
    storedObjects: new SqliteStoredObjects(database, committer, keys, journal),
    work: new SqliteWorkQueue(database, committer, keys),
    failures: new SqliteFailures(database, committer, keys),
    kept: new SqliteKeptMessages(database, committer, keys),
    records: new SqliteRecords(database, committer, keys, () => lineage.sweep()),
    triggers: new StoreTriggers(scripts),
    sessions: new StoreSessions(scripts),
    apiKeys: new StoreApiKeys(scripts),
    auditLog: new StoreAuditLog(scripts),
    serviceSecrets: new StoreServiceSecrets(scripts),
    // Rows of this database, whose values are all of the driver's own types.
    deliveries: new StoreDeliveries(scripts, journal, {
      columns: ENDED_EXECUTION,
      toExecution: (row) => toExecution(row as Row),
    }),
    close() {
      if (!isOpen) return;
      isOpen = false;
      lineage.close();
      committer.close();
      database.close();
      unlock();
    },
  };
}
