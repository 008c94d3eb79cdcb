import type { AuditQuery } from "@millrace/client";

/** What the audit log is narrowed by, as it stands in the page's address. */
export interface AuditSearch {
  /** An actor's id or name. */
  readonly actor?: string;
  /** An action, or what it begins with up to a dot. */
  readonly action?: string;
  readonly outcome?: Outcome;
  /** Done so many seconds ago at most. */
  readonly within?: string;
  /** From 1. */
  readonly page?: number;
}

/** How what somebody did came out. */
export type Outcome = NonNullable<AuditQuery["outcome"]>;

/** Every outcome. */
export const OUTCOMES: readonly Outcome[] = ["allowed", "denied", "failed"];

/** Entries on a page. */
export const ENTRIES_PER_PAGE = 50;

/** Longer ago than anything was done, in seconds. */
const LONGEST_S = 1e9;

/** Reads it from an address; what is no filter is left out. */
export function readAuditSearch(search: Record<string, unknown>): AuditSearch {
  // The router reads what looks like a number as one.
  const text = (name: string) => {
    const value = search[name];
    return typeof value === "string" || typeof value === "number" ? String(value) : "";
  };
  const outcome = OUTCOMES.find((each) => each === search.outcome);
  const within = Number(text("within"));
  const page = Number(search.page);
  return {
    ...(text("actor") === "" ? {} : { actor: text("actor") }),
    ...(text("action") === "" ? {} : { action: text("action") }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(within > 0 && within < LONGEST_S ? { within: text("within") } : {}),
    ...(Number.isInteger(page) && page > 1 ? { page } : {}),
  };
}

/** The filters as the API takes them. */
export function toAuditQuery({ within, page = 1, ...filters }: AuditSearch, now: number): AuditQuery {
  return {
    ...filters,
    ...(within === undefined ? {} : { from: new Date(now - Number(within) * 1000).toISOString() }),
    limit: ENTRIES_PER_PAGE,
    offset: (page - 1) * ENTRIES_PER_PAGE,
  };
}
