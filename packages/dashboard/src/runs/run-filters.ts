import type { ExecutionListQuery, ExecutionStatus } from "@millrace/client";

/** What the list of runs is narrowed by, as it stands in the page's address. */
export interface RunFilters {
  /** Several, separated by commas. */
  readonly status?: string;
  /** A config's id. */
  readonly config?: string;
  /** How the tag begins. */
  readonly tag?: string;
  /** Found in ids, tags and the names of configs. */
  readonly search?: string;
  /** Started so many seconds ago at most. */
  readonly within?: string;
  /** Started at this time or later, before that time; RFC 3339. */
  readonly after?: string;
  readonly before?: string;
  /** From 1. */
  readonly page?: number;
}

/** Every status, those first that are looked for most. */
export const STATUSES: readonly ExecutionStatus[] = ["running", "failed", "completed", "cancelled", "interrupted"];

/** Runs on a page. */
export const RUNS_PER_PAGE = 50;

/** Longer ago than anything has run, in seconds; what is earlier is no date any more. */
const LONGEST_S = 1e9;

/** Reads filters from an address; what is no filter is left out. */
export function readRunFilters(search: Record<string, unknown>): RunFilters {
  const text = (name: string) => {
    const value = search[name];
    // The router reads what looks like a number as one.
    return typeof value === "string" || typeof value === "number" ? String(value) : "";
  };
  const isFilter = (name: string) => {
    const value = text(name);
    if (name === "within") return Number(value) > 0 && Number(value) < LONGEST_S;
    if (name === "after" || name === "before") return !Number.isNaN(Date.parse(value));
    return value !== "";
  };
  const page = Number(search.page);
  return {
    ...Object.fromEntries(
      ["status", "config", "tag", "search", "within", "after", "before"].flatMap((name) =>
        isFilter(name) ? [[name, text(name)]] : [],
      ),
    ),
    ...(Number.isInteger(page) && page > 1 ? { page } : {}),
  };
}

/** The filters as the API takes them. */
export function toQuery(filters: RunFilters, now: number): ExecutionListQuery {
  const { status, config, tag, search, within, before, page = 1 } = filters;
  const after = within === undefined ? filters.after : new Date(now - Number(within) * 1000).toISOString();
  return {
    ...(status === undefined ? {} : { status: STATUSES.filter((each) => status.split(",").includes(each)) }),
    ...(config === undefined ? {} : { config_id: config }),
    ...(tag === undefined ? {} : { tag_prefix: tag }),
    ...(search === undefined ? {} : { search }),
    ...(after === undefined ? {} : { started_after: after }),
    ...(before === undefined ? {} : { started_before: before }),
    limit: RUNS_PER_PAGE,
    offset: (page - 1) * RUNS_PER_PAGE,
  };
}
