import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { FailedMessage, FailureFilter, FailureGroup, Failures, KeptError, Page } from "@millrace/engine";
import { type Row, text } from "./columns.ts";
import type { Committer } from "./committer.ts";
import type { ExecutionKeys } from "./execution-keys.ts";

const COLUMNS = "seq, id, parent_id, route, attempt, hops, error, octet_length(payload) AS payload_bytes";

/** A page of a list ends with the payload that fills so many bytes. */
const MAX_PAGE_BYTES = 8 * 1024 * 1024;

/** The messages that failed for good, in SQLite. */
export class SqliteFailures implements Failures {
  readonly #database: DatabaseSync;
  readonly #committer: Committer;
  readonly #keys: ExecutionKeys;

  constructor(database: DatabaseSync, committer: Committer, keys: ExecutionKeys) {
    this.#committer = committer;
    this.#database = database;
    this.#keys = keys;
  }

  list(
    executionId: string,
    filter: FailureFilter,
    { limit, offset, payloads }: { limit: number; offset: number; payloads: boolean },
  ): Promise<Page<FailedMessage>> {
    return this.#committer.read(() => {
      const { where, values } = this.#where(executionId, filter);
      const total = this.#database
        .prepare(`SELECT count(*) AS total FROM messages WHERE ${where}`)
        .get(...values)?.total;
      const rows = this.#database
        .prepare(`SELECT ${columns(payloads)} FROM messages WHERE ${where} ORDER BY seq LIMIT ? OFFSET ?`)
        .iterate(...values, limit, offset);
      return { total: Number(total), items: takeUpTo(rows, payloads ? MAX_PAGE_BYTES : Number.POSITIVE_INFINITY) };
    });
  }

  after(
    executionId: string,
    filter: FailureFilter,
    afterSeq: number,
    { limit, maxBytes, payloads }: { limit: number; maxBytes: number; payloads: boolean },
  ): Promise<FailedMessage[]> {
    return this.#committer.read(() => {
      const { where, values } = this.#where(executionId, filter);
      const rows = this.#database
        .prepare(`SELECT ${columns(payloads)} FROM messages WHERE ${where} AND seq > ? ORDER BY seq LIMIT ?`)
        .iterate(...values, afterSeq, limit);
      return takeUpTo(rows, maxBytes);
    });
  }

  count(executionId: string, filter: FailureFilter): Promise<number> {
    return this.#committer.read(() => {
      const { where, values } = this.#where(executionId, filter);
      return Number(
        this.#database.prepare(`SELECT count(*) AS total FROM messages WHERE ${where}`).get(...values)?.total,
      );
    });
  }

  groups(executionId: string, filter: FailureFilter): Promise<FailureGroup[]> {
    return this.#committer.read(() => {
      const { where, values } = this.#where(executionId, filter);
      return this.#database
        .prepare(
          `SELECT route, error ->> '$.adapter' AS adapter, error ->> '$.code' AS code, count(*) AS count, min(error ->> '$.message') AS message, min(error ->> '$.failed_at') AS first_failed, max(error ->> '$.failed_at') AS last_failed FROM messages WHERE ${where} GROUP BY 1, 2, 3 ORDER BY count DESC, route, adapter, code`,
        )
        .all(...values)
        .map((row) => ({
          route: String(row.route),
          adapter: text(row.adapter),
          code: String(row.code),
          count: Number(row.count),
          message: String(row.message),
          firstFailedAt: text(row.first_failed),
          lastFailedAt: text(row.last_failed),
        }));
    });
  }

  unsettled(executionId: string, messageIds: readonly string[]): Promise<string[]> {
    return this.#committer.read(() =>
      this.#database
        .prepare(
          "SELECT id FROM messages WHERE execution_key = ? AND error IS NULL AND settled = 0 AND id IN (SELECT value FROM json_each(?))",
        )
        .all(this.#keys.find(executionId) ?? -1, JSON.stringify(messageIds))
        .map((row) => String(row.id)),
    );
  }

  #where(executionId: string, filter: FailureFilter): { where: string; values: SQLInputValue[] } {
    const where = ["execution_key = ?", "error IS NOT NULL"];
    // No execution has a negative number.
    const values: SQLInputValue[] = [this.#keys.find(executionId) ?? -1];
    const match = (condition: string, value: string | undefined) => {
      if (value === undefined) return;
      where.push(condition);
      values.push(value);
    };
    match("route = ?", filter.route);
    match("error ->> '$.adapter' = ?", filter.adapter);
    match("error ->> '$.code' = ?", filter.code);
    match(
      "id IN (SELECT value FROM json_each(?))",
      filter.messageIds === undefined ? undefined : JSON.stringify(filter.messageIds),
    );
    if (filter.retried !== undefined) where.push(`error ->> '$.retried_in' IS ${filter.retried ? "NOT " : ""}NULL`);
    return { where: where.join(" AND "), values };
  }
}

/** Rows up to so many bytes of payloads; at least one. */
function takeUpTo(rows: Iterable<Row>, maxBytes: number): FailedMessage[] {
  const messages: FailedMessage[] = [];
  let bytes = 0;
  for (const row of rows) {
    const message = toFailed(row);
    messages.push(message);
    bytes += message.payloadBytes;
    if (bytes >= maxBytes) break;
  }
  return messages;
}

function columns(payloads: boolean): string {
  return payloads ? `${COLUMNS}, payload` : COLUMNS;
}

function toFailed(row: Row): FailedMessage {
  // Written by this store alone, from values of that type; what it did not know of at first is missing in old rows.
  const { retried_in: retriedIn = null, ...error } = JSON.parse(String(row.error)) as KeptError & {
    retried_in?: string;
  };
  return {
    seq: Number(row.seq),
    id: String(row.id),
    parentId: text(row.parent_id),
    route: String(row.route),
    payloadJson: text(row.payload),
    payloadBytes: Number(row.payload_bytes),
    attempt: Number(row.attempt),
    hops: Number(row.hops),
    error: {
      ...error,
      adapter: error.adapter ?? null,
      adapter_index: error.adapter_index ?? null,
      failed_at: error.failed_at ?? null,
    },
    retriedIn,
  };
}
