import type { ExecutionStats } from "@millrace/client";
import { formatCount, formatRate } from "../../format/number.ts";
import { formatDuration } from "../../format/time.ts";

/** One figure of both runs; null where a run has none. */
export interface Figure {
  readonly label: string;
  readonly ours: number | null;
  readonly theirs: number | null;
  readonly format: (value: number) => string;
  /** Which is to be wished for; null: neither. */
  readonly better: "less" | "more" | null;
}

/** Figures that belong together. */
export interface Section {
  readonly title: string;
  readonly figures: readonly Figure[];
}

type Durations = Route["duration_ms"];

/** What can be compared of two runs: as wholes, then route by route and adapter by adapter, by their names. */
export function compareRuns(ours: ExecutionStats, theirs: ExecutionStats): Section[] {
  const names = [...new Set([...ours.routes, ...theirs.routes].map(({ route }) => route))];
  return [
    {
      title: "The whole run",
      figures: [
        figure("Duration", ours.duration_ms, theirs.duration_ms, formatDuration, "less"),
        figure("Rate", ours.rate, theirs.rate, formatRate, "more"),
        figure("Messages", ours.total_messages, theirs.total_messages, formatCount, null),
        figure("Done", ours.completed_messages, theirs.completed_messages, formatCount, null),
        figure("Failed", ours.failed_messages, theirs.failed_messages, formatCount, "less"),
      ],
    },
    ...names.map((name) => compareRoute(name, routeOf(ours, name), routeOf(theirs, name))),
  ];
}

type Route = ExecutionStats["routes"][number];

function compareRoute(name: string, ours: Route | null, theirs: Route | null): Section {
  const adapters = [...new Set([...(ours?.adapters ?? []), ...(theirs?.adapters ?? [])].map((each) => each.name))];
  const adapterOf = (route: Route | null, adapter: string) => route?.adapters.find((each) => each.name === adapter);
  return {
    title: `Route ${name}`,
    figures: [
      figure("Done", ours?.completed_messages, theirs?.completed_messages, formatCount, null),
      figure("Failed", ours?.failed_messages, theirs?.failed_messages, formatCount, "less"),
      figure("Attempts retried", ours?.retries, theirs?.retries, formatCount, "less"),
      ...durations("", ours?.duration_ms, theirs?.duration_ms),
      ...adapters.flatMap((adapter) =>
        durations(`${adapter}: `, adapterOf(ours, adapter)?.duration_ms, adapterOf(theirs, adapter)?.duration_ms),
      ),
    ],
  };
}

function durations(of: string, ours: Durations | undefined, theirs: Durations | undefined): Figure[] {
  return [
    figure(`${of}median`, ours?.p50, theirs?.p50, formatDuration, "less"),
    figure(`${of}95 %`, ours?.p95, theirs?.p95, formatDuration, "less"),
  ];
}

function figure(
  label: string,
  ours: number | null | undefined,
  theirs: number | null | undefined,
  format: Figure["format"],
  better: Figure["better"],
): Figure {
  return { label, ours: ours ?? null, theirs: theirs ?? null, format, better };
}

function routeOf({ routes }: ExecutionStats, name: string): Route | null {
  return routes.find(({ route }) => route === name) ?? null;
}
