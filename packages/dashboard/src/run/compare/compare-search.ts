/** What another run is compared with, as it stands in the page's address. */
export interface CompareSearch {
  /** Its id or tag. */
  readonly with?: string;
}

/** Reads it from an address. */
export function readCompareSearch(search: Record<string, unknown>): CompareSearch {
  return typeof search.with === "string" && search.with !== "" ? { with: search.with } : {};
}
