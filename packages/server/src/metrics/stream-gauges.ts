import type { HubParts, StreamHub, StreamState } from "../stream/hub.ts";
import { gauge, type Metrics } from "./metrics.ts";

/** By what a hub's streams are counted; `kind`: in place of what each of them is. Nothing without metrics. */
export function countedBy(metrics: Metrics | null, kind?: "objects"): Pick<HubParts, "sent" | "opened"> {
  if (metrics === null) return {};
  return { sent: metrics.sent, opened: (own) => metrics.streamsOpened.inc({ kind: kind ?? own }) };
}

/** Adds what is to be said of the streams that are open in this process: of runs in `hub`, of objects in `objects`. */
export function addStreamGauges(metrics: Metrics, hub: StreamHub, objects: StreamHub | null): void {
  const hubs = objects === null ? [hub] : [hub, objects];
  const sum = (of: (state: StreamState) => number) => () => hubs.reduce((total, each) => total + of(each.look()), 0);
  gauge(
    metrics,
    "millrace_streams",
    "Streams that are open, by kind: events of one run, many (of several runs), progress, objects.",
    () => [
      ...Object.entries(hub.look().kinds).map(([kind, count]) => [{ kind }, count] as const),
      ...(objects === null ? [] : [[{ kind: "objects" }, objects.size] as const]),
    ],
    ["kind"],
  );
  gauge(
    metrics,
    "millrace_streams_behind",
    "Streams that are behind the newest event: they read the journal.",
    sum(({ behind }) => behind),
  );
  gauge(
    metrics,
    "millrace_streams_blocked",
    "Streams that wait for their clients to read.",
    sum(({ blocked }) => blocked),
  );
}

/** Adds how far the slowest stream of this process is behind; of several processes, whose streams are apart, one by one. */
export function addLagGauges(metrics: Metrics, hub: StreamHub, process: string): void {
  gauge(
    metrics,
    "millrace_stream_lag_positions",
    "Positions of the journal that the slowest stream of the process is behind.",
    () => [[{ process }, hub.look().lagPositions]],
    ["process"],
  );
  gauge(
    metrics,
    "millrace_stream_lag_seconds",
    "Age of the oldest event that the slowest stream of the process has not been sent, at most since it began or fell behind.",
    () => [[{ process }, hub.look().lagSeconds]],
    ["process"],
  );
}
