import type { DatabaseSync } from "node:sqlite";
import type { Committer } from "./committer.ts";
import { KEEP_POSITION } from "./database.ts";
import type { ExecutionKeys } from "./execution-keys.ts";
import { KeptRows } from "./kept-rows.ts";

/** What is removed in one commit, in bytes: little enough that nobody notices. */
const REMOVED_AT_ONCE_BYTES = 1024 * 1024;

/** Removes the events of executions that are over, and what they keep of their messages. */
export class Trimming {
  readonly #committer: Committer;
  readonly #keys: ExecutionKeys;
  readonly #kept: KeptRows;
  readonly #sql;

  constructor(database: DatabaseSync, committer: Committer, keys: ExecutionKeys) {
    this.#committer = committer;
    this.#keys = keys;
    this.#kept = new KeptRows(database, committer);
    this.#sql = {
      newestEvents: database.prepare(
        "SELECT last, octet_length(frames) AS bytes FROM journal WHERE execution_key = ? AND lifecycle IS NULL ORDER BY last DESC",
      ),
      trimEvents: database.prepare("DELETE FROM journal WHERE execution_key = ? AND last >= ? AND lifecycle IS NULL"),
      keepPosition: database.prepare(KEEP_POSITION),
      trimMark: database.prepare(
        "UPDATE executions SET trimmed_position = coalesce(trimmed_position, ?), bytes = NULL WHERE key = ?",
      ),
      unmeasured: database.prepare("UPDATE executions SET bytes = NULL WHERE key = ?"),
      trimmed: database.prepare("UPDATE executions SET has_events = 0 WHERE key = ?"),
    };
  }

  /** @see Journal.trim */
  async trim(executionId: string, isOver: (key: number) => boolean): Promise<void> {
    // Before the events: as long as there are any, retention comes back to it.
    while (!(await this.#trimMessages(executionId, isOver)));
    while (!(await this.#trimSome(executionId, isOver)));
  }

  /** Removes some of the messages that did not fail. Returns whether none is left. */
  #trimMessages(executionId: string, isOver: (key: number) => boolean): Promise<boolean> {
    return this.#committer.submit(
      (group) => {
        const key = this.#keys.find(executionId);
        if (key === null || !isOver(key)) return true;
        group.flushMessages();
        const { isDone, bytes } = this.#kept.remove(key, REMOVED_AT_ONCE_BYTES);
        if (bytes > 0) this.#sql.unmeasured.run(key);
        return isDone;
      },
      { patient: false, weight: 0 },
    );
  }

  /**
   * Removes the newest of the events that are left, and says first up to where they are gone: whoever is reading them
   * meets the gap behind what it has read, and not a hole within. Returns whether nothing is left to do.
   */
  #trimSome(executionId: string, isOver: (key: number) => boolean): Promise<boolean> {
    return this.#committer.submit(
      (group) => {
        const key = this.#keys.find(executionId);
        if (key === null || !isOver(key)) return true;
        let [newest, oldest, bytes]: [number | null, number, number] = [null, 0, 0];
        for (const row of this.#sql.newestEvents.iterate(key)) {
          oldest = Number(row.last);
          newest ??= oldest;
          bytes += Number(row.bytes);
          if (bytes >= REMOVED_AT_ONCE_BYTES) break;
        }
        if (newest === null) {
          this.#sql.trimmed.run(key);
          return true;
        }
        this.#sql.keepPosition.run(group.position);
        this.#sql.trimMark.run(newest, key);
        this.#sql.trimEvents.run(key, oldest);
        return false;
      },
      { patient: false, weight: 0 },
    );
  }
}
