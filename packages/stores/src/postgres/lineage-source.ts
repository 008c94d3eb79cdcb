import { ID_PREFIX } from "@millrace/engine";
import {
  type EventRow,
  type LineageSource,
  MOST_CANDIDATES,
  type ProjectedExecution,
} from "../lineage/lineage-source.ts";
import { bigintArray } from "./binary-arrays.ts";
import { type Row, text } from "./columns.ts";
import { Database } from "./database.ts";
import { ENTRY, toEntry } from "./journal-rows.ts";

/** One for the slices of a journal, which take long, and one for all else. */
const CONNECTIONS = 2;

/** Rows of a journal that are read at once: up to 64 KiB each, which are in memory as text and as bytes. */
const ROWS_AT_ONCE = 64;

const COLUMNS = "key, id, project, root_correlation_id, parent_execution_id";

const BY_ID = {
  name: "lineage-by-id",
  text: `SELECT ${COLUMNS} FROM executions WHERE id = $1 AND ($2::text IS NULL OR project = $2)`,
};

const BY_PREFIX = {
  name: "lineage-by-prefix",
  text: `WITH RECURSIVE found (key, id) AS (
      SELECT key, id FROM executions WHERE root_correlation_id >= $1 AND root_correlation_id < $2
      UNION SELECT e.key, e.id FROM found JOIN executions e ON e.parent_execution_id = found.id
    ) SELECT ${COLUMNS} FROM executions WHERE key IN (SELECT key FROM found) AND ($3::text IS NULL OR project = $3) ORDER BY key LIMIT ${MOST_CANDIDATES}`,
};

const BETWEEN = {
  name: "lineage-between",
  text: `SELECT ${COLUMNS} FROM executions
    WHERE ($1::text IS NULL OR started_at < $1) AND ($2::text IS NULL OR completed_at IS NULL OR completed_at >= $2) AND ($3::text IS NULL OR project = $3)
    ORDER BY started_at DESC, key DESC`,
};

const METADATA = { name: "lineage-metadata", text: "SELECT metadata FROM executions WHERE id = $1" };

const IDS = { name: "lineage-ids", text: "SELECT key, id FROM executions WHERE key = ANY ($1::bigint[])" };

const HEADS = {
  name: "lineage-heads",
  text: `SELECT asked.key, newest.last FROM unnest($1::bigint[]) AS asked (key) CROSS JOIN LATERAL
    (SELECT last FROM journal WHERE execution_key = asked.key AND lifecycle IS NULL ORDER BY last DESC LIMIT 1) AS newest`,
};

const ROWS = {
  name: "lineage-rows",
  text: `SELECT ${ENTRY} FROM journal WHERE execution_key = $1 AND last > $2 AND lifecycle IS NULL ORDER BY last LIMIT $3`,
};

const ROW = {
  name: "lineage-row",
  text: `SELECT ${ENTRY} FROM journal WHERE last = $1 AND execution_key = $2 AND lifecycle IS NULL`,
};

/** Opens what lineage is read off in PostgreSQL, with connections of its own; they are made when they are needed. */
export function openPostgresLineageSource(url: string): LineageSource {
  return new PostgresLineageSource(new Database({ url, name: "millrace lineage" }, CONNECTIONS));
}

class PostgresLineageSource implements LineageSource {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async byId(project: string | null, id: string): Promise<ProjectedExecution | null> {
    const [row] = await this.#database.read(BY_ID, [id, project]);
    return row === undefined ? null : toExecution(row);
  }

  async ofMessage(project: string | null, messageId: string): Promise<ProjectedExecution[]> {
    const prefix = messageId.slice(0, ID_PREFIX);
    if (prefix.length < ID_PREFIX) return [];
    return (await this.#database.read(BY_PREFIX, [prefix, `${prefix}\u{10ffff}`, project])).map(toExecution);
  }

  async between(
    project: string | null,
    after: string | undefined,
    before: string | undefined,
  ): Promise<ProjectedExecution[]> {
    return (await this.#database.read(BETWEEN, [before ?? null, after ?? null, project])).map(toExecution);
  }

  async metadata(id: string): Promise<Readonly<Record<string, unknown>>> {
    const [row] = await this.#database.read(METADATA, [id]);
    return row === undefined ? {} : JSON.parse(String(row.metadata));
  }

  async ids(keys: readonly number[]): Promise<ReadonlyMap<number, string>> {
    const rows = await this.#database.read(IDS, [bigintArray(keys)]);
    return new Map(rows.map((row) => [Number(row.key), String(row.id)]));
  }

  async heads(keys: readonly number[]): Promise<ReadonlyMap<number, number>> {
    const rows = await this.#database.read(HEADS, [bigintArray(keys)]);
    return new Map(rows.map((row) => [Number(row.key), Number(row.last)]));
  }

  async rows(key: number, after: number, limit: number): Promise<EventRow[]> {
    return (await this.#database.read(ROWS, [key, after, Math.min(limit, ROWS_AT_ONCE)])).map(toEventRow);
  }

  async framesAt(key: number, last: number): Promise<Buffer | null> {
    const [row] = await this.#database.read(ROW, [last, key]);
    return row === undefined ? null : toEventRow(row).frames;
  }

  close(): Promise<void> {
    return this.#database.close();
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

/** @throws MillraceError STORE_DAMAGED */
function toEventRow(row: Row): EventRow {
  const entry = toEntry("", row);
  // No other rows are asked for.
  if (entry.kind !== "events") throw new Error("a row without a lifecycle record has events");
  const { first, last, count, frames } = entry;
  return { first, last, count, frames };
}
