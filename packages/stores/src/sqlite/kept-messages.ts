import type { DatabaseSync } from "node:sqlite";
import type { KeptMessage, KeptMessages, KeptStatus } from "@millrace/engine";
import type { Committer } from "./committer.ts";
import type { ExecutionKeys } from "./execution-keys.ts";

/** The rows of a status, in the terms of the partial index that has them. */
const ROWS_OF: Readonly<Record<KeptStatus, string>> = {
  completed: "settled = 1",
  failed: "error IS NOT NULL",
  pending: "error IS NULL AND settled = 0",
};

/** The messages whose payloads are there, in SQLite. */
export class SqliteKeptMessages implements KeptMessages {
  readonly #committer: Committer;
  readonly #keys: ExecutionKeys;
  readonly #after;
  readonly #count;

  constructor(database: DatabaseSync, committer: Committer, keys: ExecutionKeys) {
    this.#committer = committer;
    this.#keys = keys;
    const of = <T>(make: (rows: string) => T): Record<KeptStatus, T> => ({
      completed: make(ROWS_OF.completed),
      failed: make(ROWS_OF.failed),
      pending: make(ROWS_OF.pending),
    });
    this.#after = of((rows) =>
      database.prepare(
        `SELECT seq, id, octet_length(payload) AS bytes FROM messages WHERE execution_key = ? AND ${rows} AND route = ? AND seq > ? ORDER BY seq LIMIT ?`,
      ),
    );
    this.#count = of((rows) =>
      database.prepare(`SELECT count(*) AS count FROM messages WHERE execution_key = ? AND ${rows} AND route = ?`),
    );
  }

  after(
    executionId: string,
    route: string,
    statuses: readonly KeptStatus[],
    afterSeq: number,
    limit: number,
  ): Promise<KeptMessage[]> {
    return this.#committer.read(() => {
      const key = this.#keys.find(executionId) ?? NOBODY;
      return [...new Set(statuses)]
        .flatMap((status) =>
          this.#after[status].all(key, route, afterSeq, limit).map((row) => ({
            seq: Number(row.seq),
            id: String(row.id),
            status,
            payloadBytes: Number(row.bytes),
          })),
        )
        .sort((a, b) => a.seq - b.seq)
        .slice(0, limit);
    });
  }

  count(executionId: string, route: string): Promise<Readonly<Record<KeptStatus, number>>> {
    return this.#committer.read(() => {
      const key = this.#keys.find(executionId) ?? NOBODY;
      const count = (status: KeptStatus) => Number(this.#count[status].get(key, route)?.count);
      return { completed: count("completed"), failed: count("failed"), pending: count("pending") };
    });
  }
}

/** No execution has a negative number. */
const NOBODY = -1;
