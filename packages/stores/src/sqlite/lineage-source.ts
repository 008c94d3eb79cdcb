import type { DatabaseSync } from "node:sqlite";
import { ID_PREFIX } from "@millrace/engine";
import { verify } from "../journal/checksum.ts";
import {
  type EventRow,
  type LineageSource,
  MOST_CANDIDATES,
  type ProjectedExecution,
} from "../lineage/lineage-source.ts";
import { type Row, text } from "./columns.ts";

const COLUMNS = "key, id, project, root_correlation_id, parent_execution_id";

/** What lineage is read off, in SQLite: in a thread, so that nobody waits for these reads. */
export class SqliteLineageSource implements LineageSource {
  readonly #database: DatabaseSync;
  readonly #sql;

  /** `database` is the store's, opened for reading; it is closed with this. */
  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#sql = {
      byId: database.prepare(`SELECT ${COLUMNS} FROM executions WHERE id = ?1 AND project = ifnull(?2, project)`),
      byPrefix: database.prepare(
        `WITH RECURSIVE found (key, id) AS (
           SELECT key, id FROM executions WHERE root_correlation_id >= ?1 AND root_correlation_id < ?2
           UNION SELECT e.key, e.id FROM found JOIN executions e ON e.parent_execution_id = found.id
         ) SELECT ${COLUMNS} FROM executions WHERE key IN (SELECT key FROM found) AND project = ifnull(?3, project) ORDER BY key LIMIT ${MOST_CANDIDATES}`,
      ),
      metadata: database.prepare("SELECT metadata FROM executions WHERE id = ?"),
      id: database.prepare("SELECT id FROM executions WHERE key = ?"),
      head: database.prepare(
        "SELECT last FROM journal WHERE execution_key = ? AND lifecycle IS NULL ORDER BY last DESC LIMIT 1",
      ),
      rows: database.prepare(
        "SELECT first, last, count, frames, checksum FROM journal WHERE execution_key = ? AND last > ? AND lifecycle IS NULL ORDER BY last LIMIT ?",
      ),
      row: database.prepare("SELECT frames FROM journal WHERE last = ? AND execution_key = ?"),
    };
  }

  async byId(project: string | null, id: string): Promise<ProjectedExecution | null> {
    const row = this.#sql.byId.get(id, project);
    return row === undefined ? null : toExecution(row);
  }

  async ofMessage(project: string | null, messageId: string): Promise<ProjectedExecution[]> {
    const prefix = messageId.slice(0, ID_PREFIX);
    if (prefix.length < ID_PREFIX) return [];
    return this.#sql.byPrefix.all(prefix, `${prefix}\u{10ffff}`, project).map(toExecution);
  }

  async between(
    project: string | null,
    after: string | undefined,
    before: string | undefined,
  ): Promise<ProjectedExecution[]> {
    const where = ["1"];
    const values: string[] = [];
    if (project !== null) {
      where.push("project = ?");
      values.push(project);
    }
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
      .map(toExecution);
  }

  async metadata(id: string): Promise<Readonly<Record<string, unknown>>> {
    const row = this.#sql.metadata.get(id);
    return row === undefined ? {} : JSON.parse(String(row.metadata));
  }

  async ids(keys: readonly number[]): Promise<ReadonlyMap<number, string>> {
    const found = new Map<number, string>();
    for (const key of keys) {
      const row = this.#sql.id.get(key);
      if (row !== undefined) found.set(key, String(row.id));
    }
    return found;
  }

  async heads(keys: readonly number[]): Promise<ReadonlyMap<number, number>> {
    const found = new Map<number, number>();
    for (const key of keys) {
      const row = this.#sql.head.get(key);
      if (row !== undefined) found.set(key, Number(row.last));
    }
    return found;
  }

  async rows(key: number, after: number, limit: number): Promise<EventRow[]> {
    return this.#sql.rows.all(key, after, limit).map((row) => {
      const last = Number(row.last);
      const frames = bytesOf(row.frames);
      verify(last, frames, row.checksum);
      return { first: Number(row.first), last, count: Number(row.count), frames };
    });
  }

  async framesAt(key: number, last: number): Promise<Buffer | null> {
    const row = this.#sql.row.get(last, key);
    return row === undefined ? null : bytesOf(row.frames);
  }

  async close(): Promise<void> {
    this.#database.close();
  }
}

function toExecution(row: Row): ProjectedExecution {
  return {
    key: Number(row.key),
    id: String(row.id),
    project: String(row.project),
    rootId: String(row.root_correlation_id),
    parentExecutionId: text(row.parent_execution_id),
  };
}

/** The column is a BLOB: SQLite returns a Uint8Array, which Buffer can look at without copying. */
function bytesOf(frames: unknown): Buffer {
  return frames instanceof Uint8Array
    ? Buffer.from(frames.buffer, frames.byteOffset, frames.byteLength)
    : Buffer.alloc(0);
}
