import { Client, type ClientConfig, type CustomTypesConfig, type QueryResult } from "pg";
import { messageOf } from "./postgres-errors.ts";

/** Milliseconds that may pass until a connection is there. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Milliseconds without a word after which the system asks whether the other side is still there. */
const KEEP_ALIVE_MS = 5_000;

/** Of a name in `pg_stat_activity`. */
const MAX_NAME_BYTES = 63;

/** A statement of this store: prepared once per connection under its name. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** How connections are made. */
export interface ConnectionOptions {
  /** `postgres://user:password@host:port/database`, with the parameters of libpq that the driver knows. */
  readonly url: string;
  /** What the server calls the connection. */
  readonly name: string;
}

/** Object ids of the types that are not taken as text, which never change. */
const PARSERS: Readonly<Record<number, (text: string) => unknown>> = {
  16: (text) => text === "t",
  17: (text) => Buffer.from(text.slice(2), "hex"),
  20: Number,
  21: Number,
  23: Number,
  700: Number,
  701: Number,
  1700: Number,
};

/** Eight-byte numbers are positions and counts, which stay below 2^53. */
const types: CustomTypesConfig = {
  // The driver's type names a parser per type; what it calls is a function of the text.
  getTypeParser: ((oid: number) => PARSERS[oid] ?? ((text: string) => text)) as CustomTypesConfig["getTypeParser"],
};

/** What the driver is given for a connection. */
export function clientConfig({ url, name }: ConnectionOptions): ClientConfig {
  return {
    connectionString: url,
    application_name: shortened(name),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    types,
  };
}

function shortened(name: string): string {
  let short = name;
  while (Buffer.byteLength(short) > MAX_NAME_BYTES) short = short.slice(0, -1);
  return short;
}

/** A URL as it may be shown: without a password. */
export function shownUrl(url: string): string {
  try {
    const { hostname, port, pathname, username } = new URL(url);
    const user = username === "" ? "" : `${username}@`;
    return `postgres://${user}${hostname}${port === "" ? "" : `:${port}`}${pathname}`;
  } catch {
    return "the database (its URL cannot be read)";
  }
}

/** How a session behaves: see the constructor of {@link Session}. */
export interface SessionOptions {
  readonly setup: string;
  readonly timeoutMs: number;
  readonly longestMs?: number;
  readonly onLost?: () => void;
}

/** What the driver says of a statement that was not answered in time. */
const SILENT = "Query read timeout";

/**
 * One connection that is made when it is needed, and made again after it was lost. Statements that are given without
 * waiting go out together, and are answered in turn.
 */
export class Session {
  readonly #options: ConnectionOptions;
  readonly #setup: string;
  readonly #timeoutMs: number;
  readonly #longestMs: number;
  /** Of the connections that are made next: longer after one was silent, as the server may have had that much to do. */
  #patienceMs: number;
  readonly #onLost: () => void;
  #client: Client | null = null;
  #connecting: Promise<Client> | null = null;
  #isClosed = false;

  /**
   * `setup`: what is set on each new connection. `timeoutMs`: a statement that is not answered by then has lost its
   * connection, whatever the system says of it; `longestMs` (default: the same) is what that grows to while the next
   * connections turn out to be silent as well. `onLost`: told when a connection is lost, and not when it is given up.
   */
  constructor(
    options: ConnectionOptions,
    { setup, timeoutMs, longestMs = timeoutMs, onLost = () => {} }: SessionOptions,
  ) {
    this.#longestMs = longestMs;
    this.#patienceMs = timeoutMs;
    this.#onLost = onLost;
    this.#options = options;
    this.#setup = setup;
    this.#timeoutMs = timeoutMs;
  }

  /** Whether a connection is there. */
  get isConnected(): boolean {
    return this.#client !== null;
  }

  /** Makes the connection, where there is none. @throws what the driver says */
  async connect(): Promise<void> {
    await this.#connected();
  }

  /** Runs a statement on the connection that is there. @throws what the driver says; an error where there is none */
  run(statement: Statement | string, values: readonly unknown[] = []): Promise<QueryResult> {
    const answered = this.#send(statement, [...values]);
    // Of several that go out together the first that fails is what counts: the others are not waited for any more.
    answered.catch(() => undefined);
    return answered;
  }

  /** Runs a statement, on a new connection where there is none. */
  async query(statement: Statement | string, values: readonly unknown[] = []): Promise<QueryResult> {
    await this.#connected();
    return this.run(statement, values);
  }

  /** Gives up the connection as it is: the server undoes what was not committed. */
  drop(): void {
    const client = this.#client;
    this.#client = null;
    client?.connection.stream.destroy();
  }

  /** Takes leave of the server. Nothing more can be run. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const client = this.#client;
    this.#client = null;
    if (client === null) return;
    await Promise.race([client.end().catch(() => undefined), timeout(LEAVE_MS)]);
    client.connection.stream.destroy();
  }

  async #send(statement: Statement | string, values: unknown[]): Promise<QueryResult> {
    const client = this.#client;
    if (client === null) throw new Error("the connection was lost");
    try {
      const query = typeof statement === "string" ? { text: statement, values } : { ...statement, values };
      const result = await client.query(query);
      if (result.command === "COMMIT") this.#patienceMs = this.#timeoutMs;
      return result;
    } catch (error) {
      // Whatever else waits on it would wait as long.
      if (error instanceof Error && error.message === SILENT && this.#client === client) {
        this.drop();
        this.#patienceMs = Math.min(this.#longestMs, this.#patienceMs * 2);
      }
      throw error;
    }
  }

  #connected(): Promise<Client> {
    if (this.#isClosed) return Promise.reject(new Error("the store is closed"));
    if (this.#client !== null) return Promise.resolve(this.#client);
    this.#connecting ??= this.#open().finally(() => {
      this.#connecting = null;
    });
    return this.#connecting;
  }

  async #open(): Promise<Client> {
    const client = new Client({ ...clientConfig(this.#options), pipeline: true, query_timeout: this.#patienceMs });
    // A connection that is lost while nobody asks anything of it would end the process otherwise.
    client.on("error", () => this.#forget(client));
    client.on("end", () => this.#forget(client));
    try {
      await client.connect();
      await client.query(this.#setup);
    } catch (error) {
      client.connection.stream.destroy();
      throw new Error(messageOf(error), { cause: error });
    }
    if (this.#isClosed) {
      client.connection.stream.destroy();
      throw new Error("the store is closed");
    }
    this.#client = client;
    return client;
  }

  #forget(client: Client): void {
    if (this.#client !== client) return;
    this.#client = null;
    this.#onLost();
  }
}

/** Milliseconds that the server has to answer a leave-taking. */
const LEAVE_MS = 1_000;

function timeout(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
