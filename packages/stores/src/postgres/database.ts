import { Pool, type PoolClient } from "pg";
import type { Row } from "./columns.ts";
import { type ConnectionOptions, clientConfig, type Statement } from "./connection.ts";
import { isLostConnection, unreadable } from "./postgres-errors.ts";

/** Milliseconds after which a read has lost its connection, whatever the system says of it. */
const READ_TIMEOUT_MS = 60_000;

/** Milliseconds after which a connection that nobody needs is given up. */
const IDLE_MS = 30_000;

/**
 * Rows that follow each other are read off an index in its order, page after page. For an execution that is much larger than
 * others the planner would rather find all that follow, and sort them, for each page again.
 */
const SETUP = "SET enable_bitmapscan = off; SET jit = off";

/** What asks a statement within a transaction. */
export type Ask = (statement: Statement | string, values?: readonly unknown[]) => Promise<Row[]>;

/** The connections for reads, and for what is no part of a group: a few, shared by all who ask. */
export class Database {
  readonly #pool: Pool;

  /** `connections`: how many there may be at once. */
  constructor(options: ConnectionOptions, connections: number) {
    this.#pool = new Pool({
      ...clientConfig(options),
      max: connections,
      idleTimeoutMillis: IDLE_MS,
      query_timeout: READ_TIMEOUT_MS,
      onConnect: (client) => client.query(SETUP),
    });
    // One that is lost while it is idle: the pool has dropped it, and makes another when it is needed.
    this.#pool.on("error", () => undefined);
  }

  /**
   * Runs a statement that changes nothing, once more where its connection turned out to be gone.
   * @throws MillraceError SERVICE_UNAVAILABLE
   */
  async read(statement: Statement | string, values: readonly unknown[] = []): Promise<Row[]> {
    try {
      return await this.#ask(statement, values);
    } catch (error) {
      if (!isLostConnection(error)) throw unreadable(error);
    }
    try {
      return await this.#ask(statement, values);
    } catch (error) {
      throw unreadable(error);
    }
  }

  /**
   * Runs statements in one transaction, which is undone where `work` throws. Its outcome is not known where the
   * connection is lost during the commit: it has to be such that it may be done twice.
   * @throws what `work` or the driver throws
   */
  async transaction<T>(work: (ask: Ask) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    // The pool listens for errors only while a connection is idle; one without a listener would end the process.
    const ignore = () => undefined;
    client.on("error", ignore);
    let failure: Error | undefined;
    try {
      await client.query("BEGIN");
      const result = await work((statement, values = []) => ask(client, statement, values));
      await client.query("COMMIT");
      return result;
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
      await client.query("ROLLBACK").then(
        () => {
          failure = undefined;
        },
        () => undefined,
      );
      throw error;
    } finally {
      client.off("error", ignore);
      client.release(failure);
    }
  }

  /** Connections that there are, those of them that are free, and those who wait for one. */
  get pool(): { readonly total: number; readonly idle: number; readonly waiting: number } {
    return { total: this.#pool.totalCount, idle: this.#pool.idleCount, waiting: this.#pool.waitingCount };
  }

  /** Ends all connections, once those who use them are done. */
  close(): Promise<void> {
    return this.#pool.end();
  }

  async #ask(statement: Statement | string, values: readonly unknown[]): Promise<Row[]> {
    const config = typeof statement === "string" ? { text: statement } : statement;
    return (await this.#pool.query<Row>({ ...config, values: [...values] })).rows;
  }
}

async function ask(client: PoolClient, statement: Statement | string, values: readonly unknown[]): Promise<Row[]> {
  const config = typeof statement === "string" ? { text: statement } : statement;
  return (await client.query<Row>({ ...config, values: [...values] })).rows;
}
