import type { Journal, JournalBounds, Position } from "@millrace/engine";
import { encodeFrame, type GapData, parseCursor } from "@millrace/protocol";

/** Where a stream begins. */
export type Start =
  /** Everything after `after`; `preface` goes first, which tells of `gaps`: up to where events of an execution were removed. */
  | {
      readonly kind: "stream";
      readonly after: Position;
      readonly lastId: Position;
      readonly preface: string;
      readonly gaps: ReadonlyMap<string, Position>;
    }
  /** The cursor is at the end, and every execution is over: 204, which makes a browser stop reconnecting. */
  | { readonly kind: "over" }
  /** The cursor is none that this stream can have handed out. */
  | { readonly kind: "refused"; readonly why: string };

/** Where a client wants to begin. */
export interface StartWanted {
  readonly cursor: string | null;
  readonly since: "now" | null;
  /** A stream that is kept open is never over. */
  readonly keepOpen: boolean;
}

/**
 * Finds where a stream begins: after its cursor, at the live edge (`since=now`), or before the first event.
 * `bounds` are those of `executionIds`, in the same order.
 */
export async function findStart(
  journal: Pick<Journal, "contains">,
  executionIds: readonly string[],
  bounds: readonly JournalBounds[],
  { cursor, since, keepOpen }: StartWanted,
): Promise<Start> {
  const lastEvent = Math.max(...bounds.map((each) => each.lastEvent));
  if (cursor === null && since === "now") {
    return { kind: "stream", after: lastEvent, lastId: lastEvent, preface: "", gaps: new Map() };
  }
  let after = Math.min(...bounds.map((each) => each.start));
  if (cursor !== null) {
    const position = parseCursor(cursor);
    const known = position !== null && (await anyContains(journal, executionIds, position));
    if (position === null || !known) {
      return { kind: "refused", why: "it is not the id of an event of this stream" };
    }
    if (!keepOpen && position >= lastEvent && bounds.every((each) => each.ended !== null)) return { kind: "over" };
    after = position;
  }
  const gaps = executionIds.flatMap((executionId, index) => {
    const trimmed = bounds[index]?.trimmed ?? null;
    return trimmed !== null && trimmed > after ? [{ executionId, trimmed }] : [];
  });
  gaps.sort((one, other) => one.trimmed - other.trimmed);
  const safe = beforeEvents(bounds, after);
  const idOf = (trimmed: Position) => (trimmed <= safe ? trimmed : after);
  const preface = gaps.map(({ executionId, trimmed }) => gapFrame(executionId, trimmed, idOf(trimmed))).join("");
  return {
    kind: "stream",
    after,
    lastId: Math.max(after, ...gaps.map(({ trimmed }) => idOf(trimmed))),
    preface,
    gaps: new Map(gaps.map(({ executionId, trimmed }) => [executionId, trimmed])),
  };
}

/** How far a cursor may go without passing an event that is still to be sent: of several executions they are mixed. */
function beforeEvents(bounds: readonly JournalBounds[], after: Position): Position {
  const before = bounds
    .map(({ start, trimmed, lastEvent }) => ({ from: Math.max(start, after, trimmed ?? 0), lastEvent }))
    .filter(({ from, lastEvent }) => lastEvent > from)
    .map(({ from }) => from);
  return Math.min(Number.POSITIVE_INFINITY, ...before);
}

/** Says that events up to `trimmed` were removed; `id` is the cursor that it leaves the client with. */
export function gapFrame(executionId: string, trimmed: Position, id: Position): string {
  const data: GapData = { execution_id: executionId, reason: "retention", resumes_after: String(trimmed) };
  return encodeFrame("gap", JSON.stringify(data), id);
}

async function anyContains(
  journal: Pick<Journal, "contains">,
  executionIds: readonly string[],
  position: Position,
): Promise<boolean> {
  for (const executionId of executionIds) if (await journal.contains(executionId, position)) return true;
  return false;
}
