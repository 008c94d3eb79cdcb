import type { ContentCache } from "@millrace/engine";

/** A cache that lasts as long as a test. */
export function memoryCache(): ContentCache & { readonly entries: Map<string, Uint8Array> } {
  const entries = new Map<string, Uint8Array>();
  return {
    entries,
    async get(keys) {
      return new Map(
        keys.flatMap((key) => (entries.has(key) ? [[key, entries.get(key) ?? new Uint8Array()] as const] : [])),
      );
    },
    async put(all) {
      for (const { key, value } of all) entries.set(key, Buffer.from(value));
    },
  };
}
