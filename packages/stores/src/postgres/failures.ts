import type { FailedMessage, FailureFilter, FailureGroup, Failures, KeptError, Page } from "@millrace/engine";
import { textArray } from "./binary-arrays.ts";
import { type Row, text } from "./columns.ts";
import type { Statement } from "./connection.ts";
import type { Database } from "./database.ts";

const COLUMNS = "seq, id, parent_id, route, attempt, hops, error, retried_in";

const OF = "execution_key = (SELECT key FROM executions WHERE id = $1)";

/** The terms of a filter: what is null is not asked for. */
const WHERE = `${OF} AND error IS NOT NULL AND ($2::text[] IS NULL OR id = ANY($2::text[])) AND ($3::text IS NULL OR route = $3) AND ($4::text IS NULL OR error_adapter = $4) AND ($5::text IS NULL OR error_code = $5) AND ($6::boolean IS NULL OR (retried_in IS NOT NULL) = $6)`;

/** Rows up to a number of bytes of payloads; at least one. What the others hold is not read. */
const rows = (name: string, which: string, rest: string): Statement => ({
  name,
  text: `SELECT ${COLUMNS}, bytes, CASE WHEN $9::boolean THEN payload END AS payload FROM (SELECT *, sum(bytes) OVER (ORDER BY seq) - bytes AS before FROM (SELECT ${COLUMNS}, payload, octet_length(payload) AS bytes FROM messages WHERE ${WHERE} ${which} ORDER BY seq LIMIT $7 ${rest}) AS first) AS counted WHERE before < $10 ORDER BY seq`,
});

const LIST = rows("failures_list", "", "OFFSET $8");
const AFTER = rows("failures_after", "AND seq > $8", "");

const COUNT: Statement = { name: "failures_count", text: `SELECT count(*) AS total FROM messages WHERE ${WHERE}` };

const GROUPS: Statement = {
  name: "failures_groups",
  text: `SELECT route, error_adapter AS adapter, error_code AS code, count(*) AS count, min(error) AS error, min(failed_at) AS first_failed, max(failed_at) AS last_failed FROM messages WHERE ${WHERE} GROUP BY 1, 2, 3 ORDER BY count DESC, route, adapter NULLS FIRST, code`,
};

const UNSETTLED: Statement = {
  name: "failures_unsettled",
  text: `SELECT id FROM messages WHERE ${OF} AND error IS NULL AND NOT settled AND id = ANY($2::text[])`,
};

/** A page of a list ends with the payload that fills so many bytes. */
const MAX_PAGE_BYTES = 8 * 1024 * 1024;

const MOST_BYTES = Number.MAX_SAFE_INTEGER;

/** The messages that failed for good, in PostgreSQL. */
export class PostgresFailures implements Failures {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async list(
    executionId: string,
    filter: FailureFilter,
    { limit, offset, payloads }: { limit: number; offset: number; payloads: boolean },
  ): Promise<Page<FailedMessage>> {
    const total = await this.count(executionId, filter);
    const values = [limit, offset, payloads, payloads ? MAX_PAGE_BYTES : MOST_BYTES];
    const items = await this.#database.read(LIST, [...valuesOf(executionId, filter), ...values]);
    return { total, items: items.map(toFailed) };
  }

  async after(
    executionId: string,
    filter: FailureFilter,
    afterSeq: number,
    { limit, maxBytes, payloads }: { limit: number; maxBytes: number; payloads: boolean },
  ): Promise<FailedMessage[]> {
    const values = [limit, afterSeq, payloads, Math.min(maxBytes, MOST_BYTES)];
    return (await this.#database.read(AFTER, [...valuesOf(executionId, filter), ...values])).map(toFailed);
  }

  async count(executionId: string, filter: FailureFilter): Promise<number> {
    const [row] = await this.#database.read(COUNT, valuesOf(executionId, filter));
    return Number(row?.total);
  }

  async groups(executionId: string, filter: FailureFilter): Promise<FailureGroup[]> {
    const groups = await this.#database.read(GROUPS, valuesOf(executionId, filter));
    return groups.map((row) => ({
      route: String(row.route),
      adapter: text(row.adapter),
      code: String(row.code),
      count: Number(row.count),
      message: errorOf(row).message,
      firstFailedAt: text(row.first_failed),
      lastFailedAt: text(row.last_failed),
    }));
  }

  async unsettled(executionId: string, messageIds: readonly string[]): Promise<string[]> {
    const rows = await this.#database.read(UNSETTLED, [executionId, textArray(messageIds)]);
    return rows.map((row) => String(row.id));
  }
}

function valuesOf(executionId: string, filter: FailureFilter): readonly unknown[] {
  const { messageIds, route, adapter, code, retried } = filter;
  const ids = messageIds === undefined ? null : textArray(messageIds);
  return [executionId, ids, route ?? null, adapter ?? null, code ?? null, retried ?? null];
}

function toFailed(row: Row): FailedMessage {
  return {
    seq: Number(row.seq),
    id: String(row.id),
    parentId: text(row.parent_id),
    route: String(row.route),
    payloadJson: text(row.payload),
    payloadBytes: Number(row.bytes),
    attempt: Number(row.attempt),
    hops: Number(row.hops),
    error: errorOf(row),
    retriedIn: text(row.retried_in),
  };
}

/** Written by this store alone, from a value of that type. */
function errorOf(row: Row): KeptError {
  return JSON.parse(String(row.error)) as KeptError;
}
