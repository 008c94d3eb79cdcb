import { randomUUID } from "node:crypto";
import type {
  ApiKeys,
  AuditLog,
  Deliveries,
  Failures,
  Journal,
  KeptMessages,
  Ownership,
  Records,
  ServiceSecrets,
  SessionStore,
  StoredObjects,
  Triggers,
  WorkQueue,
} from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import { StoreApiKeys } from "../access/store-api-keys.ts";
import { StoreAuditLog } from "../access/store-audit-log.ts";
import { StoreServiceSecrets } from "../access/store-service-secrets.ts";
import { StoreSessions } from "../access/store-sessions.ts";
import type { CommitFeed, CommitSource, FeedFactory } from "../feed/commit-feed.ts";
import type { CommitObserver } from "../journal/commit-observer.ts";
import { StoreDeliveries } from "../triggers/store-deliveries.ts";
import { StoreTriggers } from "../triggers/store-triggers.ts";
import { Committer } from "./committer.ts";
import { Session } from "./connection.ts";
import { Database } from "./database.ts";
import { LISTED_EXECUTION, toExecution } from "./execution-row.ts";
import { PostgresFailures } from "./failures.ts";
import { PostgresJournal } from "./journal.ts";
import { JournalReads } from "./journal-reads.ts";
import { PostgresKeptMessages } from "./kept-messages.ts";
import { Lease, type NodeDescription } from "./lease.ts";
import { LocalFeed } from "./local-feed.ts";
import { migrate } from "./migrate.ts";
import { PostgresStoredObjects } from "./objects/stored-objects.ts";
import { PostgresOwnership } from "./ownership.ts";
import { PostgresRecords } from "./records.ts";
import { PostgresScripts } from "./scripts.ts";
import { PostgresTrimming } from "./trimming.ts";
import { checkUrl, unreachable } from "./unreachable.ts";
import { PostgresWorkQueue } from "./work-queue.ts";

/** How a node works on the store. */
export interface PostgresStoreOptions extends NodeDescription {
  /** `postgres://user:password@host:port/database`. */
  readonly url: string;
  /** Connections for reads that may be open at once, beside the two for commits and for the lease. Default 4. */
  readonly readers?: number;
  /** Default: a feed that looks every second what other nodes have committed. */
  readonly feed?: FeedFactory;
  readonly observer?: CommitObserver | null;
  /** Told when this node has deleted an execution. Must not throw. */
  readonly onDelete?: () => void;
}

/** The store of many nodes: its ports over one database. */
export interface PostgresStore {
  /** A UUID that names the service among others; of all its nodes the same. */
  readonly clusterId: string;
  readonly journal: Journal;
  readonly work: WorkQueue;
  readonly failures: Failures;
  readonly kept: KeptMessages;
  readonly records: Records;
  readonly storedObjects: StoredObjects;
  readonly triggers: Triggers;
  readonly sessions: SessionStore;
  readonly deliveries: Deliveries;
  readonly apiKeys: ApiKeys;
  readonly auditLog: AuditLog;
  readonly serviceSecrets: ServiceSecrets;
  readonly ownership: Ownership;
  /** What feeds read that they were not told. */
  readonly source: CommitSource;
  readonly feed: CommitFeed;
  /** For what else is kept in the same database. */
  readonly database: Database;
  readonly lease: Pick<Lease, "ageMs">;
  /**
   * Commits nothing while it is given a fault: what waits stays waiting, and what may not wait is refused. With null it goes
   * on.
   */
  hold(fault: Error | null): void;
  /** Commits what waits, and ends all connections. What the node owns stays its own until its lease runs out. */
  close(): Promise<void>;
}

/** Connections for reads, where nothing else is said. */
const READERS = 4;

/**
 * Of the connection that commits. Its statements meet rows by key alone: whatever the planner believes of the size of
 * tables that grow and shrink all the time, it is not to read them whole. A transaction whose node says nothing more
 * holds the row that all others wait for: the server ends it.
 */
const WRITER = `SET idle_in_transaction_session_timeout = '4s'; SET statement_timeout = '30s'; SET client_connection_check_interval = '1s';
SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET plan_cache_mode = force_generic_plan; SET jit = off`;

/**
 * The connection that commits is given up where a statement is not answered for so much longer than a lease holds, in
 * milliseconds: it may lead nowhere, while the one that renews the lease is there. At first: the next has longer.
 */
const WRITER_GRACE_MS = 2_000;
const WRITER_LONGEST_MS = 40_000;

const LEASE = "SET statement_timeout = '5s'; SET idle_in_transaction_session_timeout = '4s'";
const LEASE_TIMEOUT_MS = 6_000;

/** The oldest server that all statements are written for. */
const OLDEST_SERVER = 150_000;

/**
 * Opens the store in a PostgreSQL database as one of its nodes, and brings its tables up to date.
 * @throws MillraceError SETTING_INVALID, STORE_UNREACHABLE
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<PostgresStore> {
  const { url, name, leaseMs, readers = READERS } = options;
  checkUrl(url);
  const database = new Database({ url, name: `millrace ${name}` }, readers);
  let probe = () => {};
  const writer = new Session(
    { url, name: `millrace commits ${name}` },
    {
      setup: WRITER,
      timeoutMs: Math.min(WRITER_LONGEST_MS, leaseMs + WRITER_GRACE_MS),
      longestMs: WRITER_LONGEST_MS,
      onLost: () => probe(),
    },
  );
  const leasing = new Session({ url, name: `millrace lease ${name}` }, { setup: LEASE, timeoutMs: LEASE_TIMEOUT_MS });
  try {
    await database.transaction(async (ask) => checkServer((await ask(SERVER))[0] ?? {}));
    await migrate(database);
    const clusterId = await identify(database);
    const lease = new Lease(leasing, options);
    await lease.take();
    const ports = await overConnections({ database, writer, lease, options, clusterId });
    probe = () => ports.committer.probe();
    // A node that has nothing to commit finds out as well.
    lease.onUnreachable = () => probe();
    await writer.connect();
    return {
      clusterId,
      ...ports,
      database,
      lease,
      hold: (fault) => ports.committer.hold(fault),
      async close() {
        lease.stop();
        await ports.committer.close();
        ports.feed.close();
        await Promise.all([writer.close(), leasing.close(), database.close()]);
      },
    };
  } catch (error) {
    await Promise.all([writer.close(), leasing.close(), database.close()]);
    throw unreachable(url, error);
  }
}

interface Connections {
  readonly database: Database;
  readonly writer: Session;
  readonly lease: Lease;
  readonly options: PostgresStoreOptions;
  readonly clusterId: string;
}

async function overConnections({ database, writer, lease, options, clusterId }: Connections) {
  const source = new JournalReads(database);
  const head = await source.readHead();
  const feed = (await options.feed?.(source, head, clusterId)) ?? new LocalFeed(source, head);
  const committer = new Committer(writer, lease, (group) => feed.committed(group), options.observer);
  const trimming = new PostgresTrimming(database);
  const journal = new PostgresJournal({ committer, feed, reads: source, trim: (id) => trimming.trim(id) });
  const scripts = new PostgresScripts(database);
  return {
    committer,
    source,
    feed,
    journal,
    work: new PostgresWorkQueue(database, committer),
    failures: new PostgresFailures(database),
    kept: new PostgresKeptMessages(database),
    records: new PostgresRecords(database, committer, options.onDelete),
    storedObjects: await PostgresStoredObjects.open({ database, feed, journal }),
    triggers: new StoreTriggers(scripts),
    sessions: new StoreSessions(scripts),
    apiKeys: new StoreApiKeys(scripts),
    auditLog: new StoreAuditLog(scripts),
    serviceSecrets: new StoreServiceSecrets(scripts),
    deliveries: new StoreDeliveries(scripts, journal, { columns: LISTED_EXECUTION, toExecution }),
    ownership: new PostgresOwnership(database, committer, lease),
  };
}

const SERVER =
  "SELECT current_setting('server_version_num')::integer AS version, current_setting('server_version') AS shown, current_setting('server_encoding') AS encoding, pg_is_in_recovery() AS is_standby";

function checkServer({ version, shown, encoding, is_standby: isStandby }: Readonly<Record<string, unknown>>): void {
  const wrong =
    Number(version) < OLDEST_SERVER
      ? `the server is PostgreSQL ${shown}, and 15 is the oldest that will do`
      : encoding !== "UTF8"
        ? `its encoding is ${encoding}, and must be UTF8: create it with ENCODING 'UTF8'`
        : isStandby === true
          ? "the server is a standby, which cannot be written: database_url must name the primary"
          : null;
  if (wrong !== null) throw new Error(wrong);
}

/** The service's id, which the first node gives it. */
async function identify(database: Database): Promise<string> {
  return database.transaction(async (ask) => {
    await ask("INSERT INTO meta (key, value) VALUES ('cluster_id', $1) ON CONFLICT DO NOTHING", [randomUUID()]);
    const [row] = await ask("SELECT value FROM meta WHERE key = 'cluster_id'");
    if (row === undefined) throw new MillraceError("INTERNAL", "the service has no id");
    return String(row.value);
  });
}
