/** What the list of runs is narrowed by, as it stands in the page's address. */
export interface RunFilters {
  /** Several, separated by commas. */
  readonly status?: string;
  /** A config's id. */
  readonly config?: string;
  readonly tag?: string;
  /** Found in ids, tags and the names of configs. */
  readonly search?: string;
  /** RFC 3339. */
  readonly after?: string;
  readonly before?: string;
  /** From 1. */
  readonly page?: number;
}

/** Runs on a page. */
export const RUNS_PER_PAGE = 50;

/** Reads filters from an address; what is no filter is left out. */
export function readRunFilters(search: Record<string, unknown>): RunFilters {
  const text = (name: string) => {
    const value = search[name];
    // The router reads what looks like a number as one.
    return typeof value === "string" || typeof value === "number" ? String(value) : "";
  };
  const page = Number(search.page);
  return {
    ...Object.fromEntries(
      ["status", "config", "tag", "search", "after", "before"].flatMap((name) =>
        text(name) === "" ? [] : [[name, text(name)]],
      ),
    ),
    ...(Number.isInteger(page) && page > 1 ? { page } : {}),
  };
}

/** The filters as the API takes them. */
export function toQuery({ status, config, tag, search, after, before, page = 1 }: RunFilters) {
  return {
    ...(status === undefined ? {} : { status }),
    ...(config === undefined ? {} : { config_id: config }),
    ...(tag === undefined ? {} : { tag }),
    ...(search === undefined ? {} : { search }),
    ...(after === undefined ? {} : { started_after: after }),
    ...(before === undefined ? {} : { started_before: before }),
    limit: RUNS_PER_PAGE,
    offset: (page - 1) * RUNS_PER_PAGE,
  };
}
