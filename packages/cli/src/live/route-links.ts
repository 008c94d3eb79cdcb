import type { JsonObject, JsonValue } from "@millrace/protocol";

/** From which routes messages may reach each route, over any number of steps; one in a circle reaches itself. */
export type Upstream = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * Reads off a pipeline's document which routes may send to which: by `outbound`, or by a name of a route that stands in an
 * adapter's config, as `switch` has them. What an adapter of one's own works out in code is not seen.
 */
export function upstreamOf(document: JsonValue | undefined): Upstream {
  const routes = isObject(document) && isObject(document.routes) ? document.routes : {};
  const into = new Map<string, Set<string>>(Object.keys(routes).map((route) => [route, new Set()]));
  for (const [from, route] of Object.entries(routes)) {
    if (!isObject(route)) continue;
    for (const text of textsOf([route.outbound ?? null, route.adapters ?? null])) into.get(text)?.add(from);
  }
  const upstream = new Map<string, Set<string>>();
  for (const [route, direct] of into) {
    const reached = new Set(direct);
    for (const next of reached) for (const from of into.get(next) ?? []) reached.add(from);
    upstream.set(route, reached);
  }
  return upstream;
}

function* textsOf(value: JsonValue): Generator<string> {
  if (typeof value === "string") yield value;
  else if (Array.isArray(value)) for (const item of value) yield* textsOf(item);
  else if (isObject(value)) for (const item of Object.values(value)) yield* textsOf(item);
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
