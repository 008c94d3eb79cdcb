import { changing } from "./changing.ts";
import type { Ask, Database } from "./database.ts";
import { removeMessages } from "./remove-messages.ts";

/** What is removed in one transaction, in bytes. */
const REMOVED_AT_ONCE_BYTES = 4 * 1024 * 1024;

/** Rows of events that are looked at for that. */
const ROWS_AT_ONCE = 1_000;

/** Locked, so that another node that trims it waits. */
const OVER = {
  name: "trim-execution",
  text: "SELECT key FROM executions WHERE id = $1 AND status NOT IN ('running', 'interrupted') FOR UPDATE",
};

const UNMEASURED = { name: "trim-unmeasured", text: "UPDATE executions SET bytes = NULL WHERE key = $1" };

/** The newest of the events that are left. */
const NEWEST = {
  name: "trim-newest",
  text: `SELECT max(last) AS newest, min(last) FILTER (WHERE before < $2) AS oldest FROM
    (SELECT last, sum(bytes) OVER (ORDER BY last DESC) - bytes AS before FROM
      (SELECT last, octet_length(frames) AS bytes FROM journal WHERE execution_key = $1 AND lifecycle IS NULL ORDER BY last DESC LIMIT ${ROWS_AT_ONCE}) AS rows) AS sums`,
};

const MARK = {
  name: "trim-mark",
  text: "UPDATE executions SET trimmed_position = coalesce(trimmed_position, $2), bytes = NULL WHERE key = $1",
};

const REMOVE = {
  name: "trim-events",
  text: "DELETE FROM journal WHERE execution_key = $1 AND last >= $2 AND lifecycle IS NULL",
};

const DONE = { name: "trim-done", text: "UPDATE executions SET has_events = false WHERE key = $1" };

/** Removes the events of executions that are over, and what they keep of their messages. */
export class PostgresTrimming {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** @see Journal.trim */
  async trim(executionId: string): Promise<void> {
    // Messages before the events: as long as there are any of these, retention comes back to it.
    for (const step of [trimMessages, trimEvents]) {
      for (let isDone = false; !isDone; ) {
        isDone = await changing(this.#database, async (ask) => {
          const [row] = await ask(OVER, [executionId]);
          return row === undefined || step(ask, Number(row.key));
        });
      }
    }
  }
}

/** Removes some of the messages that did not fail. Returns whether none is left. */
async function trimMessages(ask: Ask, key: number): Promise<boolean> {
  const { isDone, bytes } = await removeMessages(ask, key, "unfailed", REMOVED_AT_ONCE_BYTES);
  if (bytes > 0) await ask(UNMEASURED, [key]);
  return isDone;
}

/**
 * Removes the newest of the events that are left, and says first up to where they are gone: whoever is reading them
 * meets the gap behind what it has read, and not a hole within. Returns whether nothing is left to do.
 */
async function trimEvents(ask: Ask, key: number): Promise<boolean> {
  const [row] = await ask(NEWEST, [key, REMOVED_AT_ONCE_BYTES]);
  if (row === undefined || row.newest === null) {
    await ask(DONE, [key]);
    return true;
  }
  await ask(MARK, [key, row.newest]);
  await ask(REMOVE, [key, row.oldest]);
  return false;
}
