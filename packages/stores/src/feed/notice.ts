import type { JournalEntry, Lifecycle, Position } from "@millrace/engine";
import { z } from "zod";
import { decodeEnvelope, encodeEnvelope } from "../envelope.ts";
import type { CommittedGroup } from "./commit-feed.ts";

const position = z.int().nonnegative();

const entrySchema = z.object({
  /** Which of the notice's executions. */
  execution: z.int().nonnegative(),
  first: position,
  last: position,
  /** Events. */
  count: z.int().nonnegative(),
  /** Bytes of frames in the body, after those of the entries before it. */
  bytes: z.int().nonnegative(),
  /** A lifecycle record, instead of frames. */
  lifecycle: z.looseObject({ kind: z.string() }).optional(),
  /** Which journals it is in. */
  of: z.enum(["events", "objects", "both"]),
});

const noticeSchema = z.object({
  /** The node that committed. */
  from: z.string(),
  prev: position,
  last: position,
  executions: z.array(z.string()),
  /** Null where there was too much: it is read. */
  entries: z.array(entrySchema).nullable(),
});

type EntryHead = z.infer<typeof entrySchema>;

/** A commit as another node tells of it. */
export interface Notice {
  readonly prev: Position;
  readonly last: Position;
  /** Null where it was too large to be sent along. */
  readonly group: CommittedGroup | null;
}

/** What all notices of a node begin with, behind the length of the head: it knows its own again without reading them. */
export function ownBeginning(from: string): Buffer {
  const head = encodeEnvelope({ from }).subarray(4);
  return head.subarray(0, head.length - 1);
}

/** The notice of a commit; without the frames where they come to more than `maxBytes`. They are sent as they are. */
export function encodeNotice(from: string, group: CommittedGroup, maxBytes: number): Buffer {
  const { prev, last } = group;
  const encoded = framesBytes(group) > maxBytes ? null : encodeWhole(from, group);
  if (encoded !== null && encoded.length <= maxBytes) return encoded;
  return encodeEnvelope({ from, prev, last, executions: [], entries: null });
}

/** @throws MillraceError NODE_UNREACHABLE where it is of another version, or no notice */
export function decodeNotice(data: Uint8Array): Notice {
  const { head, body } = decodeEnvelope(data, noticeSchema, "A notice of a commit");
  const { prev, last } = head;
  if (head.entries === null) return { prev, last, group: null };
  const entries: JournalEntry[] = [];
  const objectEntries: JournalEntry[] = [];
  let at = 0;
  for (const sent of head.entries) {
    const frames = body.subarray(at, at + sent.bytes);
    at += sent.bytes;
    const entry = toEntry(sent, head.executions[sent.execution] ?? "", frames);
    if (sent.of !== "objects") entries.push(entry);
    if (sent.of !== "events") objectEntries.push(entry);
  }
  return { prev, last, group: { prev, last, entries, objectEntries } };
}

/** About how much memory a group takes. */
export function sizeOfGroup(group: CommittedGroup): number {
  return framesBytes(group) + 256 * (1 + group.entries.length + group.objectEntries.length);
}

function framesBytes({ entries, objectEntries }: CommittedGroup): number {
  let bytes = 0;
  for (const entry of entries) if (entry.kind === "events") bytes += entry.frames.length;
  for (const entry of objectEntries) if (entry.kind === "events") bytes += entry.frames.length;
  return bytes;
}

function encodeWhole(from: string, { prev, last, entries, objectEntries }: CommittedGroup): Buffer {
  // Lifecycle records are in both journals, as one object.
  const ofObjects = new Set(objectEntries);
  const sent: { entry: JournalEntry; of: EntryHead["of"] }[] = entries.map((entry) => ({
    entry,
    of: ofObjects.delete(entry) ? "both" : "events",
  }));
  for (const entry of ofObjects) sent.push({ entry, of: "objects" });
  // Where both are told apart again, each is in order.
  if (ofObjects.size > 0) sent.sort((a, b) => a.entry.first - b.entry.first);
  const executions = new Map<string, number>();
  const heads: EntryHead[] = [];
  const bodies: Buffer[] = [];
  for (const { entry, of } of sent) {
    const execution = executions.get(entry.executionId) ?? executions.size;
    executions.set(entry.executionId, execution);
    const place = { execution, first: entry.first, last: entry.last, of };
    if (entry.kind === "lifecycle") heads.push({ ...place, count: 0, bytes: 0, lifecycle: entry.lifecycle });
    else {
      heads.push({ ...place, count: entry.count, bytes: entry.frames.length });
      bodies.push(entry.frames);
    }
  }
  return encodeEnvelope({ from, prev, last, executions: [...executions.keys()], entries: heads }, bodies);
}

function toEntry({ first, last, count, lifecycle }: EntryHead, executionId: string, frames: Buffer): JournalEntry {
  if (lifecycle === undefined) return { kind: "events", executionId, first, last, count, frames };
  // A node of this version has written it, from a value of that type.
  return { kind: "lifecycle", executionId, first, last, lifecycle: lifecycle as unknown as Lifecycle };
}
