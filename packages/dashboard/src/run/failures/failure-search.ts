/** Which failures are looked at, as it stands in the page's address. */
export interface FailureSearch {
  readonly route?: string;
  readonly adapter?: string;
  readonly code?: string;
  /** A message's id. */
  readonly message?: string;
}

/** Reads it from an address; what does not belong there is left out. */
export function readFailureSearch(search: Record<string, unknown>): FailureSearch {
  return Object.fromEntries(
    ["route", "adapter", "code", "message"].flatMap((name) => {
      const value = search[name];
      return value === undefined || value === null || value === "" ? [] : [[name, String(value)]];
    }),
  );
}
