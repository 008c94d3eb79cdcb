import { Graph, layout as runLayout } from "@dagrejs/dagre";
import { edgeKey, type GraphRoute, missingRoutes, type PipelineGraphModel } from "./pipeline-graph-model.ts";

/** Pixels at a zoom of 1; the styles of a node use the same. */
export const NODE_WIDTH = 236;
export const HEAD_HEIGHT = 48;
/** Two lines of them. */
export const BADGES_HEIGHT = 50;
export const ADAPTER_HEIGHT = 28;
const PADDING = 6;
const MISSING_HEIGHT = 52;
/** Narrower than this a graph is read from the top down. */
export const NARROW = 480;
const LABEL = { width: 58, height: 20 };

/** A place, in pixels. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Where a node stands. */
export interface PlacedNode extends Point {
  readonly width: number;
  readonly height: number;
}

/** Where everything stands. */
export interface Layout {
  readonly width: number;
  readonly height: number;
  /** By the route's name, routes that are not there included. */
  readonly nodes: ReadonlyMap<string, PlacedNode>;
  /** By {@link edgeKey}: the way around other nodes, from border to border, and where its label stands. */
  readonly edges: ReadonlyMap<string, { readonly points: readonly Point[]; readonly label: Point }>;
}

/** What room a graph has, and what it must leave room for. */
export interface Room {
  readonly width: number;
  readonly height: number;
  /** Whether routes have a line of badges. */
  readonly routeBadges: boolean;
  /** Whether edges have labels. */
  readonly edgeLabels: boolean;
}

/**
 * Lays a graph out from the left to the right, or from the top down: as it can be shown larger. In a narrow room the
 * routes stand one below the other, so that they can be read.
 */
export function layOut(model: PipelineGraphModel, room: Room): Layout {
  const down = layOutIn("TB", model, room);
  if (room.width < down.width && room.width < NARROW) return layOutIn("TB", model, room, columnOf(down));
  const across = layOutIn("LR", model, room);
  // From the left to the right where both are as large: rooms are wide, and so are lines of text.
  return zoomOf(across, room) >= zoomOf(down, room) ? across : down;
}

/** A graph that would have to be smaller than this to be seen whole cannot be read: its beginning is shown instead. */
export const READABLE = 0.5;

/** How large a layout can be shown in a room; never above 1. */
export function zoomOf({ width, height }: Layout, room: Pick<Room, "width" | "height">): number {
  return Math.min(1, room.width / Math.max(1, width), room.height / Math.max(1, height));
}

/** A smooth line through points: straight at the ends, so that an arrow stands in its direction. */
export function smoothPath(points: readonly Point[]): string {
  const [first, ...rest] = points;
  const last = rest.at(-1);
  if (first === undefined || last === undefined) return "";
  let path = `M${first.x},${first.y}`;
  rest.forEach((point, index) => {
    const next = rest[index + 1];
    if (next === undefined) return;
    path += ` Q${point.x},${point.y} ${(point.x + next.x) / 2},${(point.y + next.y) / 2}`;
  });
  return `${path} L${last.x},${last.y}`;
}

/** The order of a layout's nodes, row by row. */
function columnOf({ nodes }: Layout): string[] {
  const middle = ({ y, height }: PlacedNode) => y + height / 2;
  return [...nodes].sort(([, a], [, b]) => middle(a) - middle(b) || a.x - b.x).map(([name]) => name);
}

function layOutIn(
  rankdir: "TB" | "LR",
  model: PipelineGraphModel,
  { routeBadges, edgeLabels }: Room,
  column: readonly string[] = [],
): Layout {
  const graph = new Graph<
    { rankdir: "TB" | "LR"; nodesep: number; ranksep: number; edgesep: number; width?: number; height?: number },
    { width: number; height: number; x?: number; y?: number },
    { width: number; height: number; labelpos: "c"; points?: Point[]; x?: number; y?: number }
  >();
  graph.setGraph({ rankdir, nodesep: 36, ranksep: edgeLabels ? 30 : 56, edgesep: 24 });
  for (const route of model.routes)
    graph.setNode(route.name, { width: NODE_WIDTH, height: nodeHeight(route, routeBadges) });
  for (const name of missingRoutes(model)) graph.setNode(name, { width: NODE_WIDTH, height: MISSING_HEIGHT });
  for (const { from, to } of model.edges)
    graph.setEdge(from, to, { ...(edgeLabels ? LABEL : { width: 0, height: 0 }), labelpos: "c" });
  // What holds the column together is no edge of the pipeline, and is not drawn.
  column.forEach((name, index) => {
    const below = column[index + 1];
    if (below !== undefined && !graph.hasEdge(name, below))
      graph.setEdge(name, below, { width: 0, height: 0, labelpos: "c" });
  });
  runLayout(graph);

  const nodes = new Map<string, PlacedNode>();
  for (const name of graph.nodes()) {
    const { x = 0, y = 0, width, height } = graph.node(name);
    nodes.set(name, { x: x - width / 2, y: y - height / 2, width, height });
  }
  const edges = new Map<string, { points: readonly Point[]; label: Point }>();
  for (const { from, to } of model.edges) {
    const { points = [], x, y } = graph.edge(from, to);
    const middle = points[Math.floor(points.length / 2)] ?? { x: 0, y: 0 };
    edges.set(edgeKey(from, to), { points, label: { x: x ?? middle.x, y: y ?? middle.y } });
  }
  const { width = 0, height = 0 } = graph.graph();
  return { width, height, nodes, edges };
}

function nodeHeight({ adapters }: GraphRoute, badges: boolean): number {
  return HEAD_HEIGHT + (badges ? BADGES_HEIGHT : 0) + adapters.length * ADAPTER_HEIGHT + PADDING;
}
