import type { JsonObject, JsonValue } from "@millrace/client";
import type { GraphEdge, GraphRoute, PipelineGraphModel } from "../graph/pipeline-graph-model.ts";
import { applying, asObject, schemasAt } from "../schema/json-schema.ts";
import { parseYaml, toPlain } from "./parse.ts";

/** What can be read of a pipeline that is being written. */
export interface Outline {
  readonly graph: PipelineGraphModel;
  readonly name: string | null;
  /** The first message's payload; null where there is no first message. */
  readonly initPayload: JsonObject | null;
}

/** Null where the text is no mapping with routes, or is broken. */
export function readOutline(text: string, schema: JsonObject): Outline | null {
  const document = parseYaml(text);
  const root = asObject(toPlain(document));
  if (document.errors.length > 0 || Object.keys(root).length === 0) return null;
  const routes: GraphRoute[] = [];
  const edges = new Map<string, GraphEdge>();
  for (const [name, value] of Object.entries(asObject(root.routes))) {
    const route = asObject(value);
    const adapters = Array.isArray(route.adapters) ? route.adapters.map(asObject) : [];
    routes.push({
      name,
      label: typeof route.name === "string" ? route.name : null,
      adapters: distinct(
        adapters.map(({ type, name: own }) => {
          const kind = typeof type === "string" ? type : "?";
          return { type: kind, name: typeof own === "string" && own !== "" ? own : kind };
        }),
      ),
    });
    const link = (to: JsonValue, kind: GraphEdge["kind"]) => {
      if (typeof to !== "string" || to === "") return;
      const key = JSON.stringify([name, to]);
      if (!edges.has(key)) edges.set(key, { from: name, to, kind });
    };
    for (const to of Array.isArray(route.outbound) ? route.outbound : []) link(to, "outbound");
    adapters.forEach(({ config }, index) => {
      const path = ["routes", name, "adapters", index, "config"];
      for (const to of routesNamed(schema, schemasAt(schema, path, root), config)) link(to, "routed");
    });
  }
  const first = asObject(root.init_message);
  return {
    graph: { routes, edges: [...edges.values()], start: typeof first.route === "string" ? first.route : null },
    name: typeof root.name === "string" ? root.name : null,
    initPayload: root.init_message === undefined ? null : asObject(first.payload),
  };
}

/** The texts in a value whose fields take a route's name. */
function routesNamed(root: JsonObject, schemas: readonly JsonObject[], value: JsonValue | undefined): string[] {
  if (typeof value === "string") return schemas.some(({ format }) => format === "route") ? [value] : [];
  if (typeof value !== "object" || value === null) return [];
  const entries: [string | number, JsonValue][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return entries.flatMap(([part, inner]) => {
    const child = (schema: JsonObject) =>
      typeof part === "number" ? schema.items : (asObject(schema.properties)[part] ?? schema.additionalProperties);
    const inside = schemas.flatMap((schema) => applying(root, asObject(child(schema)), inner));
    return routesNamed(root, inside, inner);
  });
}

/** While a second adapter of a type has no name of its own yet, they are told apart by a number. */
function distinct(adapters: { name: string; type: string }[]): { name: string; type: string }[] {
  const seen = new Map<string, number>();
  return adapters.map(({ name, type }) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return { name: count === 1 ? name : `${name} ${count}`, type };
  });
}
