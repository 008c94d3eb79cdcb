import type { KeptMessage, KeptMessages, KeptStatus } from "@millrace/engine";
import type { Statement } from "./connection.ts";
import type { Database } from "./database.ts";

/** The rows of a status, in the terms of the partial index that has them. */
const ROWS_OF: Readonly<Record<KeptStatus, string>> = {
  completed: "settled",
  failed: "error IS NOT NULL",
  pending: "error IS NULL AND NOT settled",
};

const OF = "execution_key = (SELECT key FROM executions WHERE id = $1)";

const after = (status: KeptStatus): Statement => ({
  name: `kept_after_${status}`,
  text: `SELECT seq, id, octet_length(payload) AS bytes FROM messages WHERE ${OF} AND ${ROWS_OF[status]} AND route = $2 AND seq > $3 ORDER BY seq LIMIT $4`,
});

const AFTER: Readonly<Record<KeptStatus, Statement>> = {
  completed: after("completed"),
  failed: after("failed"),
  pending: after("pending"),
};

/** Each by its index. */
const COUNT: Statement = {
  name: "kept_count",
  text: `SELECT ${Object.entries(ROWS_OF)
    .map(([status, rows]) => `(SELECT count(*) FROM messages WHERE ${OF} AND ${rows} AND route = $2) AS ${status}`)
    .join(", ")}`,
};

/** The messages whose payloads are there, in PostgreSQL. */
export class PostgresKeptMessages implements KeptMessages {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async after(
    executionId: string,
    route: string,
    statuses: readonly KeptStatus[],
    afterSeq: number,
    limit: number,
  ): Promise<KeptMessage[]> {
    const found: KeptMessage[] = [];
    for (const status of new Set(statuses)) {
      const rows = await this.#database.read(AFTER[status], [executionId, route, afterSeq, limit]);
      for (const row of rows) {
        found.push({ seq: Number(row.seq), id: String(row.id), status, payloadBytes: Number(row.bytes) });
      }
    }
    return found.sort((a, b) => a.seq - b.seq).slice(0, limit);
  }

  async count(executionId: string, route: string): Promise<Readonly<Record<KeptStatus, number>>> {
    const [row] = await this.#database.read(COUNT, [executionId, route]);
    return { completed: Number(row?.completed), failed: Number(row?.failed), pending: Number(row?.pending) };
  }
}
