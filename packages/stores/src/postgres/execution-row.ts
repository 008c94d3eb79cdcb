import type { ExecutionRecord } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import { type Row, text } from "./columns.ts";

const COLUMNS =
  "id, project, config_id, status, started_at, completed_at, parent_execution_id, replay_source, tag, root_correlation_id, metadata, error_info, idempotency_key, stopping, progress";

/** The columns that {@link toExecution} reads. */
export const EXECUTION = `${COLUMNS}, config_snapshot`;

/** The same, but for what may be large of its snapshot. */
export const LISTED_EXECUTION = `${COLUMNS}, config_listed AS config_snapshot`;

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

/** What is kept of a snapshot for lists: a page of them whole would be gigabytes, where pipelines are large. */
export function listedSnapshot(snapshot: JsonObject): JsonObject {
  const { config_yaml: _yaml, document: _document, outline: _outline, init_message: _first, ...listed } = snapshot;
  return listed;
}

/** Characters of a name that executions are searched by: an entry of an index has its limits. */
const SEARCHED_CHARACTERS = 256;

/** What an execution is searched by: words are in the one or the other, and do not go over the line between them. */
export function searchedText(tag: string | null, { name }: JsonObject): string {
  const shown = typeof name === "string" ? [...name].slice(0, SEARCHED_CHARACTERS).join("") : "";
  return storable(`${tag ?? ""}\n${shown}`.toLowerCase());
}

/** A text as PostgreSQL can hold it: it knows no character of the code 0. */
export function storable(value: string): string {
  return value.replaceAll("\0", "\u{FFFD}");
}

/** Whether PostgreSQL can hold a text as it is: nothing is there under one that it cannot. */
export function isStorable(value: string): boolean {
  return !value.includes("\0");
}
