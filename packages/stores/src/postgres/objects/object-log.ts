import type {
  Journal,
  JournalBounds,
  JournalEntry,
  Lifecycle,
  ObjectLog,
  Position,
  WrittenObject,
} from "@millrace/engine";
import { verify } from "../../journal/checksum.ts";
import { toObjectEntry } from "../../journal/object-entry.ts";
import type { Row } from "../columns.ts";
import type { Database } from "../database.ts";
import { isStorable } from "../execution-row.ts";
import type { CommitFeed } from "../feed.ts";
import { OBJECT, toObject } from "./stored-object-row.ts";

/** Objects of one entry: what a slow reader takes at once is bounded by it. */
const OBJECTS_PER_ENTRY = 100;

/** What the frame of an object takes at least, in bytes. */
const FRAME_BYTES = 300;

/** Objects that are read at once. */
const MOST_OBJECTS = 2_000;

/** Objects and lifecycle records as of one moment: what comes in between two reads would be passed over by a cursor. */
const READ = {
  name: "object-log-read",
  text: `WITH asked AS (SELECT key, id FROM executions WHERE id = ANY ($1::text[])),
    written AS (
      SELECT asked.id AS execution, row.* FROM asked CROSS JOIN LATERAL
        (SELECT position, ${OBJECT} FROM objects WHERE execution_key = asked.key AND position > $2 ORDER BY position LIMIT $3) AS row
      ORDER BY position LIMIT $3
    )
    SELECT execution, position, ${OBJECT}, NULL AS lifecycle, NULL::bigint AS checksum FROM written
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
function* entriesOf(rows: readonly Row[], bound: Position): Generator<JournalEntry> {
  const ends = new Map(rows.filter(isEnd).map((row) => [row.execution, row]));
  let run: { readonly executionId: string; readonly first: Position; readonly objects: WrittenObject[] } | null = null;
  for (const row of rows) {
    const position = Number(row.position);
    if (position > bound) break;
    const executionId = String(row.execution);
    const goesOn =
      run !== null &&
      row.lifecycle === null &&
      run.executionId === executionId &&
      run.first + run.objects.length === position &&
      run.objects.length < OBJECTS_PER_ENTRY;
    if (run !== null && !goesOn) {
      yield toObjectEntry(run.executionId, run.first, run.objects);
      run = null;
    }
    if (row.lifecycle === null) {
      run ??= { executionId, first: position, objects: [] };
      run.objects.push(toObject(row));
    } else if (!isEnd(row) || ends.get(row.execution) === row) {
      // Of an end that was told again, as objects were found after it, the last counts.
      yield { kind: "lifecycle", executionId, first: position, last: position, lifecycle: lifecycleOf(row) };
    }
  }
  if (run !== null) yield toObjectEntry(run.executionId, run.first, run.objects);
}

function firstOf(entries: Iterable<JournalEntry>, maxBytes: number): JournalEntry[] {
  const page: JournalEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    page.push(entry);
    if (entry.kind === "events") bytes += entry.frames.length;
    if (bytes >= maxBytes) break;
  }
  return page;
}

function isEnd(row: Row): boolean {
  return row.lifecycle !== null && lifecycleOf(row).kind === "ended";
}

function lifecycleOf({ position, lifecycle, checksum }: Row): Lifecycle {
  const text = String(lifecycle);
  verify(Number(position), text, checksum);
  // Written by this store alone, from a value of that type.
  return JSON.parse(text) as Lifecycle;
}
