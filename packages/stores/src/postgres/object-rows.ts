import type { JournalEntry, WrittenObject } from "@millrace/engine";
import { toObjectEntry } from "../journal/object-entry.ts";
import { type Row, text } from "./columns.ts";

/** The columns that {@link toObject} reads, of `objects`. */
export const OBJECT = "key, size, content_type, sha256, message_id, created_at";

/** Objects of one entry: what a slow reader takes at once is bounded by it. */
const OBJECTS_PER_ENTRY = 100;

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

/**
 * Entries of the objects' own journal, of rows that say the execution's id and the position as well, in the order of
 * positions: objects of one execution with positions one after the other are one entry.
 */
export function objectEntriesOf(rows: readonly Row[]): JournalEntry[] {
  const entries: JournalEntry[] = [];
  let run: { readonly id: string; readonly first: number; readonly objects: WrittenObject[] } | null = null;
  for (const row of rows) {
    const id = String(row.id);
    const position = Number(row.position);
    if (
      run === null ||
      run.id !== id ||
      position !== run.first + run.objects.length ||
      run.objects.length >= OBJECTS_PER_ENTRY
    ) {
      if (run !== null) entries.push(toObjectEntry(run.id, run.first, run.objects));
      run = { id, first: position, objects: [] };
    }
    run.objects.push(toObject(row));
  }
  if (run !== null) entries.push(toObjectEntry(run.id, run.first, run.objects));
  return entries;
}
