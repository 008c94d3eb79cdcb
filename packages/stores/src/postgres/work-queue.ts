import type { StoredMessage, WorkQueue } from "@millrace/engine";
import { textArray } from "./binary-arrays.ts";
import { type Row, text } from "./columns.ts";
import type { Committer } from "./committer.ts";
import type { Statement } from "./connection.ts";
import type { Database } from "./database.ts";

const COLUMNS =
  "seq, id, parent_id, route, payload, attempt, failures, due_at, hops, emitted_outputs, emitted, interruptions";

const OF = "execution_key = (SELECT key FROM executions WHERE id = $1)";

const WAITS = "error IS NULL AND NOT settled";

/** Rows up to a number of bytes; at least one. What the others hold is not read. */
const TAKE: Statement = {
  name: "work_take",
  text: `SELECT ${COLUMNS} FROM (SELECT *, sum(octet_length(payload)) OVER (ORDER BY seq) - octet_length(payload) AS before FROM (SELECT ${COLUMNS} FROM messages WHERE ${OF} AND route = $2 AND seq > $3 AND ${WAITS} AND due_at = 0 ORDER BY seq LIMIT $4) AS first) AS counted WHERE before < $5 ORDER BY seq`,
};

const GET: Statement = {
  name: "work_get",
  text: `SELECT ${COLUMNS} FROM messages WHERE ${OF} AND seq = $2 AND ${WAITS}`,
};

const DELAYED: Statement = {
  name: "work_delayed",
  text: `SELECT seq, route, due_at FROM messages WHERE ${OF} AND ${WAITS} AND due_at > 0 ORDER BY due_at, seq`,
};

const DEPTHS: Statement = {
  name: "work_depths",
  text: `SELECT route, count(*) AS depth FROM messages WHERE ${OF} AND ${WAITS} GROUP BY route`,
};

const INTERRUPT: Statement = {
  name: "work_interrupt",
  text: `UPDATE messages SET interruptions = interruptions + $2 WHERE execution_key = $1 AND ${WAITS} AND id = ANY($3::text[])`,
};

/** What is asked for is a number that fits into eight bytes. */
const MOST_BYTES = Number.MAX_SAFE_INTEGER;
const MOST_ROWS = 1_000_000_000;

/** The messages that are not settled, in PostgreSQL. */
export class PostgresWorkQueue implements WorkQueue {
  readonly #database: Database;
  readonly #committer: Committer;

  constructor(database: Database, committer: Committer) {
    this.#database = database;
    this.#committer = committer;
  }

  async take(
    executionId: string,
    route: string,
    afterSeq: number,
    limit: number,
    maxBytes: number,
  ): Promise<StoredMessage[]> {
    const most = [Math.min(limit, MOST_ROWS), Math.min(maxBytes, MOST_BYTES)];
    return (await this.#database.read(TAKE, [executionId, route, afterSeq, ...most])).map(toMessage);
  }

  async get(executionId: string, seq: number): Promise<StoredMessage | null> {
    const [row] = await this.#database.read(GET, [executionId, seq]);
    return row === undefined ? null : toMessage(row);
  }

  async delayed(executionId: string): Promise<{ seq: number; route: string; dueAt: number }[]> {
    const rows = await this.#database.read(DELAYED, [executionId]);
    return rows.map((row) => ({ seq: Number(row.seq), route: String(row.route), dueAt: Number(row.due_at) }));
  }

  async countInterruption(executionId: string, messageIds: readonly string[], by: 1 | -1 = 1): Promise<void> {
    const ids = textArray(messageIds);
    await this.#committer.writeTo(
      {
        executionId,
        write: (group, { key }) => group.messages.follow({ statement: INTERRUPT, values: [key, by, ids] }),
        absent: undefined,
        mayFollowEnd: true,
        needsEnd: false,
      },
      { patient: true, weight: 0 },
    );
  }

  async depths(executionId: string): Promise<Record<string, number>> {
    const rows = await this.#database.read(DEPTHS, [executionId]);
    return Object.fromEntries(rows.map((row) => [String(row.route), Number(row.depth)]));
  }
}

function toMessage(row: Row): StoredMessage {
  return {
    seq: Number(row.seq),
    id: String(row.id),
    parentId: text(row.parent_id),
    route: String(row.route),
    payloadJson: String(row.payload),
    attempt: Number(row.attempt),
    failures: Number(row.failures),
    dueAt: Number(row.due_at),
    hops: Number(row.hops),
    emittedOutputs: Number(row.emitted_outputs),
    emitted: row.emitted === null ? NOTHING_EMITTED : JSON.parse(String(row.emitted)),
    interruptions: Number(row.interruptions),
  };
}

const NOTHING_EMITTED: Readonly<Record<string, number>> = Object.freeze({});
