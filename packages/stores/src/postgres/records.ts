import type {
  ConfigRecord,
  ConfigVersionRecord,
  ExecutionFilter,
  ExecutionRecord,
  FirstMessages,
  NewExecution,
  NewExecutionOptions,
  NewMessage,
  OverExecution,
  Page,
  Records,
} from "@millrace/engine";
import type { ExecutionStatus } from "@millrace/protocol";
import type { Committer } from "./committer.ts";
import { PostgresConfigs } from "./configs.ts";
import type { Statement } from "./connection.ts";
import { type CreatedExecution, createExecution } from "./create-execution.ts";
import type { Database } from "./database.ts";
import { EXECUTION, isStorable, toExecution } from "./execution-row.ts";
import { sizeOfFirst } from "./first-messages.ts";
import { listExecutions } from "./list-executions.ts";
import { PostgresRetention } from "./retention.ts";

/** An id comes before a tag. */
const BY_NAME = {
  name: "execution-by-name",
  text: `SELECT ${EXECUTION} FROM executions WHERE id = $1 OR tag = $1 ORDER BY (id = $1) DESC LIMIT 1`,
};

const STATUS_BY_NAME = {
  name: "execution-status-by-name",
  text: "SELECT id, status FROM executions WHERE id = $1 OR tag = $1 ORDER BY (id = $1) DESC LIMIT 1",
};

const BY_IDEMPOTENCY_KEY = {
  name: "execution-by-key",
  text: `SELECT ${EXECUTION} FROM executions WHERE idempotency_key = $1`,
};

const UNFINISHED = {
  name: "executions-unfinished",
  text: `SELECT ${EXECUTION} FROM executions WHERE status IN ('running', 'interrupted') ORDER BY key`,
};

/** Configs and executions, in PostgreSQL. */
export class PostgresRecords implements Records {
  readonly #database: Database;
  readonly #committer: Committer;
  readonly #configs: PostgresConfigs;
  readonly #retention: PostgresRetention;
  readonly #onDelete: () => void;

  /** `onDelete` is told when an execution was deleted by this node. */
  constructor(database: Database, committer: Committer, onDelete: () => void = () => {}) {
    this.#database = database;
    this.#committer = committer;
    this.#configs = new PostgresConfigs(database);
    this.#retention = new PostgresRetention(database, committer);
    this.#onDelete = onDelete;
  }

  createExecution(
    execution: NewExecution,
    first: NewMessage | FirstMessages | null,
    options: NewExecutionOptions = {},
  ): Promise<CreatedExecution> {
    return this.#committer.submit((transaction) => createExecution(transaction, execution, first, options), {
      patient: false,
      weight: 1,
      bytes: sizeOfFirst(first),
    });
  }

  getExecutionByIdempotencyKey(key: string): Promise<ExecutionRecord | null> {
    return this.#one(BY_IDEMPOTENCY_KEY, key);
  }

  async findExecution(idOrTag: string): Promise<{ id: string; status: ExecutionStatus } | null> {
    if (!isStorable(idOrTag)) return null;
    const [row] = await this.#database.read(STATUS_BY_NAME, [idOrTag]);
    // Written by this store alone.
    return row === undefined ? null : { id: String(row.id), status: row.status as ExecutionStatus };
  }

  getExecution(idOrTag: string): Promise<ExecutionRecord | null> {
    return this.#one(BY_NAME, idOrTag);
  }

  listExecutions(filter: ExecutionFilter): Promise<Page<ExecutionRecord>> {
    return listExecutions(this.#database, filter);
  }

  async unfinishedExecutions(): Promise<ExecutionRecord[]> {
    return (await this.#database.read(UNFINISHED)).map(toExecution);
  }

  async deleteExecution(id: string): Promise<boolean> {
    const deleted = await this.#retention.delete(id);
    if (deleted) this.#onDelete();
    return deleted;
  }

  deletedExecutions(limit: number): Promise<string[]> {
    return this.#retention.deleted(limit);
  }

  purgeExecution(id: string, maxBytes: number): Promise<boolean> {
    return this.#retention.purge(id, maxBytes);
  }

  executionsToTrim(completedBefore: string, limit: number): Promise<string[]> {
    return this.#retention.toTrim(completedBefore, limit);
  }

  executionsOver(limit: number): Promise<OverExecution[]> {
    return this.#retention.over(limit);
  }

  totalsOver(): Promise<{ count: number; bytes: number }> {
    return this.#retention.totals();
  }

  unmeasuredExecutions(limit: number): Promise<string[]> {
    return this.#retention.unmeasured(limit);
  }

  measureExecution(id: string, objectBytes: number): Promise<void> {
    return this.#retention.measure(id, objectBytes);
  }

  /**
   * There is nothing to give: PostgreSQL clears away what is dead by itself, and uses its room again. To give it back to
   * the system it would lock its tables, which is for whoever runs it to decide.
   */
  giveBackSpace(): Promise<boolean> {
    return Promise.resolve(true);
  }

  putConfig(config: ConfigRecord, options?: { readonly soleOfPath?: boolean }): Promise<void> {
    return this.#configs.put(config, options);
  }

  getConfig(id: string): Promise<ConfigRecord | null> {
    return this.#configs.get(id);
  }

  getConfigBySourcePath(sourcePath: string): Promise<ConfigRecord | null> {
    return this.#configs.getBySourcePath(sourcePath);
  }

  listConfigs(page: { limit: number; offset: number }): Promise<Page<ConfigRecord>> {
    return this.#configs.list(page);
  }

  listConfigVersions(id: string, page: { limit: number; offset: number }): Promise<Page<ConfigVersionRecord>> {
    return this.#configs.listVersions(id, page);
  }

  deleteConfig(id: string): Promise<boolean> {
    return this.#configs.delete(id);
  }

  async #one(statement: Statement, name: string): Promise<ExecutionRecord | null> {
    if (!isStorable(name)) return null;
    const [row] = await this.#database.read(statement, [name]);
    return row === undefined ? null : toExecution(row);
  }
}
