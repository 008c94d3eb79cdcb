import type { ExecutionRecord, Interruption, Journal } from "../ports.ts";
import { eventsOf } from "./journal-events.ts";

/** How the execution was interrupted that is to be taken up again, as far as its journal tells. */
export async function findInterruption(journal: Journal, record: ExecutionRecord): Promise<Interruption> {
  const last = await journal.lastLifecycle(record.id);
  if (last?.kind === "paused") return { by: "shutdown", at: last.at, heldUpBy: null };
  if (last?.kind === "interrupted" && last.interruption !== undefined) {
    return { ...last.interruption, heldUpBy: last.error.message };
  }
  // A record of an older Millrace, written when it could not be taken up, says nothing of the time before.
  const [known, heldUpBy] = last?.kind === "interrupted" ? [null, last.error.message] : [last?.at, null];
  const times = [record.startedAt, known ?? "", await lastEventAt(journal, record.id)];
  return { by: "crash", at: times.sort().at(-1) ?? record.startedAt, heldUpBy };
}

/** When the last event happened; an empty text where there is none. */
async function lastEventAt(journal: Journal, executionId: string): Promise<string> {
  const bounds = await journal.bounds(executionId);
  if (bounds === null) return "";
  // The entry that has it: one that straddles the position is returned whole.
  const entries = await journal.read([executionId], bounds.lastEvent - 1, 1);
  return entries.flatMap((entry) => [...eventsOf(entry)]).at(-1)?.timestamp ?? "";
}
