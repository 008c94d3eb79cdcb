import type { ExecutionEvent } from "@millrace/protocol";
import type { JournalEntry } from "../ports.ts";

const DATA = "\ndata: ";
const ID = "\nid: ";

/** The events of an entry of the journal, read back from its frames; none for a lifecycle record. */
export function* eventsOf(entry: JournalEntry): Generator<ExecutionEvent> {
  for (const { event } of positionedEventsOf(entry)) yield event;
}

/** The same, each with its position as a stream's id. */
export function* positionedEventsOf(entry: JournalEntry): Generator<{ id: string; event: ExecutionEvent }> {
  if (entry.kind !== "events") return;
  const text = entry.frames.toString("utf8");
  // JSON has no line breaks, so a line's end is the data's end; the id's line is the next.
  for (let at = text.indexOf(DATA); at >= 0; ) {
    const end = text.indexOf("\n", at + DATA.length);
    const id = text.slice(end + ID.length, text.indexOf("\n", end + 1));
    // The journal holds what the committer encoded, from values of this type.
    yield { id, event: JSON.parse(text.slice(at + DATA.length, end)) as ExecutionEvent };
    at = text.indexOf(DATA, end);
  }
}
