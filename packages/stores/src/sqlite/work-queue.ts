import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import type { StoredMessage, WorkQueue } from "@millrace/engine";
import type { Committer } from "./committer.ts";
import type { ExecutionKeys } from "./execution-keys.ts";

const COLUMNS =
  "seq, id, parent_id, route, payload, attempt, failures, due_at, hops, emitted_outputs, emitted, interruptions";

/** The messages that are not settled, in SQLite. */
export class SqliteWorkQueue implements WorkQueue {
  readonly #committer: Committer;
  readonly #keys: ExecutionKeys;
  readonly #sql;

  constructor(database: DatabaseSync, committer: Committer, keys: ExecutionKeys) {
    this.#committer = committer;
    this.#keys = keys;
    this.#sql = {
      take: database.prepare(
        `SELECT ${COLUMNS} FROM messages WHERE execution_key = ? AND route = ? AND seq > ? AND error IS NULL AND settled = 0 AND due_at = 0 ORDER BY seq LIMIT ?`,
      ),
      get: database.prepare(
        `SELECT ${COLUMNS} FROM messages WHERE seq = ? AND execution_key = ? AND error IS NULL AND settled = 0`,
      ),
      delayed: database.prepare(
        "SELECT seq, route, due_at FROM messages WHERE execution_key = ? AND error IS NULL AND settled = 0 AND due_at > 0 ORDER BY due_at",
      ),
      interrupt: database.prepare(
        "UPDATE messages SET interruptions = interruptions + ? WHERE execution_key = ? AND error IS NULL AND settled = 0 AND id IN (SELECT value FROM json_each(?))",
      ),
      depths: database.prepare(
        "SELECT route, count(*) AS depth FROM messages WHERE execution_key = ? AND error IS NULL AND settled = 0 GROUP BY route",
      ),
    };
    // An array per row takes less time than an object; queues that do not fit into memory are read row by row.
    this.#sql.take.setReturnArrays(true);
    this.#sql.get.setReturnArrays(true);
  }

  take(
    executionId: string,
    route: string,
    afterSeq: number,
    limit: number,
    maxBytes: number,
  ): Promise<StoredMessage[]> {
    return this.#committer.read(() => {
      const key = this.#keys.find(executionId);
      if (key === null) return [];
      const messages: StoredMessage[] = [];
      let bytes = 0;
      for (const row of this.#sql.take.iterate(key, route, afterSeq, limit)) {
        const message = toMessage(row as unknown as Columns);
        messages.push(message);
        bytes += Buffer.byteLength(message.payloadJson);
        if (bytes >= maxBytes) break;
      }
      return messages;
    });
  }

  get(executionId: string, seq: number): Promise<StoredMessage | null> {
    return this.#committer.read(() => {
      const key = this.#keys.find(executionId);
      const row = key === null ? undefined : this.#sql.get.get(seq, key);
      return row === undefined ? null : toMessage(row as unknown as Columns);
    });
  }

  delayed(executionId: string): Promise<{ seq: number; route: string; dueAt: number }[]> {
    return this.#committer.read(() => {
      const key = this.#keys.find(executionId);
      if (key === null) return [];
      return this.#sql.delayed
        .all(key)
        .map((row) => ({ seq: Number(row.seq), route: String(row.route), dueAt: Number(row.due_at) }));
    });
  }

  countInterruption(executionId: string, messageIds: readonly string[], by: 1 | -1 = 1): Promise<void> {
    return this.#committer.submit(
      (group) => {
        group.flushMessages();
        const key = this.#keys.find(executionId);
        if (key !== null) this.#sql.interrupt.run(by, key, JSON.stringify(messageIds));
      },
      { patient: true, weight: 0 },
    );
  }

  depths(executionId: string): Promise<Record<string, number>> {
    return this.#committer.read(() => {
      const key = this.#keys.find(executionId);
      if (key === null) return {};
      return Object.fromEntries(this.#sql.depths.all(key).map((row) => [String(row.route), Number(row.depth)]));
    });
  }
}

/** A row of {@link COLUMNS}, in their order. The types of `node:sqlite` know nothing of rows that are arrays: hence the casts. */
type Columns = readonly SQLOutputValue[];

function toMessage(row: Columns): StoredMessage {
  const [seq, id, parentId, route, payload, attempt, failures, dueAt, hops, emittedOutputs, emitted, interruptions] =
    row;
  return {
    seq: Number(seq),
    id: String(id),
    parentId: parentId === null ? null : String(parentId),
    route: String(route),
    payloadJson: String(payload),
    attempt: Number(attempt),
    failures: Number(failures),
    dueAt: Number(dueAt),
    hops: Number(hops),
    emittedOutputs: Number(emittedOutputs),
    emitted: emitted === null ? NOTHING_EMITTED : JSON.parse(String(emitted)),
    interruptions: Number(interruptions),
  };
}

const NOTHING_EMITTED: Readonly<Record<string, number>> = Object.freeze({});
