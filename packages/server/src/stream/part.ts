import type { JournalEntry, Position } from "@millrace/engine";
import type { TerminalStatus } from "@millrace/protocol";
import type { FrameBytes } from "./frame-bytes.ts";
import type { FrameFilter } from "./frame-filter.ts";
import { joinChosen } from "./page.ts";

/** What every live stream of an execution is sent next, in one write. */
export interface Part {
  /** The chosen events; null where there are none. */
  readonly frames: FrameBytes | null;
  /** The position of its first entry… */
  readonly first: Position;
  /** …and the one that it goes up to. */
  readonly last: Position;
  /** The id of its last event, chosen or not; null where it has none. */
  readonly lastId: Position | null;
  /** How the execution ended, where it did. */
  readonly ended: TerminalStatus | null;
  /** Whether `frames` has the `end` as well. */
  readonly endTold: boolean;
  /** Whether its last word is that the execution is interrupted. */
  readonly interrupted: boolean;
}

/** One write is not larger, unless an entry is: what a client that stops reading leaves behind is bounded by it. */
const MAX_PART_BYTES = 256 * 1024;

/** Sorts one execution's entries into writes. */
export function toParts(entries: readonly JournalEntry[], filter: FrameFilter | null): Part[] {
  const parts: Part[] = [];
  let frames: Buffer[] = [];
  let bytes = 0;
  let events = 0;
  let first = entries[0]?.first ?? 0;
  let lastId: Position | null = null;
  let interrupted = false;
  const close = (last: Position, ended: TerminalStatus | null) => {
    parts.push({ ...joinChosen(frames, filter, ended, lastId, events), first, last, lastId, ended, interrupted });
    frames = [];
    bytes = 0;
    events = 0;
    lastId = null;
  };
  for (const [index, entry] of entries.entries()) {
    let ended: TerminalStatus | null = null;
    if (entry.kind === "events") {
      frames.push(entry.frames);
      bytes += entry.frames.length;
      events += entry.count;
      lastId = entry.last;
      interrupted = false;
    } else {
      interrupted = entry.lifecycle.kind === "interrupted";
      if (entry.lifecycle.kind === "ended") ended = entry.lifecycle.status;
    }
    const next = entries[index + 1];
    const full = next?.kind === "events" && bytes + next.frames.length > MAX_PART_BYTES;
    if (full || ended !== null || next === undefined) {
      close(entry.last, ended);
      first = next?.first ?? 0;
    }
  }
  return parts;
}
