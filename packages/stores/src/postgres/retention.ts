import type { OverExecution } from "@millrace/engine";
import { changing } from "./changing.ts";
import type { Committer } from "./committer.ts";
import type { Ask, Database } from "./database.ts";
import { isStorable } from "./execution-row.ts";
import { ROW_BYTES, removeMessages } from "./remove-messages.ts";

/** Rows that are removed in one statement. */
const ROWS_AT_ONCE = 10_000;

const IS_OVER = "status NOT IN ('running', 'interrupted')";

const DELETE = {
  name: "execution-delete",
  text: "WITH gone AS (DELETE FROM executions WHERE id = $1 RETURNING key, id) INSERT INTO deletions (key, id) SELECT key, id FROM gone RETURNING key",
};

const DELETED = {
  name: "executions-deleted",
  text: "SELECT id FROM deletions GROUP BY id ORDER BY min(key) LIMIT $1",
};

/** Locked, so that another node that purges it waits. */
const DELETED_KEY = {
  name: "execution-deleted-key",
  text: "SELECT key FROM deletions WHERE id = $1 ORDER BY key LIMIT 1 FOR UPDATE",
};

const OTHER_KEY = { name: "execution-deleted-again", text: "SELECT 1 FROM deletions WHERE id = $1 LIMIT 1" };

/** Rows of a table of an execution, in the order of their positions, about so many bytes of them. */
function removing(table: string, position: string, bytes: string) {
  return {
    name: `${table}-purge`,
    text: `WITH sized AS (
        SELECT position, bytes, sum(bytes) OVER (ORDER BY position) - bytes AS before FROM
          (SELECT ${position} AS position, ${bytes} + ${ROW_BYTES} AS bytes FROM ${table}
            WHERE execution_key = $1 ORDER BY ${position} LIMIT ${ROWS_AT_ONCE}) AS first
      ), gone AS (
        DELETE FROM ${table} WHERE ${position} = ANY (ARRAY (SELECT position FROM sized WHERE before < $2)) RETURNING 1
      ) SELECT (SELECT count(*) FROM gone) AS removed, (SELECT count(*) FROM sized) AS looked,
          (SELECT coalesce(sum(bytes), 0) FROM sized WHERE before < $2) AS bytes`,
  };
}

const PURGES = [
  removing("objects", "position", "octet_length(key)"),
  removing("journal", "last", "coalesce(octet_length(frames), 0)"),
];

const FORGET = { name: "execution-forget", text: "DELETE FROM deletions WHERE key = $1" };

const TO_TRIM = {
  name: "executions-to-trim",
  text: `SELECT id FROM executions WHERE ${IS_OVER} AND has_events AND completed_at < $1
    AND (EXISTS (SELECT 1 FROM journal WHERE execution_key = executions.key AND lifecycle IS NULL)
      OR EXISTS (SELECT 1 FROM messages WHERE execution_key = executions.key AND error IS NULL))
    ORDER BY completed_at LIMIT $2`,
};

const OVER = {
  name: "executions-over",
  text: `SELECT id, completed_at, bytes FROM executions WHERE ${IS_OVER} ORDER BY completed_at, key LIMIT $1`,
};

const TOTALS = {
  name: "executions-totals",
  text: `SELECT count(*) AS count, coalesce(sum(bytes), 0) AS bytes FROM executions WHERE ${IS_OVER}`,
};

const UNMEASURED = {
  name: "executions-unmeasured",
  text: `SELECT id FROM executions WHERE ${IS_OVER} AND bytes IS NULL ORDER BY completed_at LIMIT $1`,
};

/** The lengths of large values are known without reading these. */
const MEASURE = {
  name: "execution-measure",
  text: `SELECT key, octet_length(config_snapshot) + octet_length(metadata) + coalesce(octet_length(progress), 0)
      + (SELECT coalesce(sum(coalesce(octet_length(frames), 0) + ${ROW_BYTES}), 0) FROM journal WHERE execution_key = key)
      + (SELECT coalesce(sum(octet_length(payload) + coalesce(octet_length(error), 0) + ${ROW_BYTES}), 0) FROM messages WHERE execution_key = key)
      + (SELECT coalesce(sum(octet_length(objects.key) + octet_length(content_type) + 200 + ${ROW_BYTES}), 0) FROM objects WHERE execution_key = executions.key)
    AS bytes FROM executions WHERE id = $1 AND ${IS_OVER}`,
};

const MEASURED = { name: "execution-measured", text: `UPDATE executions SET bytes = $2 WHERE key = $1 AND ${IS_OVER}` };

/**
 * What goes, and what is left of it, in PostgreSQL. A deletion is first a move of the execution's record to `deletions`:
 * one small commit, after which nobody finds it. Then its rows go, some per transaction, and its place in `deletions` with
 * the last of them: whatever happens in between is taken up from there, by whichever node.
 */
export class PostgresRetention {
  readonly #database: Database;
  readonly #committer: Committer;

  constructor(database: Database, committer: Committer) {
    this.#database = database;
    this.#committer = committer;
  }

  async delete(id: string): Promise<boolean> {
    if (!isStorable(id)) return false;
    return this.#committer.submit(
      async (transaction) => {
        const [gone] = await transaction.ask(DELETE, [id]);
        if (gone === undefined) return false;
        transaction.drop(id);
        return true;
      },
      { patient: false, weight: 0 },
    );
  }

  async deleted(limit: number): Promise<string[]> {
    return idsOf(await this.#database.read(DELETED, [limit]));
  }

  purge(id: string, maxBytes: number): Promise<boolean> {
    return changing(this.#database, async (ask) => {
      const [row] = await ask(DELETED_KEY, [id]);
      if (row === undefined) return true;
      const key = Number(row.key);
      if (!(await purgeSome(ask, key, maxBytes))) return false;
      await ask(FORGET, [key]);
      // An id may have been used again, and deleted again.
      return (await ask(OTHER_KEY, [id])).length === 0;
    });
  }

  async toTrim(completedBefore: string, limit: number): Promise<string[]> {
    return idsOf(await this.#database.read(TO_TRIM, [new Date(completedBefore).toISOString(), limit]));
  }

  async over(limit: number): Promise<OverExecution[]> {
    const rows = await this.#database.read(OVER, [limit]);
    return rows.map(({ id, completed_at, bytes }) => ({
      id: String(id),
      completedAt: String(completed_at),
      bytes: bytes === null ? null : Number(bytes),
    }));
  }

  async totals(): Promise<{ count: number; bytes: number }> {
    const [row] = await this.#database.read(TOTALS);
    return { count: Number(row?.count), bytes: Number(row?.bytes) };
  }

  async unmeasured(limit: number): Promise<string[]> {
    return idsOf(await this.#database.read(UNMEASURED, [limit]));
  }

  async measure(id: string, objectBytes: number): Promise<void> {
    const [row] = await this.#database.read(MEASURE, [id]);
    if (row === undefined) return;
    await changing(this.#database, (ask) => ask(MEASURED, [row.key, Number(row.bytes) + objectBytes]));
  }
}

/** Removes about so many bytes of what an execution left. Returns whether nothing is left. */
async function purgeSome(ask: Ask, key: number, maxBytes: number): Promise<boolean> {
  const { isDone, bytes } = await removeMessages(ask, key, "all", maxBytes);
  if (!isDone) return false;
  let left = maxBytes - bytes;
  for (const purge of PURGES) {
    if (left <= 0) return false;
    const [row] = await ask(purge, [key, left]);
    const [looked, removed] = [Number(row?.looked), Number(row?.removed)];
    if (looked === ROWS_AT_ONCE || removed < looked) return false;
    left -= Number(row?.bytes);
  }
  return true;
}

function idsOf(rows: readonly Readonly<Record<string, unknown>>[]): string[] {
  return rows.map(({ id }) => String(id));
}
