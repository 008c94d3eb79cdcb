import { randomBytes } from "node:crypto";
import { after, test } from "node:test";
import { Client } from "pg";
import { shownUrl } from "../postgres/connection.ts";
import { Database } from "../postgres/database.ts";
import { migrate } from "../postgres/migrate.ts";
import { messageOf } from "../postgres/postgres-errors.ts";

/** The server that tests make their databases on, by a user who may. */
export const POSTGRES_URL = process.env.TEST_POSTGRES_URL ?? "postgres://postgres@127.0.0.1:5432/postgres";

/** Milliseconds that it has to answer. */
const PATIENCE_MS = 10_000;

/** A database of its own, which is dropped with everybody who is connected to it. */
export interface TemporaryDatabase extends AsyncDisposable {
  readonly url: string;
}

/**
 * Registers tests that need PostgreSQL. Where none can be reached there is one in their place that is skipped and says so;
 * with TEST_REQUIRE_POSTGRES=1 it fails.
 */
export async function overPostgres(register: () => void): Promise<void> {
  const reason = await unreachablePostgres();
  if (reason === null) {
    after(dropTemplate);
    register();
    return;
  }
  const message = `PostgreSQL cannot be reached at ${shownUrl(POSTGRES_URL)} (${reason}); TEST_POSTGRES_URL says where one is`;
  test("the tests of this file need PostgreSQL", { skip: required() ? false : message }, () => {
    throw new Error(message);
  });
}

/** A new database with the tables of the store: within {@link overPostgres}. */
export async function temporaryDatabase(): Promise<TemporaryDatabase> {
  template ??= makeTemplate();
  return createDatabase(` TEMPLATE ${nameOf((await template).url)}`);
}

/** A new database with nothing in it. */
export function emptyDatabase(): Promise<TemporaryDatabase> {
  return createDatabase("");
}

/** Runs statements on a database, each on a connection of its own. Returns the rows of the last. */
export async function onDatabase(url: string, ...statements: string[]): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: PATIENCE_MS });
  client.on("error", () => undefined);
  await client.connect();
  try {
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) ({ rows } = await client.query(statement));
    return rows;
  } finally {
    await client.end();
  }
}

/** Of this process: it takes longer to migrate a database than to copy one. */
let template: Promise<TemporaryDatabase> | undefined;

async function makeTemplate(): Promise<TemporaryDatabase> {
  const database = await createDatabase("");
  const connections = new Database({ url: database.url, name: "millrace tests" }, 1);
  await migrate(connections);
  await connections.close();
  return database;
}

async function dropTemplate(): Promise<void> {
  await (await template)?.[Symbol.asyncDispose]();
}

async function createDatabase(options: string): Promise<TemporaryDatabase> {
  const name = `millrace_test_${process.pid}_${randomBytes(6).toString("hex")}`;
  await onDatabase(POSTGRES_URL, `CREATE DATABASE ${name}${options}`);
  const url = new URL(POSTGRES_URL);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    async [Symbol.asyncDispose]() {
      await onDatabase(POSTGRES_URL, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

function nameOf(url: string): string {
  return new URL(url).pathname.slice(1);
}

function required(): boolean {
  return process.env.TEST_REQUIRE_POSTGRES === "1";
}

/** Why no PostgreSQL can be reached; null where one can. */
export async function unreachablePostgres(): Promise<string | null> {
  try {
    await onDatabase(POSTGRES_URL, "SELECT 1");
    return null;
  } catch (error) {
    return messageOf(error);
  }
}
