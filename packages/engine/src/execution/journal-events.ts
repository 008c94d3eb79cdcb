import type { ExecutionEvent } from "@millrace/protocol";
import type { JournalEntry } from "../ports.ts";

const DATA = "\ndata: ";

/** The events of an entry of the journal, read back from its frames; none for a lifecycle record. */
export function* eventsOf(entry: JournalEntry): Generator<ExecutionEvent> {
  if (entry.kind !== "events") return;
  const text = entry.frames.toString("utf8");
  // JSON has no line breaks, so a line's end is the data's end.
  for (let at = text.indexOf(DATA); at >= 0; ) {
    const end = text.indexOf("\n", at + DATA.length);
    // The journal holds what the committer encoded, from values of this type.
    yield JSON.parse(text.slice(at + DATA.length, end)) as ExecutionEvent;
    at = text.indexOf(DATA, end);
  }
}
