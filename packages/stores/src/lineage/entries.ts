import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { LineageFilter, LineagePage, Page } from "@millrace/engine";
import type { LineageEntry, LineageStats, StageStatus } from "@millrace/protocol";
import { type Row, text } from "../sqlite/columns.ts";

const STAGE_NAME = "CASE WHEN s.adapter IS NULL THEN s.route ELSE s.route || '/' || s.adapter END";

const SORT: Record<LineagePage["sortBy"], string> = {
  started_at: "s.started_at",
  completed_at: "s.completed_at",
  route_id: "s.route",
  stage_name: STAGE_NAME,
};

const COLUMNS = `s.*, m.id, m.parent_id, x.execution_id, x.parent_execution_id,
  (SELECT b.id FROM messages b WHERE b.no = m.batched_into_no) AS batched_into`;

const SOURCE =
  "FROM stages s JOIN messages m ON m.no = s.message_no JOIN projections x ON x.execution_key = s.execution_key";

/** A page of stages; `executionKey` where they are of one execution. */
export function listEntries(
  file: DatabaseSync,
  executionKey: number | null,
  filter: LineageFilter,
  page: LineagePage,
): Page<LineageEntry> {
  const { where, values } = conditions(executionKey, filter);
  const order = page.sortOrder === "asc" ? "ASC" : "DESC";
  // Without a condition on messages there is no need to look at them for a count.
  const counted = filter.isRoot === undefined ? "FROM stages s" : SOURCE;
  const total = file.prepare(`SELECT count(*) AS total ${counted} ${where}`).get(...values)?.total;
  const rows = file
    .prepare(
      `SELECT ${COLUMNS} ${SOURCE} ${where} ORDER BY ${SORT[page.sortBy]} ${order}, s.message_no ${order}, s.place ${order} LIMIT ? OFFSET ?`,
    )
    .all(...values, page.limit, page.offset);
  return { total: Number(total), items: rows.map(toEntry) };
}

/** The stages of one message, in order. */
export function stagesOf(file: DatabaseSync, messageNo: number): LineageEntry[] {
  return file
    .prepare(`SELECT ${COLUMNS} ${SOURCE} WHERE s.message_no = ? ORDER BY s.place`)
    .all(messageNo)
    .map(toEntry);
}

/** Counts and durations; `executionKey` where they are of one execution. */
export function countStages(file: DatabaseSync, executionKey: number | null, filter: LineageFilter): LineageStats {
  const { where, values } = conditions(executionKey, filter);
  const stages = file
    .prepare(
      `SELECT s.route, s.adapter, s.adapter_index, count(*) AS runs,
         sum(s.status = 'failed') AS failures, sum(s.status = 'cancelled') AS cancelled,
         sum(s.status IN ('pending', 'initiated', 'processing')) AS in_progress,
         avg(max(0, s.completed_at - s.started_at)) AS mean, max(max(0, s.completed_at - s.started_at)) AS longest
       FROM stages s ${where} GROUP BY s.route, s.adapter_index, s.adapter ORDER BY s.route, s.adapter_index`,
    )
    .all(...values);
  const narrowed = (filter.adapterName ?? filter.startedAfter ?? filter.startedBefore) !== undefined;
  const messages = narrowed
    ? `messages WHERE no IN (SELECT s.message_no FROM stages s ${where})`
    : `messages s ${where}`;
  const counts = file
    .prepare(
      `SELECT status, count(*) AS count, sum(parent_no IS NULL) AS roots, sum(batched_into_no IS NOT NULL) AS batched, max(depth) AS depth FROM ${messages} GROUP BY status`,
    )
    .all(...values);
  const sum = (column: string, rows: Row[]) => rows.reduce((total, row) => total + Number(row[column]), 0);
  return {
    total_messages: sum("count", counts),
    root_messages: sum("roots", counts),
    batched_messages: sum("batched", counts),
    messages_by_status: Object.fromEntries(counts.map((row) => [String(row.status), Number(row.count)])),
    max_depth: counts.reduce((depth, row) => Math.max(depth, Number(row.depth)), 0),
    total_entries: sum("runs", stages),
    stages: stages.map((row) => ({
      stage_name: stageName(row),
      route_id: String(row.route),
      adapter_name: text(row.adapter),
      adapter_index: row.adapter_index === null ? null : Number(row.adapter_index),
      runs: Number(row.runs),
      failures: Number(row.failures),
      cancelled: Number(row.cancelled),
      in_progress: Number(row.in_progress),
      duration_ms: {
        mean: row.mean === null ? null : Number(row.mean),
        max: row.longest === null ? null : Number(row.longest),
      },
    })),
  };
}

function conditions(executionKey: number | null, filter: LineageFilter): { where: string; values: SQLInputValue[] } {
  const where: string[] = [];
  const values: SQLInputValue[] = [];
  const match = (condition: string, value: SQLInputValue | undefined) => {
    if (value === undefined) return;
    where.push(condition);
    values.push(value);
  };
  match("s.execution_key = ?", executionKey ?? undefined);
  // Of one execution it is known whose it is.
  if (executionKey === null)
    match("s.execution_key IN (SELECT execution_key FROM projections WHERE project = ?)", filter.project ?? undefined);
  match("s.route = ?", filter.routeId);
  match("s.adapter = ?", filter.adapterName);
  match("s.status = ?", filter.status);
  match("s.started_at >= ?", millis(filter.startedAfter));
  match("s.started_at < ?", millis(filter.startedBefore));
  if (filter.isRoot !== undefined) where.push(`m.parent_no IS ${filter.isRoot ? "" : "NOT "}NULL`);
  // As the index says it, so that it is used.
  if (filter.failuresOnly) where.push("s.status = 'failed' AND s.will_retry = 0");
  return { where: where.length === 0 ? "" : `WHERE ${where.join(" AND ")}`, values };
}

function millis(time: string | undefined): number | undefined {
  return time === undefined ? undefined : Date.parse(time);
}

function stageName(row: Row): string {
  return row.adapter === null ? String(row.route) : `${row.route}/${row.adapter}`;
}

/** Epoch ms as the API writes it. */
export function isoTime(ms: unknown): string | null {
  return ms === null || ms === undefined ? null : new Date(Number(ms)).toISOString();
}

function toEntry(row: Row): LineageEntry {
  const batch = text(row.batched_into);
  return {
    id: `${row.id}.${row.place}`,
    correlation_id: String(row.id),
    parent_correlation_id: text(row.parent_id),
    replay_batch_id: row.parent_execution_id === null ? null : String(row.execution_id),
    execution_id: String(row.execution_id),
    route_id: String(row.route),
    adapter_name: text(row.adapter),
    adapter_index: row.adapter_index === null ? null : Number(row.adapter_index),
    stage_name: stageName(row),
    // The columns hold what was written of values of these types.
    stage_status: row.status as StageStatus,
    stage_input_hash: null,
    started_at: isoTime(row.started_at),
    completed_at: isoTime(row.completed_at),
    duration_ms:
      row.completed_at === null || row.started_at === null
        ? null
        : Math.max(0, Number(row.completed_at) - Number(row.started_at)),
    metadata: {
      attempt: Number(row.attempt),
      ...(row.error === null ? {} : { will_retry: row.will_retry === 1 }),
      ...(batch === null ? {} : { batched_into: batch }),
    },
    error_info: row.error === null ? null : JSON.parse(String(row.error)),
  };
}
