import {
  emptyDatabase,
  onDatabase,
  POSTGRES_URL,
  unreachablePostgres,
} from "../../packages/stores/src/support/postgres.ts";
import { deleteStreams, NATS_URL, withoutNats } from "./nats.ts";

/** Whether the services of tests are of several nodes over PostgreSQL and NATS (`TEST_STACK=nodes`). */
export const SHARED_STACK: boolean = process.env.TEST_STACK === "nodes";

/** What the nodes of one service share, and nobody else. */
export interface SharedStack extends AsyncDisposable {
  readonly databaseUrl: string;
  /** The settings that make a process one of its nodes, as environment variables. */
  readonly env: Readonly<Record<string, string>>;
}

/** For the `skip` of a test of what one process alone has, as its files; false on the stack of one process. */
export function notOfNodes(reason: string): string | false {
  return SHARED_STACK && `not for several nodes: ${reason}`;
}

/** For the `skip` of a test: false where there are servers for it, else why it is skipped. */
export async function withoutSharedStack(): Promise<string | false> {
  const reason = process.env.TEST_REQUIRE_POSTGRES === "1" ? null : await unreachablePostgres();
  return reason === null ? withoutNats() : `PostgreSQL cannot be reached at ${POSTGRES_URL} (${reason})`;
}

/** A database of its own on the server that tests have; NATS tells services apart by their databases. */
export async function openSharedStack(natsUrl: string = NATS_URL): Promise<SharedStack> {
  const database = await emptyDatabase();
  return {
    databaseUrl: database.url,
    env: { MILLRACE_DATABASE_URL: database.url, MILLRACE_NATS_URL: natsUrl },
    async [Symbol.asyncDispose]() {
      const service = await clusterIdOf(database.url);
      await database[Symbol.asyncDispose]();
      // Those of servers of a test's own go with them.
      if (service !== null && natsUrl === NATS_URL) await deleteStreams(`millrace.${service}`);
    },
  };
}

/** What the service is called in NATS; null where no node has come as far as that, or the database is gone already. */
async function clusterIdOf(databaseUrl: string): Promise<string | null> {
  const rows = await onDatabase(databaseUrl, "SELECT value FROM meta WHERE key = 'cluster_id'").catch(() => []);
  return rows[0] === undefined ? null : String(rows[0].value);
}
