import type { JsonObject, JsonValue, KeepPayloads } from "@millrace/protocol";

/** Whether messages of a route keep their payloads that did not fail. `own`: what its pipeline says of it. */
export function keepsAll(own: KeepPayloads | null, otherwise: KeepPayloads): boolean {
  return (own ?? otherwise) === "all";
}

/** The routes of which that is true, by the document that was frozen with an execution: for one that does not load. */
export function routesThatKeep({ document }: JsonObject, otherwise: KeepPayloads): string[] {
  const { routes, keep_payloads: general = otherwise } = mapping(document);
  return Object.entries(mapping(routes))
    .filter(([, route]) => (mapping(route).keep_payloads ?? general) === "all")
    .map(([name]) => name);
}

function mapping(value: JsonValue | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}
