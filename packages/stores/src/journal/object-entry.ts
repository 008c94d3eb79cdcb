import type { JournalEntry, Position, WrittenObject } from "@millrace/engine";
import { encodeFrame, storedObjectData, toOneLine, type WrittenData } from "@millrace/protocol";

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
