/** What a list is narrowed by, as it stands in the address. */
export interface SearchText {
  readonly search?: string;
}

/** Reads what is searched for from an address. */
export function readSearchText({ search }: Record<string, unknown>): SearchText {
  // The router reads what looks like a number as one.
  const text = typeof search === "string" || typeof search === "number" ? String(search) : "";
  return text === "" ? {} : { search: text };
}

/** Whether each word of a search is somewhere in a text, in any case. */
export function matchesSearch(text: string, search: string): boolean {
  const lower = text.toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => lower.includes(word));
}
