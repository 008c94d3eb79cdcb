import { emptyProgress, foldEnded, foldEvent, foldRequeued, type Progress } from "@millrace/protocol";
import type { ExecutionRecord, Journal, JournalEntry } from "../ports.ts";
import { eventsOf } from "./journal-events.ts";

/** Bytes of the journal that are folded between two turns of the event loop. */
const FOLD_PAGE_BYTES = 512 * 1024;

/** Folds the whole journal of an execution, a page per turn of the event loop. */
export async function foldJournal(journal: Journal, record: ExecutionRecord): Promise<Progress> {
  const progress = emptyProgress(firstOf(record));
  let after = 0;
  while (true) {
    const entries = await journal.read([record.id], after, FOLD_PAGE_BYTES);
    const last = entries.at(-1);
    if (last === undefined) return progress;
    for (const entry of entries) foldEntry(progress, entry);
    after = last.last;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Everything that an entry of the journal says of the state. */
function foldEntry(progress: Progress, entry: JournalEntry): void {
  for (const event of eventsOf(entry)) foldEvent(progress, event);
  if (entry.kind === "events") return;
  if (entry.lifecycle.kind === "requeued") foldRequeued(progress, entry.lifecycle.routes);
  if (entry.lifecycle.kind === "ended") foldEnded(progress);
}

/** What an execution began with, by its snapshot: the route of its first message, or how many there were per route. */
function firstOf(record: ExecutionRecord): string | Record<string, number> | null {
  const { init_message: init, first_messages: many } = record.configSnapshot;
  // The engine wrote it when the execution was started.
  if (many !== undefined) return many as Record<string, number>;
  const route = typeof init === "object" && init !== null && !Array.isArray(init) ? init.route : null;
  return typeof route === "string" ? route : null;
}
