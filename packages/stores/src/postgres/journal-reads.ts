import type { JournalBounds, JournalEntry, Lifecycle, Position, Recovery } from "@millrace/engine";
import { type ExecutionStatus, isTerminal } from "@millrace/protocol";
import type { CommitPage, CommitSource } from "../feed/commit-feed.ts";
import { textArray } from "./binary-arrays.ts";
import type { Row } from "./columns.ts";
import type { Statement } from "./connection.ts";
import type { Database } from "./database.ts";
import { ENTRY, toEntry, toLifecycle } from "./journal-rows.ts";
import { objectEntriesOf } from "./object-rows.ts";

/** Rows that are looked at for one page. */
const ROWS = 1_000;

const KEY = "(SELECT key FROM executions WHERE id = $1)";

/** Rows up to a number of bytes; at least one. What a row holds is read only if it is on the page. */
const page = (rows: string) =>
  `SELECT id, ${ENTRY} FROM (SELECT *, sum(coalesce(octet_length(frames), 0)) OVER (ORDER BY last) - coalesce(octet_length(frames), 0) AS before FROM (${rows}) AS rows) AS counted WHERE before < $3 ORDER BY last`;

const READ: Statement = {
  name: "journal_read",
  text: page(
    `SELECT id, row.* FROM executions CROSS JOIN LATERAL (SELECT * FROM journal WHERE execution_key = executions.key AND last > $2 ORDER BY last LIMIT ${ROWS}) AS row WHERE id = ANY($1::text[]) ORDER BY last LIMIT ${ROWS}`,
  ),
};

const READ_AFTER: Statement = {
  name: "journal_read_after",
  text: page(
    `SELECT executions.id, row.* FROM (SELECT * FROM journal WHERE last > $1 AND last <= $2 ORDER BY last LIMIT ${ROWS}) AS row LEFT JOIN executions ON executions.key = row.execution_key`,
  ),
};

const OBJECTS_BETWEEN: Statement = {
  name: "journal_objects_between",
  text: "SELECT executions.id, objects.position, objects.key, objects.size, objects.content_type, objects.sha256, objects.message_id, objects.created_at FROM objects JOIN executions ON executions.key = objects.execution_key WHERE position > $1 AND position <= $2 ORDER BY position",
};

const HEAD: Statement = { name: "journal_head", text: "SELECT position FROM journal_head" };

const BOUNDS: Statement = {
  name: "journal_bounds",
  text: "SELECT status, start_position, trimmed_position, (SELECT last FROM journal WHERE execution_key = key AND lifecycle IS NULL ORDER BY last DESC LIMIT 1) AS last_event, (SELECT last FROM journal WHERE execution_key = key AND lifecycle IS NOT NULL ORDER BY last DESC LIMIT 1) AS last_lifecycle FROM executions WHERE id = $1",
};

const LAST_LIFECYCLE: Statement = {
  name: "journal_last_lifecycle",
  text: `SELECT last, lifecycle, checksum FROM journal WHERE execution_key = ${KEY} AND lifecycle IS NOT NULL ORDER BY last DESC LIMIT 1`,
};

const RECOVERIES: Statement = {
  name: "journal_recoveries",
  text: `SELECT last, lifecycle, checksum FROM journal WHERE execution_key = ${KEY} AND lifecycle IS NOT NULL AND lifecycle::json ->> 'kind' = 'resumed' ORDER BY last DESC LIMIT $2`,
};

const AROUND: Statement = {
  name: "journal_around",
  text: "SELECT start_position, trimmed_position, first, first IS NOT NULL AND lifecycle IS NULL AS is_events FROM executions LEFT JOIN LATERAL (SELECT first, lifecycle FROM journal WHERE execution_key = executions.key AND last >= $2 ORDER BY last LIMIT 1) AS row ON true WHERE id = $1",
};

/** What is read of the journal. An execution is found by its id each time: another node may have deleted it. */
export class JournalReads implements CommitSource {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** @see Journal.read */
  async read(executionIds: readonly string[], after: Position, maxBytes: number): Promise<JournalEntry[]> {
    const ids = textArray([...new Set(executionIds)]);
    const entries: JournalEntry[] = [];
    let bytes = 0;
    for (let from = after; bytes < maxBytes; ) {
      const rows = await this.#database.read(READ, [ids, from, Math.min(maxBytes - bytes, Number.MAX_SAFE_INTEGER)]);
      for (const row of rows) {
        const entry = toEntry(String(row.id), row);
        entries.push(entry);
        if (entry.kind === "events") bytes += entry.frames.length;
        from = entry.last;
      }
      if (rows.length < ROWS) break;
    }
    return entries;
  }

  /** @see CommitSource.readHead */
  async readHead(): Promise<Position> {
    const [row] = await this.#database.read(HEAD);
    return Number(row?.position);
  }

  /** @see CommitSource.readAfter */
  async readAfter(after: Position, maxBytes: number): Promise<CommitPage> {
    // Whoever has given out a position has committed all before it: up to here nothing comes any more.
    const head = await this.readHead();
    if (head <= after) return { last: after, entries: [], objectEntries: [] };
    const rows = await this.#database.read(READ_AFTER, [after, head, Math.min(maxBytes, Number.MAX_SAFE_INTEGER)]);
    const last = isWhole(rows, maxBytes) ? head : Number(rows.at(-1)?.last);
    const entries = rows.flatMap((row) => (row.id === null ? [] : toEntry(String(row.id), row)));
    const objects = await this.#database.read(OBJECTS_BETWEEN, [after, last]);
    const lifecycles = entries.filter(({ kind }) => kind === "lifecycle");
    const objectEntries = [...objectEntriesOf(objects), ...lifecycles].sort((a, b) => a.first - b.first);
    return { last, entries, objectEntries };
  }

  /** @see Journal.bounds */
  async bounds(executionId: string): Promise<JournalBounds | null> {
    const [row] = await this.#database.read(BOUNDS, [executionId]);
    if (row === undefined) return null;
    const start = Number(row.start_position);
    const trimmed = row.trimmed_position === null ? null : Number(row.trimmed_position);
    return {
      start,
      trimmed,
      lastEvent: Number(row.last_event ?? trimmed ?? start),
      // The column holds nothing but statuses.
      ended: isTerminal(row.status as ExecutionStatus) ? Number(row.last_lifecycle) : null,
    };
  }

  /** @see Journal.lastLifecycle */
  async lastLifecycle(executionId: string): Promise<Lifecycle | null> {
    const [row] = await this.#database.read(LAST_LIFECYCLE, [executionId]);
    return row === undefined ? null : toLifecycle(row);
  }

  /** @see Journal.recoveries */
  async recoveries(executionId: string, limit: number): Promise<Recovery[]> {
    const rows = await this.#database.read(RECOVERIES, [executionId, limit]);
    return rows
      .map(toLifecycle)
      .flatMap((lifecycle) =>
        lifecycle.kind === "resumed"
          ? [{ at: lifecycle.at, redone: lifecycle.redone, interruption: lifecycle.interruption ?? null }]
          : [],
      )
      .reverse();
  }

  /** @see Journal.contains */
  async contains(executionId: string, position: Position): Promise<boolean> {
    const [row] = await this.#database.read(AROUND, [executionId, position]);
    if (row === undefined) return false;
    const start = Number(row.start_position);
    if (position === start) return true;
    if (row.trimmed_position !== null && position <= Number(row.trimmed_position)) return position > start;
    return row.is_events === true && Number(row.first) <= position;
  }
}

/** Whether a page ends as there is no more, and not as it is full. */
function isWhole(rows: readonly Row[], maxBytes: number): boolean {
  if (rows.length >= ROWS) return false;
  let bytes = 0;
  for (const row of rows) bytes += typeof row.frames === "string" ? Buffer.byteLength(row.frames) : 0;
  return bytes < maxBytes;
}
