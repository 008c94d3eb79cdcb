/** An adapter of a route's chain, as a graph shows it. */
export interface GraphAdapter {
  /** Its name in the route. */
  readonly name: string;
  readonly type: string;
}

/** A route, as a graph shows it. */
export interface GraphRoute {
  readonly name: string;
  /** Its name for people. */
  readonly label: string | null;
  /** In order. */
  readonly adapters: readonly GraphAdapter[];
}

/** Where a route's messages go. */
export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  /** To every `outbound` route goes each message; an adapter of the chain chose a `routed` one. */
  readonly kind: "outbound" | "routed";
}

/** A pipeline as a graph. Keep the object as long as the pipeline is the same: a new one is laid out anew. */
export interface PipelineGraphModel {
  /** In the pipeline's order. */
  readonly routes: readonly GraphRoute[];
  /** At most one from a route to another. One to a route that is not there is shown as such. */
  readonly edges: readonly GraphEdge[];
  /** The route of the first message. */
  readonly start: string | null;
}

/** How a badge is to be taken; the text says it too. */
export type BadgeTone = "good" | "active" | "warning" | "bad" | "quiet";

/** A word or figure beside a route or an adapter. */
export interface GraphBadge {
  /** Short: a route has room for about 60 characters in all, an adapter for about 12. */
  readonly text: string;
  readonly tone: BadgeTone;
  /** The whole of it, for who points at it or has it read out. */
  readonly title: string;
}

/**
 * What stands beside the parts of a graph and changes while it is shown; a new object every frame is fine, for nothing
 * is laid out anew as long as the same of `routes` and `edges` are given.
 */
export interface GraphBadges {
  /** One beside a route's or an adapter's name, by the route's name or {@link adapterKey}; no room is kept for it. */
  readonly marks?: ReadonlyMap<string, GraphBadge>;
  /** In a line of their own, which every route then has room for, by the route's name. */
  readonly routes?: ReadonlyMap<string, readonly GraphBadge[]>;
  /** By {@link adapterKey}. */
  readonly adapters?: ReadonlyMap<string, readonly GraphBadge[]>;
  /** By {@link edgeKey}; short, as `1.2M`. Edges then leave room for it. */
  readonly edges?: ReadonlyMap<string, string>;
}

/** What an adapter is known by: in badges, and as what is selected. A route is known by its name. */
export function adapterKey(route: string, adapter: string): string {
  return `${route}/${adapter}`;
}

/** What an edge is known by. */
export function edgeKey(from: string, to: string): string {
  return `${from}>${to}`;
}

/** The routes that are named as targets and are not there. */
export function missingRoutes({ routes, edges }: PipelineGraphModel): string[] {
  const present = new Set(routes.map(({ name }) => name));
  return [...new Set(edges.map(({ to }) => to))].filter((name) => !present.has(name));
}
