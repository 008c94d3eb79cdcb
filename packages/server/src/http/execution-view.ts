import type { ExecutionRecord, Recovery } from "@millrace/engine";
import {
  addUsage,
  type Dag,
  type Execution,
  type ExecutionDetail,
  type ExecutionStats,
  emptyDurations,
  isTerminal,
  type MessageStats,
  noUsage,
  type Progress,
  type RouteProgress,
  type RouteProgressData,
  type RouteState,
  summarizeDurations,
  type Timeline,
  type Usage,
} from "@millrace/protocol";
import { z } from "zod";

/** An execution as the API shows it. */
export function showExecution(record: ExecutionRecord): Execution {
  const { name } = record.configSnapshot;
  return {
    id: record.id,
    project: record.project,
    config_id: record.configId,
    config_name: typeof name === "string" ? name : null,
    status: record.status,
    started_at: record.startedAt,
    completed_at: record.completedAt,
    parent_execution_id: record.parentExecutionId,
    replay_source: record.replaySource,
    tag: record.tag,
    config_snapshot: record.configSnapshot,
    root_correlation_id: record.rootCorrelationId,
    metadata: record.metadata,
    error_info: record.errorInfo,
  };
}

/** A recovery as the API shows it. */
export function showRecovery({ at, redone, interruption }: Recovery): ExecutionDetail["recoveries"][number] {
  return {
    at,
    redone,
    interrupted_at: interruption?.at ?? null,
    interrupted_by: interruption?.by ?? null,
    held_up_by: interruption?.heldUpBy ?? null,
  };
}

/** What of a snapshot the views are laid out by; the engine wrote it when the execution was started. */
const outlineSchema = z.array(
  z.object({
    route: z.string(),
    name: z.string().nullable(),
    adapters: z.array(z.object({ type: z.string(), name: z.string() })),
    outbound: z.array(z.string()),
  }),
);

/** Routes and adapters by the names that events use. */
export function outlineOf(record: ExecutionRecord): z.infer<typeof outlineSchema> {
  return outlineSchema.safeParse(record.configSnapshot.outline).data ?? [];
}

/** Messages put into a queue that were not settled, and are not told of by an event yet, count as queued. */
function countsOf(
  route: RouteProgress | undefined,
  queued: number,
): { total: number; completed: number; failed: number; inFlight: number; retrying: number } {
  const completed = route?.completed ?? 0;
  const failed = route?.failed ?? 0;
  const inFlight = route?.inFlight ?? 0;
  const retrying = route?.retrying ?? 0;
  return { total: completed + failed + inFlight + retrying + queued, completed, failed, inFlight, retrying };
}

function statsOf(total: number, completed: number, failed: number): MessageStats {
  const settled = completed + failed;
  return {
    total_messages: total,
    completed_messages: completed,
    failed_messages: failed,
    in_progress_messages: Math.max(0, total - settled),
    success_rate: settled === 0 ? 1 : completed / settled,
  };
}

/** Depths count every unsettled message of a route; those in flight or waiting for a retry are not in its queue. */
function queuedOf(route: RouteProgress | undefined, depth: number | undefined): number {
  return Math.max(0, (depth ?? 0) - (route?.inFlight ?? 0) - (route?.retrying ?? 0));
}

/** The state of each route, as `view=progress` shows it, without its rate. */
export function routeProgress(
  record: ExecutionRecord,
  progress: Progress,
  depths: Readonly<Record<string, number>>,
): Omit<RouteProgressData, "rate">[] {
  return routeStates(record, progress, depths).map(({ in_flight, ...state }) => ({ ...state, running: in_flight }));
}

/** Counts of messages over all routes. `depths`: unsettled messages per route. */
export function messageStats(progress: Progress, depths: Readonly<Record<string, number>>): MessageStats {
  let total = 0;
  const names = new Set([...Object.keys(progress.routes), ...Object.keys(depths)]);
  for (const name of names) {
    const route = progress.routes[name];
    total += countsOf(route, queuedOf(route, depths[name])).total;
  }
  return statsOf(Math.max(total, progress.completed + progress.failed), progress.completed, progress.failed);
}

/** How long the execution has run, or ran, in milliseconds. */
export function durationMs(record: ExecutionRecord, now: number): number {
  return Math.max(
    0,
    (record.completedAt === null ? now : Date.parse(record.completedAt)) - Date.parse(record.startedAt),
  );
}

/** `GET /executions/{id}/stats`. */
export function executionStats(
  record: ExecutionRecord,
  progress: Progress,
  depths: Readonly<Record<string, number>>,
  now: number,
): ExecutionStats {
  const { firstEventAt, lastEventAt } = progress;
  const seconds =
    firstEventAt === null || lastEventAt === null ? 0 : Math.max(0.001, (lastEventAt - firstEventAt) / 1000);
  return {
    execution_id: record.id,
    status: record.status,
    duration_ms: durationMs(record, now),
    rate: seconds === 0 ? 0 : Math.round(((progress.completed + progress.failed) / seconds) * 1000) / 1000,
    ...messageStats(progress, depths),
    timeline: showTimeline(progress.timeline),
    usage: usageOf(progress),
    routes: outlineOf(record).map(({ route: name, adapters }) => {
      const route = progress.routes[name];
      const counts = countsOf(route, queuedOf(route, depths[name]));
      return {
        route: name,
        ...statsOf(counts.total, counts.completed, counts.failed),
        retries: route?.retries ?? 0,
        duration_ms: summarizeDurations(route?.durations ?? emptyDurations()),
        adapters: adapters.map((adapter, index) => {
          const known = route?.adapters[index];
          return {
            name: adapter.name,
            type: adapter.type,
            adapter_index: index,
            runs: known?.runs ?? 0,
            failures: known?.failures ?? 0,
            duration_ms: summarizeDurations(known?.durations ?? emptyDurations()),
            usage: known?.usage ?? null,
          };
        }),
      };
    }),
  };
}

function usageOf({ routes }: Progress): Usage | null {
  const used = Object.values(routes).flatMap(({ adapters }) =>
    Object.values(adapters).flatMap(({ usage }) => (usage === undefined ? [] : [usage])),
  );
  return used.length === 0 ? null : used.reduce(addUsage, noUsage());
}

function showTimeline({ start, bucketMs, completed, failed }: Timeline): ExecutionStats["timeline"] {
  if (start === null) return null;
  return { start: new Date(start).toISOString(), bucket_ms: bucketMs, completed, failed };
}

/** `GET /executions/{id}/routes`. */
export function routeStates(
  record: ExecutionRecord,
  progress: Progress,
  depths: Readonly<Record<string, number>>,
): RouteState[] {
  return outlineOf(record).map(({ route: name, name: label }) => {
    const route = progress.routes[name];
    return {
      route: name,
      name: label,
      queued: isTerminal(record.status) ? 0 : queuedOf(route, depths[name]),
      in_flight: route?.inFlight ?? 0,
      retrying: route?.retrying ?? 0,
      completed: route?.completed ?? 0,
      failed: route?.failed ?? 0,
    };
  });
}

/** `GET /executions/{id}/dag`. */
export function executionDag(
  record: ExecutionRecord,
  progress: Progress,
  depths: Readonly<Record<string, number>>,
): Dag {
  const nodes: Dag["nodes"] = [];
  const edges: Dag["edges"] = [];
  for (const { route: name, name: label, adapters, outbound } of outlineOf(record)) {
    const route = progress.routes[name];
    const counts = countsOf(route, queuedOf(route, depths[name]));
    nodes.push({
      id: name,
      kind: "route",
      route: name,
      adapter: null,
      type: null,
      label: label ?? name,
      total: counts.total,
      completed: counts.completed,
      failed: counts.failed,
      in_progress: Math.max(0, counts.total - counts.completed - counts.failed),
    });
    let before = name;
    for (const [index, adapter] of adapters.entries()) {
      const known = route?.adapters[index];
      const id = `${name}/${adapter.name}`;
      const working = [...progress.open.values()].filter(
        (open) => open.route === name && open.adapterIndex === index,
      ).length;
      const runs = known?.runs ?? 0;
      const failures = known?.failures ?? 0;
      nodes.push({
        id,
        kind: "adapter",
        route: name,
        adapter: adapter.name,
        type: adapter.type,
        label: adapter.name,
        total: runs,
        completed: Math.max(0, runs - failures - working),
        failed: failures,
        in_progress: working,
      });
      edges.push({ from: before, to: id, kind: "chain", count: runs });
      before = id;
    }
    for (const target of outbound)
      edges.push({ from: before, to: target, kind: "outbound", count: progress.sent[name]?.[target] ?? 0 });
    for (const [target, count] of Object.entries(progress.sent[name] ?? {})) {
      if (!outbound.includes(target)) edges.push({ from: before, to: target, kind: "outbound", count });
    }
  }
  return { execution_id: record.id, nodes, edges };
}
