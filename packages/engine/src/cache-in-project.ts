import { hash } from "node:crypto";
import { DEFAULT_PROJECT } from "@millrace/protocol";
import type { ContentCache } from "./cache-port.ts";

/**
 * A project's part of the cache. What one project's runs have paid for is not another's: it was got with the key of the
 * first, and that it is there would tell what was asked.
 */
export function cacheInProject(cache: ContentCache, project: string): ContentCache {
  // What is kept of the time before there were projects is this one's.
  if (project === DEFAULT_PROJECT) return cache;
  const keyOf = (key: string) => hash("sha256", `${project}/${key}`);
  return {
    async get(keys) {
      const found = await cache.get(keys.map(keyOf));
      return new Map(
        keys.flatMap((key) => {
          const value = found.get(keyOf(key));
          return value === undefined ? [] : [[key, value] as const];
        }),
      );
    },
    put: (entries) => cache.put(entries.map(({ key, value }) => ({ key: keyOf(key), value }))),
  };
}
