import type { ExecutionRecord } from "@millrace/engine";
import { type Row, text } from "./columns.ts";

/** The columns that {@link toExecution} reads. */
export const EXECUTION =
  "id, project, config_id, status, started_at, completed_at, parent_execution_id, replay_source, tag, config_snapshot, root_correlation_id, metadata, error_info, idempotency_key, stopping, progress";

/** The same, but of the snapshot only the name. */
export const ENDED_EXECUTION = `${EXECUTION.replace("config_snapshot, ", "")}, json_object('name', config_name) AS config_snapshot`;

/** A row of executions as a record. */
export function toExecution(row: Row): ExecutionRecord {
  return {
    id: String(row.id),
    project: String(row.project),
    configId: text(row.config_id),
    // Columns that hold nothing but these values: only this store writes them, from records of this type.
    status: row.status as ExecutionRecord["status"],
    startedAt: String(row.started_at),
    completedAt: text(row.completed_at),
    parentExecutionId: text(row.parent_execution_id),
    replaySource: text(row.replay_source) as ExecutionRecord["replaySource"],
    tag: text(row.tag),
    configSnapshot: JSON.parse(String(row.config_snapshot)),
    rootCorrelationId: String(row.root_correlation_id),
    metadata: JSON.parse(String(row.metadata)),
    errorInfo: row.error_info === null ? null : JSON.parse(String(row.error_info)),
    idempotencyKey: text(row.idempotency_key),
    stopping: text(row.stopping) as ExecutionRecord["stopping"],
    progressJson: text(row.progress),
  };
}
