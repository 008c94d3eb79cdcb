import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { LineageNode, StageStatus } from "@millrace/protocol";
import { type Row, text } from "../sqlite/columns.ts";
import { isoTime } from "./entries.ts";

/** A message's row, as far as its relatives are found by it. */
export interface Place {
  readonly no: number;
  readonly executionKey: number;
  readonly parentNo: number | null;
  readonly batchedIntoNo: number | null;
}

/** Some messages, as SQL that yields their numbers. */
export interface Numbers {
  readonly sql: string;
  readonly values: readonly SQLInputValue[];
}

const COLUMNS = `m.*, x.execution_id, x.root_id,
  (SELECT b.id FROM messages b WHERE b.no = m.batched_into_no) AS batched_into,
  CASE WHEN m.parent_no IS NULL THEN 0
    ELSE 1 + (SELECT count(*) FROM messages b WHERE b.batched_into_no = m.parent_no AND b.no <> m.no) END AS parents,
  (SELECT count(*) FROM messages c WHERE c.parent_no = m.no)
    + (SELECT count(*) FROM messages c WHERE c.parent_no = m.batched_into_no AND c.no <> m.no) AS children`;

/** A message by id, in one execution. */
export function findPlace(file: DatabaseSync, executionKey: number, id: string): Place | null {
  const row = file
    .prepare("SELECT no, parent_no, batched_into_no FROM messages WHERE id = ? AND execution_key = ?")
    .get(id, executionKey);
  if (row === undefined) return null;
  return {
    no: Number(row.no),
    executionKey,
    parentNo: row.parent_no === null ? null : Number(row.parent_no),
    batchedIntoNo: row.batched_into_no === null ? null : Number(row.batched_into_no),
  };
}

/** The messages that it comes from: its parent and, where that went on for a batch, all that were gathered into it. */
export function parentsOf({ no, parentNo }: Place): Numbers {
  return {
    sql: "SELECT no FROM messages WHERE (no = ? OR batched_into_no = ?) AND no <> ?",
    values: [parentNo, parentNo, no],
  };
}

/** The messages that came of it: its own, and those of the batch that it was gathered into. */
export function childrenOf({ no, batchedIntoNo }: Place): Numbers {
  if (batchedIntoNo === null) return { sql: "SELECT no FROM messages WHERE parent_no = ?", values: [no] };
  return {
    sql: "SELECT no FROM messages WHERE parent_no IN (?, ?) AND no <> ?",
    values: [no, batchedIntoNo, no],
  };
}

/** All that it comes from, in its execution. */
export function ancestorsOf({ no }: Place): Numbers {
  return {
    sql: `WITH RECURSIVE up (no) AS (
        VALUES (?)
        UNION SELECT m.parent_no FROM up JOIN messages m ON m.no = up.no WHERE m.parent_no IS NOT NULL
        UNION SELECT b.no FROM up JOIN messages m ON m.no = up.no JOIN messages b ON b.batched_into_no = m.parent_no
      ) SELECT no FROM up WHERE no <> ?`,
    values: [no, no],
  };
}

/** All that came of it. */
export function descendantsOf(file: DatabaseSync, { no, executionKey }: Place): Numbers {
  const first = file
    .prepare("SELECT no FROM messages WHERE execution_key = ? AND parent_no IS NULL LIMIT 2")
    .all(executionKey);
  // Of the one first message all others came.
  if (first.length === 1 && first[0]?.no === no) {
    return { sql: "SELECT no FROM messages WHERE execution_key = ? AND no <> ?", values: [executionKey, no] };
  }
  return {
    sql: `WITH RECURSIVE down (no) AS (
        VALUES (?)
        UNION SELECT c.no FROM down JOIN messages c ON c.parent_no = down.no
        UNION SELECT c.no FROM down JOIN messages d ON d.no = down.no JOIN messages c ON c.parent_no = d.batched_into_no
      ) SELECT no FROM down WHERE no <> ?`,
    values: [no, no],
  };
}

/** How many they are. */
export function countNodes(file: DatabaseSync, { sql, values }: Numbers): number {
  return Number(file.prepare(`SELECT count(*) AS total FROM (${sql})`).get(...values)?.total);
}

/** Some of them, in the order in which they were taken, or the other way round. */
export function listNodes(
  file: DatabaseSync,
  { sql, values }: Numbers,
  page: { readonly order: "ASC" | "DESC"; readonly limit: number; readonly offset: number },
): LineageNode[] {
  const some = file
    .prepare(`SELECT no FROM (${sql}) ORDER BY no ${page.order} LIMIT ? OFFSET ?`)
    .all(...values, page.limit, page.offset);
  return readNodes(
    file,
    some.map((row) => Number(row.no)),
  ).map(toNode);
}

/** Messages by their numbers, with what the API shows of them. */
export function readNodes(file: DatabaseSync, numbers: readonly number[]): Row[] {
  const read = file.prepare(
    `SELECT ${COLUMNS} FROM messages m JOIN projections x ON x.execution_key = m.execution_key WHERE m.no = ?`,
  );
  return numbers.map((no) => read.get(no)).filter((row) => row !== undefined);
}

/** As the API shows it. */
export function toNode(row: Row): LineageNode {
  return {
    correlation_id: String(row.id),
    parent_correlation_id: text(row.parent_id),
    execution_id: String(row.execution_id),
    route_id: String(row.route),
    // The column holds what was written of values of this type.
    status: row.status as StageStatus,
    is_root: row.parent_no === null,
    depth: Number(row.depth),
    attempts: Number(row.attempts),
    started_at: isoTime(row.started_at) ?? "",
    completed_at: isoTime(row.completed_at),
    duration_ms: row.duration_ms === null ? null : Number(row.duration_ms),
    error_info: row.error === null ? null : JSON.parse(String(row.error)),
    batched_into: text(row.batched_into),
    parents: Number(row.parents),
    children: Number(row.children),
  };
}
