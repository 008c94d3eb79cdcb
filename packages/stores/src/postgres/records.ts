import type {
  ConfigRecord,
  ConfigVersionRecord,
  ExecutionFilter,
  ExecutionRecord,
  FirstMessages,
  FoundExecution,
  NewExecution,
  NewExecutionOptions,
  NewMessage,
  OverExecution,
  Page,
  ProjectCounts,
  Records,
  RecordsView,
} from "@millrace/engine";
import type { Committer } from "./committer.ts";
import { PostgresConfigs } from "./configs.ts";
import { type CreatedExecution, createExecution } from "./create-execution.ts";
import type { Database } from "./database.ts";
import { EXECUTION, isStorable, toExecution } from "./execution-row.ts";
import { sizeOfFirst } from "./first-messages.ts";
import { PostgresRecordsView } from "./records-view.ts";
import { PostgresRetention } from "./retention.ts";

const BY_IDEMPOTENCY_KEY = {
  name: "execution-by-key",
  text: `SELECT ${EXECUTION} FROM executions WHERE idempotency_key = $1 AND project = $2`,
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
  readonly #all: PostgresRecordsView;

  /** `onDelete` is told when an execution was deleted by this node. */
  constructor(database: Database, committer: Committer, onDelete: () => void = () => {}) {
    this.#database = database;
    this.#committer = committer;
    this.#configs = new PostgresConfigs(database);
    this.#retention = new PostgresRetention(database, committer);
    this.#onDelete = onDelete;
    this.#all = new PostgresRecordsView(database, this.#configs, null);
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

  async getExecutionByIdempotencyKey(project: string, key: string): Promise<ExecutionRecord | null> {
    if (!isStorable(key)) return null;
    const [row] = await this.#database.read(BY_IDEMPOTENCY_KEY, [key, project]);
    return row === undefined ? null : toExecution(row);
  }

  inProject(project: string | null): RecordsView {
    return project === null ? this.#all : new PostgresRecordsView(this.#database, this.#configs, project);
  }

  findExecution(idOrTag: string): Promise<FoundExecution | null> {
    return this.#all.findExecution(idOrTag);
  }

  getExecution(idOrTag: string): Promise<ExecutionRecord | null> {
    return this.#all.getExecution(idOrTag);
  }

  listExecutions(filter: ExecutionFilter): Promise<Page<ExecutionRecord>> {
    return this.#all.listExecutions(filter);
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

  getConfigBySourcePath(project: string, sourcePath: string): Promise<ConfigRecord | null> {
    return this.#configs.getBySourcePath(project, sourcePath);
  }

  getConfig(id: string): Promise<ConfigRecord | null> {
    return this.#all.getConfig(id);
  }

  listConfigs(page: { limit: number; offset: number }): Promise<Page<ConfigRecord>> {
    return this.#all.listConfigs(page);
  }

  listConfigVersions(id: string, page: { limit: number; offset: number }): Promise<Page<ConfigVersionRecord>> {
    return this.#all.listConfigVersions(id, page);
  }

  deleteConfig(id: string): Promise<boolean> {
    return this.#all.deleteConfig(id);
  }

  projects(): Promise<ProjectCounts[]> {
    return this.#all.projects();
  }
}
