import type {
  ApiKeys,
  AuditLog,
  Bus,
  ContentCache,
  Deliveries,
  Failures,
  Journal,
  KeptMessages,
  Lineage,
  ObjectReader,
  ObjectStore,
  Ownership,
  Records,
  SearchIndexes,
  ServiceSecrets,
  SessionStore,
  StoredObjects,
  TaskQueue,
  Triggers,
  WorkQueue,
} from "@millrace/engine";
import type { SharedStoreState } from "@millrace/stores";

/** What a service stands on: its ports over one data directory, or over what its nodes share. */
export interface Stores {
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
  readonly objects: ObjectStore & ObjectReader;
  readonly search: SearchIndexes;
  /** Of this node alone: what is in it can be had again. */
  readonly cache: ContentCache;
  /** What binds it to the other nodes; null where one process is the whole service. */
  readonly nodes: SharedParts | null;
  /** Where it is all kept, for messages to an operator: no password is in it. */
  readonly place: string;
  /** Whether what others serve, a database or a bucket, answers. */
  readonly lookAt: StoreLooks;
  /** What to say to an operator of an error that opening or taking up has thrown. */
  explain(error: unknown): unknown;
  /** Commits what waits and closes everything. */
  close(): Promise<void>;
  /** The same for a process that exits now: what cannot be done without waiting is left to those that stay. */
  closeAtExit(): void;
}

/** @see Stores.lookAt */
export interface StoreLooks {
  /** The time by the database's clock, in milliseconds; null where it is in this process. @throws where it does not answer */
  readonly database: (() => Promise<number>) | null;
  /** Null where objects are with the database, or on a disk. @throws where the bucket does not answer */
  readonly objects: (() => Promise<void>) | null;
}

/** @see Stores.nodes */
export interface SharedParts {
  readonly ownership: Ownership;
  readonly bus: Bus;
  readonly tasks: TaskQueue;
  /** How it is with this node's connections, for figures. */
  look(): SharedStoreState;
  /** Runs `work` if no other node is at work under the same name; false: one is. */
  alone(name: string, work: () => Promise<void>): Promise<boolean>;
}
