import type { Journal, JournalBounds, JournalEntry, ObjectLog, Position } from "@millrace/engine";
import type { CommitFeed } from "../../feed/commit-feed.ts";
import type { Row } from "../columns.ts";
import type { Database } from "../database.ts";
import { isStorable } from "../execution-row.ts";
import { toLifecycle } from "../journal-rows.ts";
import { OBJECT, objectEntriesOf } from "../object-rows.ts";

/** What the frame of an object takes at least, in bytes. */
const FRAME_BYTES = 300;

/** Objects that are read at once. */
const MOST_OBJECTS = 2_000;

/** Objects and lifecycle records as of one moment: what comes in between two reads would be passed over by a cursor. */
const READ = {
  name: "object-log-read",
  text: `WITH asked AS (SELECT key, id FROM executions WHERE id = ANY ($1::text[])),
    written AS (
      SELECT asked.id, row.* FROM asked CROSS JOIN LATERAL
        (SELECT position, ${OBJECT} FROM objects WHERE execution_key = asked.key AND position > $2 ORDER BY position LIMIT $3) AS row
      ORDER BY position LIMIT $3
    )
    SELECT id, position, ${OBJECT}, NULL AS lifecycle, NULL::bigint AS checksum FROM written
    UNION ALL
    SELECT asked.id, last, NULL, NULL, NULL, NULL, NULL, NULL, lifecycle, checksum
      FROM asked JOIN journal ON execution_key = asked.key WHERE last > $2 AND lifecycle IS NOT NULL
    ORDER BY position`,
};

const LAST = {
  name: "object-log-last",
  text: "SELECT max(position) AS position FROM objects WHERE execution_key = (SELECT key FROM executions WHERE id = $1)",
};

const AT = {
  name: "object-log-at",
  text: "SELECT 1 FROM objects WHERE position = $2 AND execution_key = (SELECT key FROM executions WHERE id = $1)",
};

/** What the objects' journal stands on. */
export interface ObjectLogParts {
  readonly database: Database;
  readonly feed: Pick<CommitFeed, "head" | "onObjects">;
  readonly journal: Pick<Journal, "bounds" | "fault">;
}

/** The objects' own journal: their rows, made to frames as they are read, and the lifecycle records of the journal. */
export class PostgresObjectLog implements ObjectLog {
  readonly #parts: ObjectLogParts;

  constructor(parts: ObjectLogParts) {
    this.#parts = parts;
  }

  get head(): Position {
    return this.#parts.feed.head;
  }

  get fault(): Error | null {
    return this.#parts.journal.fault;
  }

  onCommit(listener: (entries: readonly JournalEntry[]) => void): () => void {
    return this.#parts.feed.onObjects(listener);
  }

  async read(executionIds: readonly string[], after: Position, maxBytes: number): Promise<JournalEntry[]> {
    const ids = [...new Set(executionIds)].filter(isStorable);
    const most = Math.min(MOST_OBJECTS, Math.ceil(maxBytes / FRAME_BYTES) + 1);
    const rows = await this.#parts.database.read(READ, [ids, after, most]);
    const objects = rows.filter((row) => row.lifecycle === null);
    // Where there may be more objects, what comes behind those that are here is for the next page.
    const bound = objects.length < most ? Number.POSITIVE_INFINITY : Number(objects.at(-1)?.position);
    return firstOf(entriesOf(rows, bound), maxBytes);
  }

  async bounds(executionId: string): Promise<JournalBounds | null> {
    const bounds = await this.#parts.journal.bounds(executionId);
    if (bounds === null) return null;
    const [row] = await this.#parts.database.read(LAST, [executionId]);
    // Trimming a journal leaves its objects.
    return { ...bounds, trimmed: null, lastEvent: Number(row?.position ?? bounds.start) };
  }

  async contains(executionId: string, position: Position): Promise<boolean> {
    const bounds = await this.#parts.journal.bounds(executionId);
    if (bounds === null) return false;
    if (bounds.start === position) return true;
    return (await this.#parts.database.read(AT, [executionId, position])).length > 0;
  }
}

/** The entries of rows in the order of positions, up to a bound. */
function entriesOf(rows: readonly Row[], bound: Position): JournalEntry[] {
  const within = rows.filter((row) => Number(row.position) <= bound);
  const lifecycles = rows.filter((row) => row.lifecycle !== null).map(toLifecycleEntry);
  const ends = new Map(lifecycles.filter(isEnd).map((entry) => [entry.executionId, entry]));
  return [
    ...objectEntriesOf(within.filter((row) => row.lifecycle === null)),
    // Of an end that was told again, as objects were found after it, the last counts.
    ...lifecycles.filter((entry) => entry.last <= bound && (!isEnd(entry) || ends.get(entry.executionId) === entry)),
  ].sort((a, b) => a.first - b.first);
}

function toLifecycleEntry(row: Row): Extract<JournalEntry, { kind: "lifecycle" }> {
  const position = Number(row.position);
  const lifecycle = toLifecycle({ ...row, last: position });
  return { kind: "lifecycle", executionId: String(row.id), first: position, last: position, lifecycle };
}

function firstOf(entries: readonly JournalEntry[], maxBytes: number): JournalEntry[] {
  const page: JournalEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    page.push(entry);
    if (entry.kind === "events") bytes += entry.frames.length;
    if (bytes >= maxBytes) break;
  }
  return page;
}

function isEnd(entry: Extract<JournalEntry, { kind: "lifecycle" }>): boolean {
  return entry.lifecycle.kind === "ended";
}
