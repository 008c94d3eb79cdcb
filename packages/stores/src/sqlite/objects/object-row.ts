import type { JournalEntry, Position, WrittenObject } from "@millrace/engine";
import { encodeFrame, storedObjectData, toOneLine, type WrittenData } from "@millrace/protocol";
import { type Row, text } from "../columns.ts";

/** The columns that {@link toObject} reads. */
export const OBJECT = "key, size, content_type, sha256, message_id, created_at";

/** A row of objects. */
export function toObject(row: Row): WrittenObject {
  return {
    key: String(row.key),
    size: Number(row.size),
    contentType: String(row.content_type),
    sha256: String(row.sha256),
    messageId: text(row.message_id),
    createdAt: String(row.created_at),
  };
}

/** Objects with positions one after the other, as an entry of their journal. */
export function toObjectEntry(
  executionId: string,
  first: Position,
  objects: readonly WrittenObject[],
): Extract<JournalEntry, { kind: "events" }> {
  const frames = objects.map((object, index) => {
    const data: WrittenData = { ...storedObjectData(object), type: "written", timestamp: object.createdAt };
    return encodeFrame("written", toOneLine(JSON.stringify(data)), first + index);
  });
  const last = first + objects.length - 1;
  return { kind: "events", executionId, first, last, count: objects.length, frames: Buffer.from(frames.join("")) };
}

/** Sorts after every text that begins with what stands before it. */
const AFTER_ALL = "\u{10FFFF}";

/** What all keys sort before that begin with a text. */
export function endOf(prefix: string): string {
  return prefix + AFTER_ALL;
}
