import type { ExecutionEvent } from "@millrace/protocol";
import type { JournalEntry } from "../ports.ts";

const DATA = "\ndata: ";
const ID = "\nid: ";

/** An event of the journal as its frame has it. */
export interface JournalEvent {
  /** Its position. */
  readonly id: string;
  readonly json: string;
  readonly event: ExecutionEvent;
}

/** The events of an entry of the journal, read back from its frames; none for a lifecycle record. */
export function* eventsOf(entry: JournalEntry): Generator<ExecutionEvent> {
  for (const { json } of framesOf(entry)) yield parse(json);
}

/** The same, each with its id and the JSON that it stands in the journal as. */
export function* journalEventsOf(entry: JournalEntry): Generator<JournalEvent> {
  for (const { json, rest } of framesOf(entry))
    yield { id: rest.slice(ID.length, rest.indexOf("\n", ID.length)), json, event: parse(json) };
}

function* framesOf(entry: JournalEntry): Generator<{ json: string; rest: string }> {
  if (entry.kind !== "events") return;
  const text = entry.frames.toString("utf8");
  // JSON has no line breaks, so a line's end is the data's end.
  for (let at = text.indexOf(DATA); at >= 0; ) {
    const end = text.indexOf("\n", at + DATA.length);
    const next = text.indexOf(DATA, end);
    yield { json: text.slice(at + DATA.length, end), rest: text.slice(end, next < 0 ? undefined : next) };
    at = next;
  }
}

function parse(json: string): ExecutionEvent {
  // The journal holds what the committer encoded, from values of this type.
  return JSON.parse(json) as ExecutionEvent;
}
