import { setTimeout as wait } from "node:timers/promises";
import type { Bus, Lineage, ObjectReader, ObjectStore, TaskQueue } from "@millrace/engine";
import { busFeed } from "./feed/bus-feed.ts";
import type { CommitObserver } from "./journal/commit-observer.ts";
import { ThreadLineage } from "./lineage/thread-lineage.ts";
import { type NatsBus, openNatsBus } from "./nats/nats-bus.ts";
import { Session, shownUrl } from "./postgres/connection.ts";
import { Duties } from "./postgres/duties.ts";
import type { NodeDescription } from "./postgres/lease.ts";
import { PostgresObjectStore } from "./postgres/objects/object-store.ts";
import { openPostgresStore, type PostgresStore } from "./postgres/store.ts";

/** What the nodes of a service share, and what this one is among them. */
export interface SharedStoreOptions extends NodeDescription {
  /** `postgres://user:password@host:port/database`. */
  readonly databaseUrl: string;
  /** `nats://host:port`, several with commas between them. */
  readonly natsUrl: string;
  /** `s3://bucket/prefix?…`; null: objects are in the database. */
  readonly objectsUrl: string | null;
  readonly observer?: CommitObserver | null;
  /** Credentials of the object store are taken from it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** @see SharedStore.look */
export interface SharedStoreState {
  /** Connections for reads: all there are, those that are free, and those who wait for one. */
  readonly pool: { readonly total: number; readonly idle: number; readonly waiting: number };
  /** Since the lease was renewed, in milliseconds. */
  readonly leaseAgeMs: number;
}

/** The store of many nodes: PostgreSQL, objects, and the ways to the other nodes. */
export interface SharedStore
  extends Omit<PostgresStore, "close" | "database" | "source" | "feed" | "hold" | "clusterId" | "lease"> {
  readonly lineage: Lineage;
  readonly objects: ObjectStore & ObjectReader;
  readonly bus: Bus;
  readonly tasks: TaskQueue;
  /** Where the database is, without its password. */
  readonly place: string;
  /** The time by the database's clock, in milliseconds. @throws MillraceError SERVICE_UNAVAILABLE */
  askTime(): Promise<number>;
  /** How it is with its connections, for figures. */
  look(): SharedStoreState;
  /** @see Duties.alone */
  alone(name: string, work: () => Promise<void>): Promise<boolean>;
  /** Commits what waits, gives the lease up and ends all connections. */
  close(): Promise<void>;
}

/** A lock that is waited for, or a connection that says nothing, is given up after so long, in milliseconds. */
const SESSION = { setup: "SET statement_timeout = '30s'", timeoutMs: 40_000 };

/**
 * How long a shutdown waits for PostgreSQL to take the lease back, which runs out by itself, and to clear objects away, which
 * others go on with, in milliseconds.
 */
const LEAVE_MS = 2_000;

/**
 * Opens what the nodes of one service share, as one of them.
 * @throws MillraceError SETTING_INVALID, STORE_UNREACHABLE
 */
export async function openSharedStore(options: SharedStoreOptions): Promise<SharedStore> {
  const { databaseUrl: url, natsUrl, objectsUrl, environment, ...node } = options;
  let bus: NatsBus | undefined;
  let store: PostgresStore | undefined;
  const lineage = new ThreadLineage({ journal: { kind: "postgres", url }, folder: null });
  const sessions = [`millrace objects ${node.name}`, `millrace duties ${node.name}`].map(
    (name) => new Session({ url, name }, SESSION),
  );
  const [reading, duty] = sessions;
  const end = async () => {
    lineage.close();
    await Promise.all(sessions.map((session) => session.close()));
    await store?.close();
    await bus?.close();
  };
  try {
    store = await openPostgresStore({
      ...node,
      url,
      onDelete: () => lineage.sweep(),
      async feed(source, head, clusterId) {
        bus = await openNatsBus({ servers: natsUrl, prefix: `millrace.${clusterId}`, name: `millrace ${node.name}` });
        return busFeed(bus)(source, head);
      },
    });
    if (bus === undefined || reading === undefined || duty === undefined)
      throw new Error("the store asks for its feed");
    const tasks = await bus.openTaskQueue({ redeliverAfterMs: Math.max(1_000, node.leaseMs) });
    const bucket = objectsUrl === null ? null : await openBucket(objectsUrl, environment);
    const objects = bucket ?? new PostgresObjectStore(store.database, reading);
    const { hold } = store;
    // Without it nobody can be told or asked: runs pause, rather than to run apart from each other.
    const unsubscribe = bus.onStatus((connected) => hold(connected ? null : new Error("NATS cannot be reached")));
    const duties = new Duties(duty);
    const { database, lease, source: _source, feed: _feed, hold: _hold, clusterId: _id, ...ports } = store;
    return {
      ...ports,
      lineage,
      objects,
      bus,
      tasks,
      place: shownUrl(url),
      async askTime() {
        const [row] = await database.read("SELECT extract(epoch FROM clock_timestamp()) * 1000 AS now");
        return Number(row?.now);
      },
      look: () => ({ pool: database.pool, leaseAgeMs: lease.ageMs }),
      alone: (name, work) => duties.alone(name, work),
      async close() {
        unsubscribe();
        const leaving = [
          ports.ownership.leave().catch(() => undefined),
          objects instanceof PostgresObjectStore ? objects.close() : undefined,
        ];
        await Promise.race([Promise.all(leaving), wait(LEAVE_MS, undefined, { ref: false })]);
        await end();
        bucket?.close();
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}

/** The client's library is large: it is loaded where it is used. */
async function openBucket(url: string, environment: SharedStoreOptions["environment"]) {
  const { S3ObjectStore } = await import("./s3/index.ts");
  return S3ObjectStore.open(url, environment);
}
