import type { LineageEntry, LineageNode, LineageStats, LineageStory, StageStatus } from "@millrace/protocol";
import type { Page } from "./ports.ts";

/** Which stages are asked for. */
export interface LineageFilter {
  /** Those of executions of this project; null: of any. */
  readonly project: string | null;
  readonly executionId?: string;
  readonly routeId?: string;
  readonly adapterName?: string;
  readonly status?: StageStatus;
  readonly isRoot?: boolean;
  /** RFC 3339, inclusive. */
  readonly startedAfter?: string;
  /** RFC 3339, exclusive. */
  readonly startedBefore?: string;
  /** Only stages in which a message failed for good. */
  readonly failuresOnly?: boolean;
}

/** How a list of stages is cut and sorted. */
export interface LineagePage {
  readonly sortBy: "started_at" | "completed_at" | "route_id" | "stage_name";
  readonly sortOrder: "asc" | "desc";
  readonly limit: number;
  readonly offset: number;
}

/** Which relatives of a message are asked for: those that it comes from, the nearest first, or those that came of it. */
export interface LineageRelatives {
  readonly direction: "chain" | "children";
  /** Only the next generation. */
  readonly direct: boolean;
  readonly limit: number;
  readonly offset: number;
}

/** Where a message is looked for. */
export interface LineageWhere {
  /** Null: in any. */
  readonly project: string | null;
  /** Null: in the one that its id leads to. */
  readonly executionId: string | null;
}

/**
 * Where messages come from and what came of them, read off the journal when it is asked for. An execution's part is made
 * when it is first needed and brought up to date on every later call; every method throws LINEAGE_NOT_READY where that
 * takes too long for one call, and goes on with it meanwhile.
 *
 * A message is looked for in the given execution, or else in the one that its id leads to. Null: there is none, in the
 * project that it is looked for in.
 */
export interface Lineage {
  entries(filter: LineageFilter, page: LineagePage): Promise<Page<LineageEntry>>;
  stats(filter: LineageFilter): Promise<LineageStats>;
  story(messageId: string, where: LineageWhere): Promise<LineageStory | null>;
  relatives(messageId: string, where: LineageWhere, which: LineageRelatives): Promise<Page<LineageNode> | null>;
}
