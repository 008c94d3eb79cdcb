import { NATS_URL, withoutNats } from "./nats.ts";
import { createTestDatabase, withoutPostgres } from "./postgres.ts";

/** Whether the services of tests are of several nodes over PostgreSQL and NATS (`TEST_STACK=nodes`). */
export const SHARED_STACK: boolean = process.env.TEST_STACK === "nodes";

/** What the nodes of one service share, and nobody else. */
export interface SharedStack {
  /** The settings that make a process one of its nodes, as environment variables. */
  readonly env: Readonly<Record<string, string>>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** For the `skip` of a test: false where there are servers for it, else why it is skipped. */
export async function withoutSharedStack(): Promise<string | false> {
  return (await withoutPostgres()) || (await withoutNats());
}

/** A database of its own on the server that tests have; NATS is told apart by the database. */
export async function openSharedStack(): Promise<SharedStack> {
  const database = await createTestDatabase();
  return {
    env: { MILLRACE_DATABASE_URL: database.url, MILLRACE_NATS_URL: NATS_URL },
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}
