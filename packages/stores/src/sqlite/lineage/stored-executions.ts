import type { DatabaseSync } from "node:sqlite";
import { ID_PREFIX } from "@millrace/engine";
import { type Row, text } from "../columns.ts";
import type { ProjectedExecution } from "./projector.ts";

const COLUMNS = "key, id, root_correlation_id, parent_execution_id";

/** Executions that an id may lead to: more began in the same millisecond only where thousands a second are started. */
const MOST_CANDIDATES = 100;

/** The executions in the journal's database, as far as lineage needs them. */
export class StoredExecutions {
  readonly #database: DatabaseSync;
  readonly #sql;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#sql = {
      byKey: database.prepare(`SELECT ${COLUMNS} FROM executions WHERE key = ?`),
      byId: database.prepare(`SELECT ${COLUMNS} FROM executions WHERE id = ?`),
      byPrefix: database.prepare(
        `WITH RECURSIVE found (key, id) AS (
           SELECT key, id FROM executions WHERE root_correlation_id >= ? AND root_correlation_id < ?
           UNION SELECT e.key, e.id FROM found JOIN executions e ON e.parent_execution_id = found.id
         ) SELECT ${COLUMNS} FROM executions WHERE key IN (SELECT key FROM found) ORDER BY key LIMIT ${MOST_CANDIDATES}`,
      ),
      metadata: database.prepare("SELECT metadata FROM executions WHERE id = ?"),
    };
  }

  byKey(key: number): ProjectedExecution | null {
    return toExecution(this.#sql.byKey.get(key));
  }

  byId(id: string): ProjectedExecution | null {
    return toExecution(this.#sql.byId.get(id));
  }

  /** Those whose messages' ids begin as this one, and their replays: ids made of a message's begin as that does. */
  ofMessage(messageId: string): ProjectedExecution[] {
    const prefix = messageId.slice(0, ID_PREFIX);
    if (prefix.length < ID_PREFIX) return [];
    return this.#sql.byPrefix.all(prefix, `${prefix}\u{10ffff}`).flatMap((row) => toExecution(row) ?? []);
  }

  /** Those that were at work in a span of time (RFC 3339, half open), the newest first. */
  between(after: string | undefined, before: string | undefined): ProjectedExecution[] {
    const where = ["1"];
    const values: string[] = [];
    if (before !== undefined) {
      where.push("started_at < ?");
      values.push(before);
    }
    if (after !== undefined) {
      where.push("(completed_at IS NULL OR completed_at >= ?)");
      values.push(after);
    }
    return this.#database
      .prepare(`SELECT ${COLUMNS} FROM executions WHERE ${where.join(" AND ")} ORDER BY started_at DESC, key DESC`)
      .all(...values)
      .flatMap((row) => toExecution(row) ?? []);
  }

  /** What the one who started the execution noted beside it. */
  metadata(id: string): Readonly<Record<string, unknown>> {
    const row = this.#sql.metadata.get(id);
    return row === undefined ? {} : JSON.parse(String(row.metadata));
  }
}

function toExecution(row: Row | undefined): ProjectedExecution | null {
  if (row === undefined) return null;
  return {
    key: Number(row.key),
    id: String(row.id),
    rootId: String(row.root_correlation_id),
    parentExecutionId: text(row.parent_execution_id),
  };
}
