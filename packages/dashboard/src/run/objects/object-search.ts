/** Which objects of a run are shown, as it stands in the page's address. */
export interface ObjectSearch {
  /** How their keys go on behind the run's own folder. */
  readonly folder?: string;
  /** The one that is shown, behind the run's own folder. */
  readonly object?: string;
}

/** Reads it from an address; what does not belong there is left out. */
export function readObjectSearch(search: Record<string, unknown>): ObjectSearch {
  return Object.fromEntries(
    ["folder", "object"].flatMap((name) => {
      const value = search[name];
      return value === undefined || value === null || value === "" ? [] : [[name, String(value)]];
    }),
  );
}
