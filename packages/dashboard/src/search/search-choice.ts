import type { SearchMode, SearchQueryText } from "@millrace/client";

/** What is searched for, as it stands in the page's address. */
export interface SearchChoice {
  readonly collection?: string;
  readonly q?: string;
  readonly mode?: SearchMode;
  /** As the API takes them: `field:value`. */
  readonly filter?: readonly string[];
  /** From 1. */
  readonly page?: number;
}

/** Results on a page. */
export const RESULTS_PER_PAGE = 10;

/** The last page that the service pages to. */
const LAST_PAGE = 1_000;

const MODES: readonly SearchMode[] = ["keyword", "vector", "hybrid"];

/** Reads it from an address; what does not belong there is left out. */
export function readSearchChoice(search: Record<string, unknown>): SearchChoice {
  const text = (name: string) => {
    const value = search[name];
    // The router reads what looks like a number as one.
    return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "";
  };
  const mode = MODES.find((each) => each === search.mode);
  const filter = Array.isArray(search.filter) ? search.filter.filter((each) => typeof each === "string") : [];
  const page = Number(search.page);
  return {
    ...(text("collection") === "" ? {} : { collection: text("collection") }),
    ...(text("q") === "" ? {} : { q: text("q") }),
    ...(mode === undefined ? {} : { mode }),
    ...(filter.length === 0 ? {} : { filter }),
    ...(Number.isInteger(page) && page > 1 && page <= LAST_PAGE ? { page } : {}),
  };
}

/** What the service is asked; null while nothing is searched for. */
export function toSearchQuery(collection: string, { q, mode, filter, page = 1 }: SearchChoice): SearchQueryText | null {
  if (q === undefined) return null;
  return {
    collection,
    q,
    ...(mode === undefined ? {} : { mode }),
    ...(filter === undefined ? {} : { filter: [...filter] }),
    limit: RESULTS_PER_PAGE,
    offset: (page - 1) * RESULTS_PER_PAGE,
  };
}
