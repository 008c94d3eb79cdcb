import type { JournalEntry } from "@millrace/engine";

/**
 * A page of the entries of several executions, in the order of positions, of about `maxBytes` of frames (at least one
 * entry). `entriesOf` gives those of one execution, in order; no more are taken of it than may be on the page.
 */
export function mergePages(
  executionIds: readonly string[],
  maxBytes: number,
  entriesOf: (executionId: string) => Iterable<JournalEntry>,
): JournalEntry[] {
  const page: JournalEntry[] = [];
  // A page that is full bounds what may be taken of the executions that come next: order is by position.
  let bound = Number.POSITIVE_INFINITY;
  for (const executionId of new Set(executionIds)) {
    let bytes = 0;
    const before = page.length;
    for (const entry of entriesOf(executionId)) {
      if (entry.first > bound) break;
      page.push(entry);
      bytes += sizeOf(entry);
      if (bytes >= maxBytes) break;
    }
    if (before > 0 && page.length > before) page.sort((a, b) => a.first - b.first);
    // Cut after each execution: what is held is never more than two pages, however many there are.
    const full = endOfPage(page, maxBytes);
    if (full === null) continue;
    page.length = full + 1;
    bound = page[full]?.last ?? bound;
  }
  return page;
}

function sizeOf(entry: JournalEntry): number {
  return entry.kind === "events" ? entry.frames.length : 0;
}

/** The index of the entry with which a page is full; null where it is not. */
function endOfPage(entries: readonly JournalEntry[], maxBytes: number): number | null {
  let bytes = 0;
  for (const [index, entry] of entries.entries()) {
    bytes += sizeOf(entry);
    if (bytes >= maxBytes) return index;
  }
  return null;
}
