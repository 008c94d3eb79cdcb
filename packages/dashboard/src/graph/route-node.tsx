import { VisuallyHidden } from "@mantine/core";
import { Handle, type Node, type NodeProps, Position } from "@xyflow/react";
import { CircleAlert, Play } from "lucide-react";
import { memo, use } from "react";
import { Badges } from "./badges.tsx";
import { GraphContext } from "./graph-context.ts";
import { adapterKey, type GraphBadge, type GraphRoute } from "./pipeline-graph-model.ts";
import classes from "./route-node.module.css";

/** A route's node, or that of a name which no route has. */
export type RouteNodeType = Node<
  { route: GraphRoute; starts: boolean; missing: boolean; targets: readonly string[]; badged: boolean },
  "route"
>;

/** A route and its chain; each a button where something can be selected. */
export const RouteNode = memo(function RouteNode({ data }: NodeProps<RouteNodeType>) {
  const { route, starts, missing, targets, badged } = data;
  const { badges, selected, onSelect } = use(GraphContext);
  const routeBadges = badges?.routes?.get(route.name) ?? [];
  return (
    <div
      className={classes.node}
      data-missing={missing || undefined}
      data-selected={selected === route.name || undefined}
    >
      <Anchors />
      <Part selectable={missing ? undefined : onSelect} id={route.name} selected={selected} className={classes.head}>
        {starts ? <Play size={13} className={classes.start} aria-label="The first message goes here" /> : null}
        {missing ? <CircleAlert size={14} className={classes.start} aria-hidden /> : null}
        <span className={classes.names}>
          <span className={classes.name}>{route.name}</span>
          {missing ? (
            <span className={classes.label}>There is no such route</span>
          ) : route.label === null ? null : (
            <span className={classes.label}>{route.label}</span>
          )}
        </span>
        <Mark badge={badges?.marks?.get(route.name)} />
        <VisuallyHidden>{targets.length === 0 ? "" : `, goes to ${targets.join(", ")}`}</VisuallyHidden>
      </Part>
      {badged && !missing ? (
        <div className={classes.badges}>
          <Badges badges={routeBadges} />
        </div>
      ) : null}
      {route.adapters.map(({ name, type }) => {
        const key = adapterKey(route.name, name);
        return (
          <Part key={key} selectable={onSelect} id={key} selected={selected} className={classes.adapter}>
            <span className={classes.adapterName}>{name}</span>
            {type === name ? null : <span className={classes.type}>{type}</span>}
            <span className={classes.adapterBadges}>
              <Badges badges={badges?.adapters?.get(key) ?? []} />
              <Mark badge={badges?.marks?.get(key)} />
            </span>
          </Part>
        );
      })}
    </div>
  );
});

function Mark({ badge }: { badge: GraphBadge | undefined }) {
  if (badge === undefined) return null;
  return (
    <span className={classes.mark}>
      <Badges badges={[badge]} />
    </span>
  );
}

function Part({
  id,
  selected,
  selectable,
  className,
  children,
}: {
  id: string;
  selected: string | null;
  selectable: ((selected: string | null) => void) | undefined;
  className: string | undefined;
  children: React.ReactNode;
}) {
  if (selectable === undefined) return <div className={className}>{children}</div>;
  const isSelected = selected === id;
  return (
    <button
      type="button"
      // The names of the library: a click here neither drags the node nor the graph.
      className={`${className} ${classes.part} nodrag nopan`}
      aria-pressed={isSelected}
      onClick={() => selectable(isSelected ? null : id)}
    >
      {children}
    </button>
  );
}

/** Edges know their own way; the library wants to see where they could be fastened. */
function Anchors() {
  return (
    <>
      <Handle type="target" position={Position.Top} isConnectable={false} className={classes.anchor} />
      <Handle type="source" position={Position.Bottom} isConnectable={false} className={classes.anchor} />
    </>
  );
}
