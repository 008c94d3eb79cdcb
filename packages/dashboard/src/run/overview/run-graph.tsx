import { Paper, Title } from "@mantine/core";
import type { Dag, Execution, ExecutionStats, ProgressData } from "@millrace/client";
import { useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import { formatCount, formatRate, formatShort } from "../../format/number.ts";
import { PipelineGraph } from "../../graph/pipeline-graph.tsx";
import {
  adapterKey,
  edgeKey,
  type GraphBadge,
  type GraphBadges,
  type PipelineGraphModel,
} from "../../graph/pipeline-graph-model.ts";
import { useRun } from "../run-context.ts";
import classes from "./run-graph.module.css";
import { useAdapterRates } from "./use-adapter-rates.ts";

/** The pipeline of a run, with where its messages are and went; a route leads to its events. */
export function RunGraph({
  dag,
  progress,
  stats,
  over,
}: {
  dag: Dag;
  progress: ProgressData | null;
  stats: ExecutionStats | undefined;
  over: boolean;
}) {
  const run = useRun();
  const navigate = useNavigate();
  const outline = JSON.stringify([dag.nodes.map(({ id }) => id), dag.edges.map(({ from, to }) => [from, to])]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: counts change all the time, and must not lay it out anew.
  const model = useMemo(() => toModel(dag, run), [outline]);
  const rates = useAdapterRates(stats, over);
  const badges = useMemo(() => toBadges(dag, progress, stats, rates, over), [dag, progress, stats, rates, over]);
  return (
    <Paper withBorder>
      <Title order={2} size="h4" p="md" pb={0}>
        Pipeline
      </Title>
      <div className={classes.graph}>
        <PipelineGraph
          model={model}
          label="The pipeline of this run: choose a route to see its events"
          badges={badges}
          onSelect={(selected) => {
            if (selected === null) return;
            const [route = ""] = selected.split("/");
            void navigate({
              to: "/runs/$id/events",
              params: { id: run.tag ?? run.id },
              search: { routes: route },
            });
          }}
        />
      </div>
    </Paper>
  );
}

function toModel(
  { nodes, edges }: Dag,
  { config_snapshot: snapshot }: Pick<Execution, "config_snapshot">,
): PipelineGraphModel {
  const routeOf = new Map(nodes.map(({ id, route }) => [id, route]));
  const outbound = new Set(
    edges.filter(({ kind }) => kind === "outbound").map(({ from, to }) => edgeKey(routeOf.get(from) ?? from, to)),
  );
  const { init_message: first } = snapshot;
  const start = typeof first === "object" && first !== null && "route" in first ? first.route : null;
  return {
    routes: nodes
      .filter(({ kind }) => kind === "route")
      .map(({ route, label }) => ({
        name: route,
        label: label === route ? null : label,
        adapters: nodes
          .filter((node) => node.kind === "adapter" && node.route === route)
          .map(({ adapter, type }) => ({ name: adapter ?? "", type: type ?? "" })),
      })),
    edges: [...outbound].map((key) => {
      const [from = "", to = ""] = key.split(">");
      return { from, to, kind: "outbound" };
    }),
    start: typeof start === "string" ? start : null,
  };
}

function toBadges(
  { edges, nodes }: Dag,
  progress: ProgressData | null,
  stats: ExecutionStats | undefined,
  rates: ReadonlyMap<string, number>,
  over: boolean,
): GraphBadges {
  const routeOf = new Map(nodes.map(({ id, route }) => [id, route]));
  return {
    routes: new Map(
      (progress?.routes ?? []).map((route) => [
        route.route,
        [
          badge(route.queued + route.retrying, "to do", "quiet", over),
          badge(route.running, "running", "active", over),
          badge(route.completed, "done", "good"),
          badge(route.failed, "failed", "bad"),
          ...(over || route.rate === 0
            ? []
            : [{ text: formatRate(route.rate), tone: "quiet" as const, title: `${formatRate(route.rate)} settled` }]),
        ].flatMap((each) => each ?? []),
      ]),
    ),
    adapters: new Map(
      (stats?.routes ?? []).flatMap(({ route, adapters }) =>
        adapters.map(({ name, runs, failures }): [string, GraphBadge[]] => {
          const rate = rates.get(adapterKey(route, name)) ?? 0;
          const ran = { text: formatShort(runs), tone: "quiet" as const, title: `It ran ${formatCount(runs)} times` };
          const fast = { text: formatRate(rate), tone: "active" as const, title: `It runs ${formatRate(rate)}` };
          const badly = badge(failures, "failed", "bad");
          return [
            adapterKey(route, name),
            // There is room for two; what failed matters most.
            [...(badly === null ? [] : [badly]), ...(rate > 0 ? [fast] : runs > 0 ? [ran] : [])],
          ];
        }),
      ),
    ),
    edges: new Map(
      edges
        .filter(({ kind, count }) => kind === "outbound" && count > 0)
        .map(({ from, to, count }) => [edgeKey(routeOf.get(from) ?? from, to), formatShort(count)]),
    ),
  };
}

/** Null where there is nothing to tell. */
function badge(count: number, what: string, tone: GraphBadge["tone"], hidden = false): GraphBadge | null {
  if (hidden || count === 0) return null;
  return { text: `${formatShort(count)} ${what}`, tone, title: `${formatCount(count)} messages ${what}` };
}
