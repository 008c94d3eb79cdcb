import type { Ask } from "./database.ts";

/** What a row takes beside its content, in bytes: its columns, and its places in the indexes. */
export const ROW_BYTES = 100;

/** Rows that are looked at to find those that go in one statement. */
const ROWS_AT_ONCE = 10_000;

/** Which messages: all, or only those that did not fail for good. In the terms of the partial indexes. */
const WHICH = {
  all: "true",
  unfailed: "error IS NULL",
} as const;

function removing(which: keyof typeof WHICH) {
  return {
    name: `messages-remove-${which}`,
    text: `WITH sized AS (
        SELECT seq, bytes, sum(bytes) OVER (ORDER BY seq) - bytes AS before FROM
          (SELECT seq, octet_length(payload) + ${ROW_BYTES} AS bytes FROM messages
            WHERE execution_key = $1 AND ${WHICH[which]} ORDER BY seq LIMIT ${ROWS_AT_ONCE}) AS first
      ), gone AS (
        DELETE FROM messages WHERE execution_key = $1 AND seq = ANY (ARRAY (SELECT seq FROM sized WHERE before < $2)) RETURNING 1
      ) SELECT (SELECT count(*) FROM gone) AS removed, (SELECT count(*) FROM sized) AS looked,
          (SELECT coalesce(sum(bytes), 0) FROM sized WHERE before < $2) AS bytes`,
  };
}

const REMOVE = { all: removing("all"), unfailed: removing("unfailed") };

/** Removes about `maxBytes` of an execution's messages. `isDone`: none of them is left. */
export async function removeMessages(
  ask: Ask,
  executionKey: number,
  which: keyof typeof WHICH,
  maxBytes: number,
): Promise<{ readonly isDone: boolean; readonly bytes: number }> {
  const [row] = await ask(REMOVE[which], [executionKey, maxBytes]);
  const [looked, removed] = [Number(row?.looked), Number(row?.removed)];
  return { isDone: looked < ROWS_AT_ONCE && removed === looked, bytes: Number(row?.bytes) };
}
