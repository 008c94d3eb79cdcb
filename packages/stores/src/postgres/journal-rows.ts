import type { JournalEntry, Lifecycle } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import { verify } from "../journal/checksum.ts";
import type { Row } from "./columns.ts";

/** The columns that {@link toEntry} reads, of `journal`. */
export const ENTRY = "first, last, count, lifecycle, frames, checksum";

/** A row of the journal. @throws MillraceError STORE_DAMAGED */
export function toEntry(executionId: string, row: Row): JournalEntry {
  const first = Number(row.first);
  const last = Number(row.last);
  if (row.lifecycle !== null) {
    return { kind: "lifecycle", executionId, first, last, lifecycle: toLifecycle(row) };
  }
  const frames = Buffer.from(String(row.frames));
  check(last, frames, row.checksum);
  return { kind: "events", executionId, first, last, count: Number(row.count), frames };
}

/** The lifecycle record of a row with the columns last, lifecycle and checksum. @throws MillraceError STORE_DAMAGED */
export function toLifecycle({ last, lifecycle, checksum }: Row): Lifecycle {
  const text = String(lifecycle);
  check(Number(last), text, checksum);
  // Written by this store, from a value of that type.
  return JSON.parse(text) as Lifecycle;
}

function check(last: number, content: Uint8Array | string, checksum: unknown): void {
  try {
    verify(last, content, checksum);
  } catch (error) {
    throw new MillraceError(
      "STORE_DAMAGED",
      `The database is damaged: ${error instanceof Error ? error.message : String(error)}. Restore a backup of it.`,
      { cause: error },
    );
  }
}
