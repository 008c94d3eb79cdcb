import type { DatabaseSync } from "node:sqlite";
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
import { MillraceError } from "@millrace/protocol";
import { tooMany } from "../too-many.ts";
import type { Committer } from "./committer.ts";
import { SqliteConfigs } from "./configs.ts";
import type { ExecutionKeys } from "./execution-keys.ts";
import { EXECUTION, toExecution } from "./execution-row.ts";
import { SqliteFirstMessages } from "./first-messages.ts";
import { type ExecutionStatements, executionStatements, SqliteRecordsView } from "./records-view.ts";
import { SqliteRetention } from "./retention.ts";

/** Configs and executions, in SQLite. */
export class SqliteRecords implements Records {
  readonly #database: DatabaseSync;
  readonly #committer: Committer;
  readonly #configs: SqliteConfigs;
  readonly #retention: SqliteRetention;
  readonly #first: SqliteFirstMessages;
  readonly #found: ExecutionStatements;
  readonly #all: SqliteRecordsView;
  readonly #onDelete: () => void;
  readonly #sql;

  /** `onDelete` is told when an execution was deleted. */
  constructor(database: DatabaseSync, committer: Committer, keys: ExecutionKeys, onDelete: () => void = () => {}) {
    this.#onDelete = onDelete;
    this.#database = database;
    this.#committer = committer;
    this.#configs = new SqliteConfigs(database, committer);
    this.#retention = new SqliteRetention(database, committer, keys);
    this.#first = new SqliteFirstMessages(database);
    this.#found = executionStatements(database);
    this.#all = new SqliteRecordsView(database, committer, this.#configs, this.#found, null);
    this.#sql = {
      ofName: database.prepare(
        "SELECT id FROM executions WHERE tag = ?2 AND project = ?1 UNION ALL SELECT id FROM executions WHERE id = ?2 AND project = ?1 LIMIT 1",
      ),
      byIdempotencyKey: database.prepare(
        `SELECT ${EXECUTION} FROM executions WHERE idempotency_key = ? AND project = ?`,
      ),
      unfinished: database.prepare(
        `SELECT ${EXECUTION} FROM executions WHERE status IN ('running', 'interrupted') ORDER BY key`,
      ),
      insertExecution: database.prepare(
        "INSERT INTO executions (id, config_id, config_name, status, started_at, parent_execution_id, replay_source, tag, config_snapshot, root_correlation_id, metadata, idempotency_key, start_position, project) VALUES (?1, ?2, ?7 ->> 'name', 'running', ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0, ?11)",
      ),
      unfinishedCount: database.prepare(
        "SELECT count(*) AS count FROM executions WHERE status IN ('running', 'interrupted')",
      ),
      startPosition: database.prepare("UPDATE executions SET start_position = ? WHERE key = ?"),
    };
  }

  createExecution(
    execution: NewExecution,
    first: NewMessage | FirstMessages | null,
    { maxUnfinished }: NewExecutionOptions = {},
  ): Promise<{ record: ExecutionRecord; created: boolean; firstSeq: number | null }> {
    return this.#committer.submit(
      (group) => {
        if (execution.idempotencyKey !== null) {
          const row = this.#sql.byIdempotencyKey.get(execution.idempotencyKey, execution.project);
          if (row !== undefined) {
            if (row.config_id === execution.configId)
              return { record: toExecution(row), created: false, firstSeq: null };
            throw new MillraceError(
              "IDEMPOTENCY_KEY_REUSED",
              `The idempotency key was used to run another config (execution ${row.id}). Use a new key.`,
            );
          }
        }
        if (execution.tag !== null) {
          const row = this.#sql.ofName.get(execution.project, execution.tag);
          if (row !== undefined) {
            throw new MillraceError(
              "TAG_TAKEN",
              `The tag "${execution.tag}" belongs to execution ${row.id}. Choose another.`,
            );
          }
        }
        if (maxUnfinished !== undefined && Number(this.#sql.unfinishedCount.get()?.count) >= maxUnfinished)
          throw tooMany(maxUnfinished);
        if (first !== null && "copies" in first) this.#first.check(group, first);
        const key = Number(
          this.#sql.insertExecution.run(
            execution.id,
            execution.configId,
            execution.startedAt,
            execution.parentExecutionId,
            execution.replaySource,
            execution.tag,
            JSON.stringify(execution.configSnapshot),
            execution.rootCorrelationId,
            JSON.stringify(execution.metadata),
            execution.idempotencyKey,
            execution.project,
          ).lastInsertRowid,
        );
        const start = group.addNow(execution.id, key, { kind: "started", at: execution.startedAt });
        this.#sql.startPosition.run(start, key);
        const firstSeq = first === null ? null : this.#first.enqueue(group, key, execution.id, first);
        const record: ExecutionRecord = {
          ...execution,
          status: "running",
          completedAt: null,
          errorInfo: null,
          stopping: null,
          progressJson: null,
        };
        return { record, created: true, firstSeq };
      },
      { patient: false, weight: 1 },
    );
  }

  getExecutionByIdempotencyKey(project: string, key: string): Promise<ExecutionRecord | null> {
    return this.#committer.read(() => {
      const row = this.#sql.byIdempotencyKey.get(key, project);
      return row === undefined ? null : toExecution(row);
    });
  }

  inProject(project: string | null): RecordsView {
    if (project === null) return this.#all;
    return new SqliteRecordsView(this.#database, this.#committer, this.#configs, this.#found, project);
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

  unfinishedExecutions(): Promise<ExecutionRecord[]> {
    return this.#committer.read(() => {
      return this.#sql.unfinished.all().map(toExecution);
    });
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

  giveBackSpace(maxBytes: number): Promise<boolean> {
    return this.#retention.giveBack(maxBytes);
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
