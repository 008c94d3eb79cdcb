import { BaseEdge, type Edge, EdgeLabelRenderer, type EdgeProps } from "@xyflow/react";
import { memo, use } from "react";
import classes from "./flow-edge.module.css";
import { GraphContext } from "./graph-context.ts";
import { type Point, smoothPath } from "./layout.ts";

/** Where messages go, by the way that the layout found. */
export type FlowEdgeType = Edge<
  { points: readonly Point[]; label: Point; from: string; to: string; routed: boolean; missing: boolean },
  "flow"
>;

/** A line from a route to another; dashed where an adapter chooses it. */
export const FlowEdge = memo(function FlowEdge({ id, data, markerEnd }: EdgeProps<FlowEdgeType>) {
  const { badges, selected } = use(GraphContext);
  if (data === undefined) return null;
  const { points, label, from, to, routed, missing } = data;
  const text = badges?.edges?.get(id);
  const route = selected?.split("/", 1)[0];
  return (
    <>
      <BaseEdge
        path={smoothPath(points)}
        {...(markerEnd === undefined ? {} : { markerEnd })}
        className={classes.line}
        data-routed={routed || undefined}
        data-missing={missing || undefined}
        data-selected={route === from || route === to || undefined}
      />
      {text === undefined ? null : (
        <EdgeLabelRenderer>
          <div
            className={classes.label}
            style={{ transform: `translate(-50%, -50%) translate(${label.x}px, ${label.y}px)` }}
            title={`${text} messages from ${from} to ${to}`}
          >
            {text}
          </div>
        </EdgeLabelRenderer>
      )}
    </>
  );
});
