import type { JournalEntry, Position } from "@millrace/engine";
import { type ExecutionStatus, encodeFrame, type TerminalStatus } from "@millrace/protocol";
import { FrameBytes } from "./frame-bytes.ts";
import type { FrameFilter } from "./frame-filter.ts";

/** A stretch of one execution's journal, as it is sent to everybody who is there. */
export interface Page {
  /** It holds what comes after this position… */
  readonly after: Position;
  /** …up to this one. */
  readonly last: Position;
  /** The id of its last event, chosen or not; null where it has none. */
  readonly lastId: Position | null;
  /** The chosen events; null where there are none. */
  readonly frames: FrameBytes | null;
  /** How the execution ended, where it did: nothing comes after that. */
  readonly ended: TerminalStatus | null;
  /** Whether `frames` has the `end` as well: where there are events before it, all streams end with the same. */
  readonly endTold: boolean;
  /** Whether its last word is that the execution is interrupted; null where it says nothing of it. */
  readonly interrupted: boolean | null;
  /** Whether it is small for want of more: there may be a larger one later. */
  readonly short: boolean;
}

/** Where a page begins and what it may hold. */
export interface PageLimits {
  readonly after: Position;
  /** Nothing after this position is taken. */
  readonly upTo: Position;
  /** Bytes of frames, before the filter; at least one event is taken. */
  readonly maxBytes: number;
  /** A page with fewer bytes than this, before the filter, is short if nothing but the edge ended it. */
  readonly minBytes: number;
  /** Whether another page begins after the position: this one then ends there, so that both can be shared. */
  begins(position: Position): boolean;
}

const BLOCK_END = "\n\n";
const ID = "\nid: ";

/** Makes a page of what the journal has after a position; null where that is nothing. */
export function cutPage(
  entries: readonly JournalEntry[],
  filter: FrameFilter | null,
  { after, upTo, maxBytes, minBytes, begins }: PageLimits,
): Page | null {
  const parts: Buffer[] = [];
  let bytes = 0;
  let events = 0;
  let last = after;
  let lastId: Position | null = null;
  let ended: TerminalStatus | null = null;
  let interrupted: boolean | null = null;
  let settled = false;
  for (const entry of entries) {
    if (entry.first > upTo || ended !== null) break;
    if (last > after && begins(last)) {
      settled = true;
      break;
    }
    if (entry.kind === "lifecycle") {
      if (entry.lifecycle.kind === "ended") ended = entry.lifecycle.status;
      else if (entry.lifecycle.kind === "interrupted") interrupted = true;
      else if (interrupted !== null || entry.lifecycle.kind === "resumed") interrupted = false;
      last = entry.last;
      continue;
    }
    const frames = entry.first > after ? entry.frames : framesAfter(entry.frames, after);
    const room = maxBytes - bytes;
    if (frames.length <= room) {
      parts.push(frames);
      events += frames === entry.frames ? entry.count : countFrames(frames);
      last = entry.last;
    } else {
      const end = cutAt(frames, room, bytes === 0);
      settled = true;
      if (end === 0) break;
      const cut = frames.subarray(0, end);
      parts.push(cut);
      events += countFrames(cut);
      last = end === frames.length ? entry.last : lastIdOf(frames, end);
    }
    lastId = last;
    interrupted = interrupted === null ? null : false;
    bytes += frames.length;
    if (bytes >= maxBytes) break;
  }
  if (last === after) return null;
  const short = !settled && ended === null && bytes < minBytes;
  return { after, last, lastId, ...joinChosen(parts, filter, ended, lastId, events), ended, interrupted, short };
}

/** Joins the chosen ones of `events` frames, with the `end` where it follows an event; null where there is nothing of both. */
export function joinChosen(
  parts: readonly Buffer[],
  filter: FrameFilter | null,
  ended: TerminalStatus | null,
  lastId: Position | null,
  events: number,
): { frames: FrameBytes | null; endTold: boolean } {
  const chosen = parts.map((part) => (filter === null ? part : filter.apply(part))).filter((part) => part.length > 0);
  const count = filter === null ? events : chosen.reduce((sum, part) => sum + countFrames(part), 0);
  const endTold = ended !== null && lastId !== null;
  if (endTold) chosen.push(Buffer.from(encodeEnd(ended, lastId)));
  return { frames: chosen.length === 0 ? null : FrameBytes.join(chosen, count), endTold };
}

/** The last frame of a stream of one execution (contract: "The end"). */
export function encodeEnd(reason: ExecutionStatus, lastId: Position): string {
  return encodeFrame("end", JSON.stringify({ reason, status: reason }), lastId);
}

/** How many frames there are. */
export function countFrames(frames: Buffer): number {
  let count = 0;
  for (let at = frames.indexOf(BLOCK_END); at >= 0; at = frames.indexOf(BLOCK_END, at + BLOCK_END.length)) count += 1;
  return count;
}

/** The frames with ids above `position`, which may be that of none of them; frames are in the order of their ids. */
export function framesAfter(frames: Buffer, position: Position): Buffer {
  const mark = `${ID}${position}${BLOCK_END}`;
  const there = frames.indexOf(mark);
  if (there >= 0) return frames.subarray(there + mark.length);
  let at = 0;
  while (at < frames.length) {
    const end = frames.indexOf(BLOCK_END, at) + BLOCK_END.length;
    if (lastIdOf(frames, end) > position) break;
    at = end;
  }
  return frames.subarray(at);
}

/** Where to cut frames so that about `room` bytes of whole ones are left of the cut; `must`: at least one. */
function cutAt(frames: Buffer, room: number, must: boolean): number {
  const end = room < BLOCK_END.length ? -1 : frames.lastIndexOf(BLOCK_END, room - BLOCK_END.length);
  if (end >= 0) return end + BLOCK_END.length;
  return must ? frames.indexOf(BLOCK_END) + BLOCK_END.length : 0;
}

/** The id of the last frame before `end`, which is where a frame ends. */
function lastIdOf(frames: Buffer, end: number): Position {
  const at = frames.lastIndexOf(ID, end);
  return Number(frames.toString("latin1", at + ID.length, end - BLOCK_END.length));
}
