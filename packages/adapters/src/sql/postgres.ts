import { AdapterError } from "@millrace/engine";
import type { Pool, PoolClient } from "pg";

/** Connections to one database that are open at once, of this process. */
const MAX_CONNECTIONS = 8;

/** A connection that nobody uses is closed after so long, in milliseconds. */
const IDLE_MS = 10_000;

/** The longest wait for a connection, in milliseconds. */
const CONNECT_MS = 10_000;

/** Those of databases that were found to be none of Millrace. */
const foreign = new WeakSet<Pool>();

/** By the connection string. */
const pools = new Map<string, Promise<Pool>>();

/** The form of a connection string. */
export const POSTGRES_URL = /^postgres(?:ql)?:\/\/\S+$/;

/**
 * Does work over a connection to PostgreSQL. When the signal is aborted the server is told to stop what it does for it.
 * @throws AdapterError DATABASE_UNAVAILABLE, DATABASE_BUSY, DATABASE_REFUSED, SQL_TIMEOUT, SQL_READ_ONLY, SQL_INVALID,
 * ROW_REJECTED, TABLE_MISMATCH
 */
export async function* overPostgres<T>(
  url: string,
  signal: AbortSignal,
  work: (client: PoolClient) => AsyncGenerator<T, void>,
): AsyncGenerator<T, void> {
  signal.throwIfAborted();
  const pool = await poolOf(url);
  let client: PoolClient;
  try {
    client = await pool.connect();
  } catch (error) {
    throw toAdapterError(error);
  }
  // A connection that is lost while nobody waits for it says so here; what is done with it next fails.
  const onError = () => undefined;
  client.on("error", onError);
  const onAbort = () => void cancel(pool, client);
  signal.addEventListener("abort", onAbort, { once: true });
  let whole = false;
  try {
    await refuseOwn(pool, client);
    yield* work(client);
    whole = true;
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof AdapterError ? error : toAdapterError(error);
  } finally {
    signal.removeEventListener("abort", onAbort);
    client.off("error", onError);
    // What was left in the middle has a state that nobody else should meet.
    client.release(!whole);
  }
}

async function poolOf(url: string): Promise<Pool> {
  const known = pools.get(url);
  if (known !== undefined) return known;
  const making = import("pg").then(({ default: pg }) => {
    const pool = new pg.Pool({
      connectionString: url,
      max: MAX_CONNECTIONS,
      idleTimeoutMillis: IDLE_MS,
      connectionTimeoutMillis: CONNECT_MS,
      allowExitOnIdle: true,
      application_name: "millrace",
    });
    pool.on("error", () => undefined);
    return pool;
  });
  pools.set(url, making);
  return making;
}

/** In a database of Millrace itself are the keys of its API, and what all projects have: that is no pipeline's to reach. */
async function refuseOwn(pool: Pool, client: PoolClient): Promise<void> {
  if (foreign.has(pool)) return;
  const { rows } = await client.query<{ own: string }>(
    "SELECT count(DISTINCT relname) AS own FROM pg_catalog.pg_class WHERE relkind IN ('r', 'p') AND relname IN ('journal', 'executions', 'config_versions')",
  );
  if (Number(rows[0]?.own) === 3) {
    throw new AdapterError("DATABASE_REFUSED", "It is a database of Millrace itself. Name another.", {
      retryable: false,
    });
  }
  foreign.add(pool);
}

/** Asks the server, over a connection of its own, to stop what it does for another. */
async function cancel(pool: Pool, client: PoolClient): Promise<void> {
  // The types lack it; the library has it for each connection.
  const { processID } = client as PoolClient & { readonly processID?: number };
  if (processID === undefined) return;
  // Where it cannot be told, it notices when the connection is closed.
  await pool.query("SELECT pg_cancel_backend($1)", [processID]).catch(() => undefined);
}

function toAdapterError(error: unknown): AdapterError {
  const why = (error instanceof Error ? error.message || error.name : String(error)).replace(/\.$/, "").slice(0, 500);
  const state = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
  const make = (code: string, text: string, retryable: boolean) =>
    new AdapterError(code, `${text}: ${why}.`, { retryable, cause: error });
  if (/^(?:40001|40P01|55P03)$/.test(state)) return make("DATABASE_BUSY", "Another transaction is in the way", true);
  if (state === "57014") return make("SQL_TIMEOUT", "The database stopped the statement", true);
  if (state === "25006" || state === "25001")
    return make("SQL_READ_ONLY", "The statement writes, and may only read", false);
  if (state.startsWith("28") || state === "3D000")
    return make("DATABASE_REFUSED", "The database lets nobody in", false);
  if (/^2[23]/.test(state)) return make("ROW_REJECTED", "The database refuses a value", false);
  if (state === "42P01" || state === "42703" || state === "42P10") {
    return make("TABLE_MISMATCH", "What is named is not in the database", false);
  }
  // P0: what a function of the database raises; it would again.
  if (/^(?:42|0A|21|3[89]|44|54|P0)/.test(state)) return make("SQL_INVALID", "The statement cannot run", false);
  return make("DATABASE_UNAVAILABLE", "The database cannot be reached, or cannot answer", true);
}
