import type { JournalEntry, Lifecycle, Position } from "@millrace/engine";

/** A part of a commit group as a worker is sent it. A topic stands for an execution that the worker watches. */
export type Sent =
  | { readonly topic: number; readonly entry: JournalEntry }
  /** The worker was too slow: what was committed up to this position was not sent, but is there to be read. */
  | { readonly topic: number; readonly unread: Position };

/** topic u32 · kind u8 · 3 unused · first f64 · last f64 · count u32 · length of the body u32; little-endian. */
const HEADER_BYTES = 32;

const EVENTS = 0;
const LIFECYCLE = 1;
const UNREAD = 2;

/** A group's message: all headers, then the bodies in the same order. Frames are the journal's own bytes, not copied. */
export function encodeGroup(group: readonly Sent[]): Buffer[] {
  const headers = Buffer.alloc(4 + group.length * HEADER_BYTES);
  headers.writeUInt32LE(group.length, 0);
  const parts: Buffer[] = [headers];
  for (const [index, sent] of group.entries()) {
    const at = 4 + index * HEADER_BYTES;
    headers.writeUInt32LE(sent.topic, at);
    if ("unread" in sent) {
      headers.writeUInt8(UNREAD, at + 4);
      headers.writeDoubleLE(sent.unread, at + 16);
      continue;
    }
    const { entry } = sent;
    const isEvents = entry.kind === "events";
    const body = isEvents ? entry.frames : Buffer.from(JSON.stringify(entry.lifecycle));
    headers.writeUInt8(isEvents ? EVENTS : LIFECYCLE, at + 4);
    headers.writeDoubleLE(entry.first, at + 8);
    headers.writeDoubleLE(entry.last, at + 16);
    headers.writeUInt32LE(isEvents ? entry.count : 0, at + 24);
    headers.writeUInt32LE(body.length, at + 28);
    parts.push(body);
  }
  return parts;
}

/** The parts of a group's message, for the topics that `executionOf` knows: the others are not watched any more. */
export function decodeGroup(message: Buffer, executionOf: (topic: number) => string | undefined): Sent[] {
  const count = message.readUInt32LE(0);
  const group: Sent[] = [];
  let body = 4 + count * HEADER_BYTES;
  for (let index = 0; index < count; index += 1) {
    const at = 4 + index * HEADER_BYTES;
    const topic = message.readUInt32LE(at);
    const kind = message.readUInt8(at + 4);
    const last = message.readDoubleLE(at + 16);
    const bytes = message.subarray(body, body + message.readUInt32LE(at + 28));
    body += bytes.length;
    const executionId = executionOf(topic);
    if (executionId === undefined) continue;
    if (kind === UNREAD) {
      group.push({ topic, unread: last });
      continue;
    }
    const place = { executionId, first: message.readDoubleLE(at + 8), last };
    const entry: JournalEntry =
      kind === EVENTS
        ? { kind: "events", ...place, count: message.readUInt32LE(at + 24), frames: bytes }
        : // Encoded above, from a value of that type.
          { kind: "lifecycle", ...place, lifecycle: JSON.parse(bytes.toString()) as Lifecycle };
    group.push({ topic, entry });
  }
  return group;
}
