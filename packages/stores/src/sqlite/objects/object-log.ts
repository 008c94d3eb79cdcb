import type { DatabaseSync } from "node:sqlite";
import type { Journal, JournalBounds, JournalEntry, ObjectLog, Position, WrittenObject } from "@millrace/engine";
import { toObjectEntry } from "../../journal/object-entry.ts";
import type { Row } from "../columns.ts";
import type { Committer } from "../committer.ts";
import type { ExecutionKeys } from "../execution-keys.ts";
import { toEntry } from "../journal.ts";
import { mergePages } from "../merge-pages.ts";
import { OBJECT, toObject } from "./object-row.ts";

/** Objects of one entry: what a slow reader takes at once is bounded by it. */
const OBJECTS_PER_ENTRY = 100;

/** The objects' own journal: their rows, made to frames as they are read, and the lifecycle records of the journal. */
export class SqliteObjectLog implements ObjectLog {
  readonly #committer: Committer;
  readonly #keys: ExecutionKeys;
  readonly #journal: Pick<Journal, "bounds">;
  readonly #sql;

  constructor(database: DatabaseSync, committer: Committer, keys: ExecutionKeys, journal: Pick<Journal, "bounds">) {
    this.#committer = committer;
    this.#keys = keys;
    this.#journal = journal;
    this.#sql = {
      objects: database.prepare(
        `SELECT position, ${OBJECT} FROM objects WHERE execution_key = ? AND position > ? ORDER BY position`,
      ),
      lifecycle: database.prepare(
        "SELECT first, last, count, lifecycle, frames, checksum FROM journal WHERE execution_key = ? AND last > ? AND lifecycle IS NOT NULL ORDER BY last",
      ),
      last: database.prepare("SELECT position FROM objects WHERE execution_key = ? ORDER BY position DESC LIMIT 1"),
      at: database.prepare("SELECT execution_key FROM objects WHERE position = ?"),
    };
  }

  get head(): Position {
    return this.#committer.head;
  }

  get fault(): Error | null {
    return this.#committer.fault;
  }

  onCommit(listener: (entries: readonly JournalEntry[]) => void): () => void {
    return this.#committer.onObjects(listener);
  }

  read(executionIds: readonly string[], after: Position, maxBytes: number): Promise<JournalEntry[]> {
    return this.#committer.read(() =>
      mergePages(executionIds, maxBytes, (executionId) => {
        const key = this.#keys.find(executionId);
        return key === null ? [] : this.#entries(executionId, key, after);
      }),
    );
  }

  async bounds(executionId: string): Promise<JournalBounds | null> {
    const bounds = await this.#journal.bounds(executionId);
    if (bounds === null) return null;
    return this.#committer.read(() => {
      const key = this.#keys.find(executionId);
      const row = key === null ? undefined : this.#sql.last.get(key);
      // Trimming a journal leaves its objects.
      return { ...bounds, trimmed: null, lastEvent: Number(row?.position ?? bounds.start) };
    });
  }

  async contains(executionId: string, position: Position): Promise<boolean> {
    if ((await this.#journal.bounds(executionId))?.start === position) return true;
    return this.#committer.read(() => {
      const key = this.#keys.find(executionId);
      return key !== null && this.#sql.at.get(position)?.execution_key === key;
    });
  }

  /** One execution's, in the order of positions. */
  *#entries(executionId: string, key: number, after: Position): Generator<JournalEntry> {
    // Of an end that was told again, as objects were found after it, the last counts.
    const lifecycles = this.#sql.lifecycle
      .all(key, after)
      .map((row) => toEntry(executionId, row))
      .filter((entry, index, all) => !isEnd(entry) || index === all.length - 1);
    let run: WrittenObject[] = [];
    let first: Position = 0;
    for (const row of this.#sql.objects.iterate(key, after) as Iterable<Row>) {
      const position = Number(row.position);
      // Only what was committed together is one entry: between others there may be some of other executions.
      if (run.length > 0 && (position > first + run.length || run.length >= OBJECTS_PER_ENTRY)) {
        yield toObjectEntry(executionId, first, run);
        run = [];
      }
      while (lifecycles[0] !== undefined && lifecycles[0].last < position) {
        const lifecycle = lifecycles.shift();
        if (lifecycle !== undefined) yield lifecycle;
      }
      if (run.length === 0) first = position;
      run.push(toObject(row));
    }
    if (run.length > 0) yield toObjectEntry(executionId, first, run);
    yield* lifecycles;
  }
}

function isEnd(entry: JournalEntry): boolean {
  return entry.kind === "lifecycle" && entry.lifecycle.kind === "ended";
}
