import type { DatabaseSync } from "node:sqlite";
import type { FirstMessages, NewMessage } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import type { Group } from "./group.ts";

/** Rows of one statement. */
const COPIED_AT_ONCE = 200;

/** What executions begin with, in SQLite: within the group that creates them. */
export class SqliteFirstMessages {
  readonly #sql;

  constructor(database: DatabaseSync) {
    this.#sql = {
      countFailed: database.prepare(
        "SELECT count(*) AS there FROM json_each(?) AS copy JOIN messages ON messages.seq = copy.value AND error IS NOT NULL",
      ),
      countKept: database.prepare(
        "SELECT count(*) AS there FROM json_each(?) AS copy JOIN messages ON messages.seq = copy.value",
      ),
      copyMessage: database.prepare(
        "INSERT INTO messages (seq, execution_key, id, parent_id, route, payload, hops) SELECT ? + copy.key, ?, copy.value ->> 1, NULL, copy.value ->> 2, coalesce(copy.value ->> 3, payload), 0 FROM json_each(?) AS copy JOIN messages ON messages.seq = copy.value ->> 0 ORDER BY copy.key",
      ),
      markRetried: database.prepare(
        "UPDATE messages SET error = json_set(error, '$.retried_in', ?) WHERE seq IN (SELECT value ->> 0 FROM json_each(?))",
      ),
    };
  }

  /**
   * Whether all that is to be copied is there: to be called before anything is written.
   * @throws MillraceError MESSAGE_NOT_FAILED, NOTHING_TO_REPLAY
   */
  check(group: Group, { copies, markRetried }: FirstMessages): void {
    if (copies.length === 0) return;
    group.flushMessages();
    const count = markRetried ? this.#sql.countFailed : this.#sql.countKept;
    const there = count.get(JSON.stringify(copies.map(({ seq }) => seq)))?.there;
    if (Number(there) === copies.length) return;
    if (!markRetried) {
      throw new MillraceError(
        "NOTHING_TO_REPLAY",
        "Some of the messages that were to be replayed were removed since they were looked up. Nothing was started: ask again for those that are left.",
      );
    }
    throw new MillraceError(
      "MESSAGE_NOT_FAILED",
      "Some of the failed messages were retried, or deleted, since they were looked up. Ask again for those that are left.",
    );
  }

  /** Puts them into their queues. Returns the number of the first message, where there is one alone. */
  enqueue(group: Group, key: number, executionId: string, first: NewMessage | FirstMessages): number | null {
    if ("id" in first) return group.enqueue(key, first);
    for (const message of first.messages) group.enqueue(key, message);
    for (let at = 0; at < first.copies.length; at += COPIED_AT_ONCE) {
      const copies = first.copies.slice(at, at + COPIED_AT_ONCE);
      const rows = JSON.stringify(copies.map(({ seq, id, route, payloadJson }) => [seq, id, route, payloadJson]));
      this.#sql.copyMessage.run(group.seq + 1, key, rows);
      group.seq += copies.length;
      if (first.markRetried) this.#sql.markRetried.run(executionId, rows);
    }
    return null;
  }
}
