import type { DatabaseSync } from "node:sqlite";
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
import { type ExecutionStatus, MillraceError } from "@millrace/protocol";
import { tooMany } from "../too-many.ts";
import type { Committer } from "./committer.ts";
import { SqliteConfigs } from "./configs.ts";
import type { ExecutionKeys } from "./execution-keys.ts";
import { EXECUTION, toExecution } from "./execution-row.ts";
import { SqliteFirstMessages } from "./first-messages.ts";
import { listExecutions } from "./list-executions.ts";
import { SqliteRetention } from "./retention.ts";

/** Configs and executions, in SQLite. */
export class SqliteRecords implements Records {
  readonly #database: DatabaseSync;
  readonly #committer: Committer;
  readonly #configs: SqliteConfigs;
  readonly #retention: SqliteRetention;
  readonly #first: SqliteFirstMessages;
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
    this.#sql = {
      byId: database.prepare(`SELECT ${EXECUTION} FROM executions WHERE id = ?`),
      byTag: database.prepare(`SELECT ${EXECUTION} FROM executions WHERE tag = ?`),
      statusById: database.prepare("SELECT id, status FROM executions WHERE id = ?"),
      statusByTag: database.prepare("SELECT id, status FROM executions WHERE tag = ?"),
      byIdempotencyKey: database.prepare(`SELECT ${EXECUTION} FROM executions WHERE idempotency_key = ?`),
      unfinished: database.prepare(
        `SELECT ${EXECUTION} FROM executions WHERE status IN ('running', 'interrupted') ORDER BY key`,
      ),
      insertExecution: database.prepare(
        "INSERT INTO executions (id, config_id, config_name, status, started_at, parent_execution_id, replay_source, tag, config_snapshot, root_correlation_id, metadata, idempotency_key, start_position) VALUES (?1, ?2, ?7 ->> 'name', 'running', ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0)",
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
          const row = this.#sql.byIdempotencyKey.get(execution.idempotencyKey);
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
          const row = this.#sql.byTag.get(execution.tag) ?? this.#sql.byId.get(execution.tag);
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

  getExecutionByIdempotencyKey(key: string): Promise<ExecutionRecord | null> {
    return this.#committer.read(() => {
      const row = this.#sql.byIdempotencyKey.get(key);
      return row === undefined ? null : toExecution(row);
    });
  }

  findExecution(idOrTag: string): Promise<{ id: string; status: ExecutionStatus } | null> {
    return this.#committer.read(() => {
      const row = this.#sql.statusById.get(idOrTag) ?? this.#sql.statusByTag.get(idOrTag);
      if (row === undefined) return null;
      // Written by this store alone.
      return { id: String(row.id), status: row.status as ExecutionStatus };
    });
  }

  getExecution(idOrTag: string): Promise<ExecutionRecord | null> {
    return this.#committer.read(() => {
      const row = this.#sql.byId.get(idOrTag) ?? this.#sql.byTag.get(idOrTag);
      return row === undefined ? null : toExecution(row);
    });
  }

  listExecutions(filter: ExecutionFilter): Promise<Page<ExecutionRecord>> {
    return this.#committer.read(() => listExecutions(this.#database, filter));
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
}
