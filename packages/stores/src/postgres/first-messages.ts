import type { FirstMessages, NewMessage } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import { bigintArray, textArray } from "./binary-arrays.ts";
import type { Ask } from "./database.ts";

const INSERT = {
  name: "first-insert",
  text: "INSERT INTO messages (execution_key, seq, id, parent_id, route, payload, hops) SELECT $1, first.n, first.id, first.parent_id, first.route, first.payload, first.hops FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[]) WITH ORDINALITY AS first (id, parent_id, route, payload, hops, n)",
};

/** Those that are not there, or did not fail where they must have, are not copied: their number tells. */
const COPY = {
  name: "first-copy",
  text: `WITH copied AS (
      INSERT INTO messages (execution_key, seq, id, parent_id, route, payload, hops)
      SELECT $1, $2 + copy.n, copy.id, NULL, copy.route, coalesce(copy.payload, source.payload), 0
      FROM unnest($3::bigint[], $4::text[], $5::text[], $6::text[]) WITH ORDINALITY AS copy (seq, id, route, payload, n)
      JOIN messages source ON source.execution_key = (SELECT key FROM executions WHERE executions.id = $7)
        AND source.seq = copy.seq AND (NOT $8 OR source.error IS NOT NULL)
      RETURNING 1
    ) SELECT count(*) AS copied FROM copied`,
};

const MARK_RETRIED = {
  name: "first-mark-retried",
  text: "UPDATE messages SET retried_in = $1 WHERE execution_key = (SELECT key FROM executions WHERE executions.id = $2) AND seq = ANY ($3::bigint[])",
};

/** How many messages an execution begins with. */
export function countFirst(first: NewMessage | FirstMessages | null): number {
  if (first === null) return 0;
  return "id" in first ? 1 : first.messages.length + first.copies.length;
}

/** About how many bytes of payloads pass through this process. */
export function sizeOfFirst(first: NewMessage | FirstMessages | null): number {
  if (first === null) return 0;
  const messages = "id" in first ? [first] : [...first.messages, ...first.copies];
  return messages.reduce((sum, { payloadJson }) => sum + (payloadJson?.length ?? 0), 0);
}

/**
 * Puts what an execution begins with into its queues, with numbers from 1.
 * @throws MillraceError MESSAGE_NOT_FAILED, NOTHING_TO_REPLAY
 */
export async function enqueueFirst(
  ask: Ask,
  execution: { readonly id: string; readonly key: number },
  first: NewMessage | FirstMessages | null,
): Promise<void> {
  if (first === null) return;
  const messages = "id" in first ? [first] : first.messages;
  if (messages.length > 0) {
    await ask(INSERT, [
      execution.key,
      textArray(messages.map(({ id }) => id)),
      textArray(messages.map(({ parentId }) => parentId)),
      textArray(messages.map(({ route }) => route)),
      textArray(messages.map(({ payloadJson }) => payloadJson)),
      bigintArray(messages.map(({ hops }) => hops)),
    ]);
  }
  if ("id" in first || first.copies.length === 0) return;
  const { copies, copiedFrom, markRetried } = first;
  const seqs = bigintArray(copies.map(({ seq }) => seq));
  const [row] = await ask(COPY, [
    execution.key,
    messages.length,
    seqs,
    textArray(copies.map(({ id }) => id)),
    textArray(copies.map(({ route }) => route)),
    textArray(copies.map(({ payloadJson }) => payloadJson)),
    copiedFrom,
    markRetried,
  ]);
  if (Number(row?.copied) !== copies.length) throw missing(markRetried);
  if (markRetried) await ask(MARK_RETRIED, [execution.id, copiedFrom, seqs]);
}

function missing(markRetried: boolean): MillraceError {
  if (!markRetried) {
    return new MillraceError(
      "NOTHING_TO_REPLAY",
      "Some of the messages that were to be replayed were removed since they were looked up. Nothing was started: ask again for those that are left.",
    );
  }
  return new MillraceError(
    "MESSAGE_NOT_FAILED",
    "Some of the failed messages were retried, or deleted, since they were looked up. Ask again for those that are left.",
  );
}
