import type { Clock, Journal, Records } from "@millrace/engine";

const DAY_MS = 24 * 60 * 60 * 1000;
const PAGE = 100;

/**
 * Removes the events of executions that ended more than `days` ago; their records stay. A cursor into what is gone
 * meets a `gap`. Returns how many executions were trimmed.
 */
export async function trimExpired(
  parts: { readonly records: Records; readonly journal: Journal; readonly clock: Clock },
  days: number,
): Promise<number> {
  const before = new Date(parts.clock.now() - days * DAY_MS).toISOString();
  let trimmed = 0;
  while (true) {
    const ids = await parts.records.executionsToTrim(before, PAGE);
    for (const id of ids) await parts.journal.trim(id);
    trimmed += ids.length;
    if (ids.length < PAGE) return trimmed;
  }
}
