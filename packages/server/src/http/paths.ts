import type { Endpoint } from "./endpoint.ts";

/** Which methods each path takes: for `OPTIONS`, for 405 and for preflights. */
export class Paths {
  readonly #paths: { readonly pattern: RegExp; readonly methods: Set<string> }[] = [];

  constructor(endpoints: readonly Pick<Endpoint, "method" | "path" | "rest">[]) {
    const byPath = Map.groupBy(endpoints, ({ path }) => path);
    for (const [path, those] of byPath) {
      const rest = those[0]?.rest;
      const methods = new Set<string>();
      for (const { method } of those) {
        methods.add(method);
        if (method === "GET") methods.add("HEAD");
      }
      methods.add("OPTIONS");
      const escaped = path
        .replaceAll(/[.*+?^$()|[\]\\]/g, "\\$&")
        .replaceAll(/\{(\w+)\}/g, (_all, name) => (name === rest ? ".+" : "[^/]+"));
      this.#paths.push({ pattern: new RegExp(`^${escaped}/?$`), methods });
    }
  }

  /** The methods that any path takes. */
  get allMethods(): readonly string[] {
    return [...new Set(this.#paths.flatMap(({ methods }) => [...methods]))];
  }

  /** The methods that a request's URL takes; null where there is no such path. */
  methodsOf(url: string): readonly string[] | null {
    const path = pathOf(url);
    // A parameter's pattern matches a fixed segment as well: methods of all that match count.
    const found = this.#paths.filter(({ pattern }) => pattern.test(path));
    return found.length === 0 ? null : [...new Set(found.flatMap(({ methods }) => [...methods]))];
  }
}

/** The path of a request's URL, without the query; of one in absolute form, without scheme and host. */
export function pathOf(url: string): string {
  const relative = url.startsWith("/") ? url : url.replace(/^https?:\/\/[^/?#]*/i, "");
  return relative.split(/[?#]/, 1)[0] || "/";
}
