/**
 * Answers that are dear to get and always the same, as those of models, kept over all runs by what was asked. What is
 * kept may be gone at any time: an entry that is not there is asked for anew.
 */
export interface ContentCache {
  /** Those of the keys that are kept. A cache that cannot be read has none. */
  get(keys: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>>;
  /** Keeps entries; one of the same key is replaced. What does not fit is not kept, and the oldest used make room. */
  put(entries: readonly CacheEntry[]): Promise<void>;
}

/** What is kept, and under what key: a SHA-256 in hexadecimal over all that the answer depends on. */
export interface CacheEntry {
  readonly key: string;
  readonly value: Uint8Array;
}
