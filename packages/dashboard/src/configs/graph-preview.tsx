import { Text } from "@mantine/core";
import type { Finding } from "@millrace/client";
import { useMemo } from "react";
import { PipelineGraph } from "../graph/pipeline-graph.tsx";
import { adapterKey, type GraphBadge, type PipelineGraphModel } from "../graph/pipeline-graph-model.ts";
import classes from "./graph-preview.module.css";
import type { LiveOutline } from "./use-outline.ts";

/** The pipeline as it will be, beside its text. */
export function GraphPreview({
  live: { outline, isBroken },
  findings,
  selected,
  onSelect,
}: {
  live: LiveOutline;
  findings: readonly Finding[];
  selected: string | null;
  onSelect: (selected: string | null) => void;
}) {
  const graph = outline?.graph ?? null;
  const badges = useMemo(() => (graph === null ? {} : { marks: marksOf(graph, findings) }), [graph, findings]);
  const isEmpty = graph === null || graph.routes.length === 0;
  return (
    <div className={classes.preview}>
      {isBroken && !isEmpty ? (
        <Text size="sm" className={classes.note}>
          The text cannot be read as it is. This is the graph of what it was before.
        </Text>
      ) : null}
      <div className={classes.graph} data-stale={(isBroken && !isEmpty) || undefined}>
        {isEmpty ? (
          <Text size="sm" className={classes.empty}>
            {isBroken
              ? "The text cannot be read as a pipeline."
              : "The graph of the routes is drawn here, once there are some."}
          </Text>
        ) : (
          <PipelineGraph
            model={graph}
            label="The pipeline's graph"
            badges={badges}
            selected={selected}
            onSelect={onSelect}
          />
        )}
      </div>
    </div>
  );
}

/** How many findings there are on each route, and on each adapter. */
function marksOf({ routes }: PipelineGraphModel, findings: readonly Finding[]): Map<string, GraphBadge> {
  const found = new Map<string, { errors: number; warnings: number }>();
  for (const { path, severity } of findings) {
    const [, route, index] = /^routes\.([^.[]+)(?:\.adapters\[(\d+)\])?/.exec(path) ?? [];
    if (route === undefined) continue;
    const adapter = routes.find(({ name }) => name === route)?.adapters[Number(index)];
    const key = adapter === undefined ? route : adapterKey(route, adapter.name);
    const count = found.get(key) ?? { errors: 0, warnings: 0 };
    count[severity === "error" ? "errors" : "warnings"] += 1;
    found.set(key, count);
  }
  return new Map(
    [...found].map(([key, { errors, warnings }]) => {
      const text = [count(errors, "error"), count(warnings, "warning")].filter((words) => words !== "").join(", ");
      return [key, { text, title: text, tone: errors > 0 ? "bad" : "warning" }];
    }),
  );
}

function count(n: number, what: string): string {
  return n === 0 ? "" : `${n} ${what}${n === 1 ? "" : "s"}`;
}
