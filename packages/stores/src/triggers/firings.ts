import { type FiringEnd, type FiringOutcome, type FiringRecord, type NewFiring, QUEUED_MS } from "@millrace/engine";
import { ask, number, type Row, type Script, text } from "./script.ts";

/** The columns that {@link toFiring} reads. */
export const FIRING =
  "id, trigger_id, firing_key, due_at, at, payload, outcome, execution_id, error, next_at, attempts, is_open";

/** Puts a firing among those that wait; one with its key that is there stays as it is. */
export function* fire(firing: NewFiring): Script<void> {
  const { skipped } = firing;
  yield* ask(
    "INSERT INTO firings (id, trigger_id, firing_key, due_at, at, payload, outcome, error, next_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
    [
      firing.id,
      firing.triggerId,
      firing.key,
      firing.dueAt,
      firing.at,
      JSON.stringify(firing.payload),
      skipped === null ? "pending" : "skipped",
      skipped === null ? null : JSON.stringify({ code: "MISSED", message: skipped }),
      skipped === null ? firing.at : null,
    ],
  );
}

/** @see Triggers.claim */
export function* claimFiring(options: {
  readonly now: number;
  readonly leaseMs: number;
  readonly id?: string;
}): Script<FiringRecord | null> {
  const { now, leaseMs, id } = options;
  const [first] =
    id === undefined
      ? yield* ask("SELECT id, trigger_id FROM firings WHERE next_at <= $1 ORDER BY next_at, key LIMIT 1", [now])
      : yield* ask("SELECT id, trigger_id FROM firings WHERE id = $1 AND next_at <= $2", [id, now]);
  if (first === undefined) return null;
  const triggerId = String(first.trigger_id);
  // One at a time counts what runs, and no two nodes begin the last that may.
  const [trigger] = yield* ask("SELECT max_running, when_running FROM triggers WHERE id = $1", [triggerId], "wait");
  const [row] = yield* ask(
    `SELECT ${FIRING} FROM firings WHERE id = $1 AND next_at <= $2`,
    [String(first.id), now],
    "wait",
  );
  if (trigger === undefined || row === undefined) return null;
  const mayRun = number(trigger.max_running);
  // One that a node had begun counts already.
  if (mayRun !== null && row.is_open !== 1 && (yield* countOpen(triggerId)) >= mayRun) {
    if (trigger.when_running === "skip") {
      yield* ask("UPDATE firings SET outcome = 'skipped', error = $1, next_at = NULL WHERE id = $2", [
        JSON.stringify({ code: "STILL_RUNNING", message: `As many of its runs as may be are under way (${mayRun}).` }),
        String(row.id),
      ]);
    } else {
      yield* ask("UPDATE firings SET next_at = $1 WHERE trigger_id = $2 AND outcome = 'pending' AND next_at < $3", [
        now + QUEUED_MS,
        triggerId,
        now + QUEUED_MS,
      ]);
    }
    return null;
  }
  const [claimed] = yield* ask(
    `UPDATE firings SET outcome = 'starting', is_open = 1, attempts = attempts + 1, next_at = $1 WHERE id = $2 RETURNING ${FIRING}`,
    [now + leaseMs, String(row.id)],
  );
  return claimed === undefined ? null : toFiring(claimed);
}

/** How many runs of a trigger are under way, or about to be; those that are over are not looked at again. */
function* countOpen(triggerId: string): Script<number> {
  yield* ask(
    "UPDATE firings SET is_open = 0 WHERE trigger_id = $1 AND is_open = 1 AND outcome = 'started' AND NOT EXISTS (SELECT 1 FROM executions WHERE executions.id = firings.execution_id AND executions.status IN ('running', 'interrupted'))",
    [triggerId],
  );
  const [row] = yield* ask("SELECT count(*) AS count FROM firings WHERE trigger_id = $1 AND is_open = 1", [triggerId]);
  return Number(row?.count);
}

/** @see Triggers.settle */
export function* settleFiring(id: string, attempts: number, end: FiringEnd): Script<void> {
  yield* ask(
    "UPDATE firings SET outcome = $1, execution_id = $2, error = $3, next_at = $4, is_open = $5 WHERE id = $6 AND attempts = $7 AND outcome = 'starting'",
    [
      end.outcome,
      end.outcome === "started" ? end.executionId : null,
      end.outcome === "started" ? null : JSON.stringify(end.error),
      end.outcome === "pending" ? end.nextAt : null,
      end.outcome === "started" ? 1 : 0,
      id,
      attempts,
    ],
  );
}

/** A row of firings as a record. */
export function toFiring(row: Row): FiringRecord {
  return {
    id: String(row.id),
    triggerId: String(row.trigger_id),
    key: String(row.firing_key),
    dueAt: Number(row.due_at),
    at: Number(row.at),
    payload: JSON.parse(String(row.payload)),
    // Only this file writes the column.
    outcome: row.outcome as FiringOutcome,
    executionId: text(row.execution_id),
    error: row.error === null ? null : JSON.parse(String(row.error)),
    nextAt: number(row.next_at),
    attempts: Number(row.attempts),
  };
}
