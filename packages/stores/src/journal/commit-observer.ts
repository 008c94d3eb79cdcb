import type { JournalEntry } from "@millrace/engine";

/** Told of each group that is committed, or could not be: for figures. Must be quick, and must not throw. */
export interface CommitObserver {
  /** It took so many milliseconds, and holds so many events. */
  committed(ms: number, events: number): void;
  /** The store is at fault: the group waits, or is refused. */
  failed(): void;
}

/** Events in the entries of a group. */
export function countEvents(entries: readonly { readonly entry: JournalEntry }[]): number {
  let events = 0;
  for (const { entry } of entries) if (entry.kind === "events") events += entry.count;
  return events;
}
