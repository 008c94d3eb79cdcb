import "@xyflow/react/dist/base.css";
import { useElementSize } from "@mantine/hooks";
import { MarkerType, ReactFlow, ReactFlowProvider, useReactFlow } from "@xyflow/react";
import { useCallback, useEffect, useMemo, useState } from "react";
import { FlowEdge, type FlowEdgeType } from "./flow-edge.tsx";
import { GraphContext } from "./graph-context.ts";
import { GraphControls } from "./graph-controls.tsx";
import { type Layout, layOut, NARROW, type PlacedNode, READABLE, zoomOf } from "./layout.ts";
import classes from "./pipeline-graph.module.css";
import { edgeKey, type GraphBadges, missingRoutes, type PipelineGraphModel } from "./pipeline-graph-model.ts";
import { RouteNode, type RouteNodeType } from "./route-node.tsx";

/** What a graph shows. */
export interface PipelineGraphProps {
  readonly model: PipelineGraphModel;
  /** What the graph is read out as. */
  readonly label: string;
  /** Counters and the like. */
  readonly badges?: GraphBadges;
  /** A route's name, or an adapter's key (`adapterKey`); null for none. */
  readonly selected?: string | null;
  /** Called when a route or an adapter is chosen, and with null when the choice is taken back. Without it there are no choices. */
  readonly onSelect?: (selected: string | null) => void;
}

const NODE_TYPES = { route: RouteNode };
const EDGE_TYPES = { flow: FlowEdge };

const MARGIN = 16;

/**
 * A pipeline's routes with their adapters, and where messages go. It fills its parent, which must have a height; on
 * narrow screens it takes the height that it needs, and nothing in it moves under a finger that scrolls the page.
 * Routes and adapters are buttons, in the pipeline's order; Escape takes a choice back.
 */
export function PipelineGraph(props: PipelineGraphProps) {
  return (
    <ReactFlowProvider>
      <Graph {...props} />
    </ReactFlowProvider>
  );
}

function Graph({ model, label, badges, selected = null, onSelect }: PipelineGraphProps) {
  const { ref, width, height } = useElementSize();
  const isNarrow = width > 0 && width < NARROW;
  const routeBadges = badges?.routes !== undefined;
  const edgeLabels = badges?.edges !== undefined;
  const layout = useMemo(() => {
    if (width === 0) return null;
    return layOut(model, { width: width - 2 * MARGIN, height: height - 2 * MARGIN, routeBadges, edgeLabels });
  }, [model, width, height, routeBadges, edgeLabels]);
  const flow = useMemo(
    () => (layout === null ? null : toFlow(model, layout, routeBadges)),
    [model, layout, routeBadges],
  );
  const state = useMemo(() => ({ badges, selected, onSelect }), [badges, selected, onSelect]);
  const needed = isNarrow && layout !== null ? neededHeight(layout, width) : null;
  const first = layout?.nodes.get(model.start ?? model.routes[0]?.name ?? "");
  const room = useMemo(() => ({ width, height: needed ?? height }), [width, height, needed]);

  return (
    <section
      ref={ref}
      className={classes.graph}
      style={needed === null ? undefined : { height: needed }}
      data-narrow={isNarrow || undefined}
      aria-label={label}
      onKeyDown={(event) => {
        if (event.key === "Escape" && selected !== null) onSelect?.(null);
      }}
    >
      {flow === null || layout === null ? null : (
        <GraphContext value={state}>
          <Canvas {...flow} layout={layout} first={first} isNarrow={isNarrow} room={room} onSelect={onSelect} />
        </GraphContext>
      )}
    </section>
  );
}

function Canvas({
  nodes,
  edges,
  layout,
  first,
  isNarrow,
  room,
  onSelect,
}: {
  nodes: RouteNodeType[];
  edges: FlowEdgeType[];
  layout: Layout;
  /** Where the pipeline begins. */
  first: PlacedNode | undefined;
  isNarrow: boolean;
  room: { readonly width: number; readonly height: number };
  onSelect: ((selected: string | null) => void) | undefined;
}) {
  const { getViewport, setCenter, setViewport } = useReactFlow();
  const [isMoved, setMoved] = useState(false);
  const show = useCallback(
    (smallest: number) => {
      setMoved(false);
      const whole = zoomOf(layout, { width: room.width - 2 * MARGIN, height: room.height - 2 * MARGIN });
      const zoom = Math.max(whole, smallest);
      const place = (space: number, size: number, from: number) => {
        const middle = (space - size * zoom) / 2;
        // What does not fit is shown from where the pipeline begins.
        return middle >= 0 || first === undefined ? middle : Math.min(MARGIN, from);
      };
      const x = place(room.width, layout.width, MARGIN - (first?.x ?? 0) * zoom);
      const y = place(
        room.height,
        layout.height,
        room.height / 2 - ((first?.y ?? 0) + (first?.height ?? 0) / 2) * zoom,
      );
      void setViewport({ x, y, zoom });
    },
    [setViewport, layout, room, first],
  );
  const fit = useCallback(() => show(0), [show]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: once the reader has moved the view, it stays.
  useEffect(() => {
    if (!isMoved || isNarrow) show(isNarrow ? 0 : READABLE);
  }, [show, isNarrow]);

  /** What has the keyboard's focus must be seen. */
  const showFocused = (element: Element) => {
    const frame = element.closest(`.${classes.graph}`)?.getBoundingClientRect();
    const box = element.getBoundingClientRect();
    if (frame === undefined || !element.matches(":focus-visible")) return;
    if (box.left >= frame.left && box.right <= frame.right && box.top >= frame.top && box.bottom <= frame.bottom)
      return;
    const { x, y, zoom } = getViewport();
    void setCenter(
      (box.left + box.width / 2 - frame.left - x) / zoom,
      (box.top + box.height / 2 - frame.top - y) / zoom,
      { zoom },
    );
  };

  return (
    <ReactFlow
      nodes={nodes}
      edges={edges}
      nodeTypes={NODE_TYPES}
      edgeTypes={EDGE_TYPES}
      // Buttons within: no drawing board that takes all keys.
      ref={(element) => element?.setAttribute("role", "group")}
      onFocus={({ target }) => showFocused(target)}
      minZoom={0.02}
      maxZoom={2}
      nodesDraggable={false}
      nodesConnectable={false}
      nodesFocusable={false}
      edgesFocusable={false}
      elementsSelectable={false}
      disableKeyboardA11y
      selectionKeyCode={null}
      multiSelectionKeyCode={null}
      panActivationKeyCode={null}
      deleteKeyCode={null}
      // The wheel scrolls the page; with Control (or Command) it zooms.
      zoomOnScroll={false}
      preventScrolling={false}
      zoomOnDoubleClick={false}
      panOnDrag={!isNarrow}
      zoomOnPinch={!isNarrow}
      onMoveStart={(event) => {
        if (event !== null) setMoved(true);
      }}
      onPaneClick={() => onSelect?.(null)}
    >
      {isNarrow ? null : <GraphControls onFit={fit} />}
    </ReactFlow>
  );
}

/** The height that a layout takes when it is as wide as its room. */
function neededHeight(layout: Layout, width: number): number {
  return Math.ceil(layout.height * Math.min(1, (width - 2 * MARGIN) / Math.max(1, layout.width))) + 2 * MARGIN;
}

function toFlow(
  model: PipelineGraphModel,
  layout: Layout,
  badged: boolean,
): { nodes: RouteNodeType[]; edges: FlowEdgeType[] } {
  const missing = new Set(missingRoutes(model));
  const routes = [...model.routes, ...[...missing].map((name) => ({ name, label: null, adapters: [] }))];
  const nodes = routes.map((route): RouteNodeType => {
    const { x, y, width, height } = layout.nodes.get(route.name) ?? { x: 0, y: 0, width: 0, height: 0 };
    return {
      id: route.name,
      type: "route",
      position: { x, y },
      width,
      height,
      data: {
        route,
        badged,
        starts: model.start === route.name,
        missing: missing.has(route.name),
        targets: model.edges.filter(({ from }) => from === route.name).map(({ to }) => to),
      },
    };
  });
  const edges = model.edges.map(({ from, to, kind }): FlowEdgeType => {
    const id = edgeKey(from, to);
    const { points, label } = layout.edges.get(id) ?? { points: [], label: { x: 0, y: 0 } };
    return {
      id,
      type: "flow",
      source: from,
      target: to,
      markerEnd: { type: MarkerType.ArrowClosed, width: 16, height: 16, color: "var(--graph-arrow)" },
      data: { points, label, from, to, routed: kind === "routed", missing: missing.has(to) },
    };
  });
  return { nodes, edges };
}
