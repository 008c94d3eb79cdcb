import {
  type ExecutionStatus,
  isTerminal,
  type Progress,
  type ProgressData,
  type RouteProgressData,
} from "@millrace/protocol";

/** The counts of a route, or of all routes. */
export interface Counts {
  readonly queued: number;
  readonly running: number;
  readonly retrying: number;
  readonly done: number;
  readonly failed: number;
}

/** A run at one moment, whoever folded its events. */
export interface RunState extends Counts {
  readonly status: ExecutionStatus;
  /** In the pipeline's order. */
  readonly routes: readonly (Counts & { readonly route: string })[];
}

/** The state that the service folded. */
export function stateOfData(data: ProgressData): RunState {
  return {
    ...countsOfData(data),
    status: data.status,
    routes: data.routes.map((route) => ({ route: route.route, ...countsOfData(route) })),
  };
}

/** The state that was folded here; `order` is the pipeline's, and has routes that nothing has happened in yet. */
export function stateOfFold(progress: Progress, order: readonly string[], status: ExecutionStatus): RunState {
  const names = new Set([...order, ...Object.keys(progress.routes)]);
  const routes = [...names].map((name) => {
    const route = progress.routes[name];
    if (route === undefined) return { route: name, queued: 0, running: 0, retrying: 0, done: 0, failed: 0 };
    const { completed: done, failed, inFlight: running, retrying } = route;
    return {
      route: name,
      queued: Math.max(0, route.announced - done - failed - running - retrying),
      running,
      retrying,
      done,
      failed,
    };
  });
  const sum = (of: keyof Counts) => routes.reduce((total, route) => total + route[of], 0);
  return {
    status,
    routes,
    queued: sum("queued"),
    running: sum("running"),
    retrying: sum("retrying"),
    done: progress.completed,
    failed: progress.failed,
  };
}

/**
 * How much of a run is settled, as a part of what is known of it; null where that is not known: a run that ended early has
 * messages that were never taken, and the service does not count them.
 */
export function shareOf(state: Counts & { readonly status: ExecutionStatus }): number | null {
  const open = openOf(state);
  if (open === 0 && isTerminal(state.status) && state.status !== "completed") return null;
  const settled = state.done + state.failed;
  // What is to do may still grow, so only what is over is all of it.
  return settled + open === 0 ? Number(isTerminal(state.status)) : settled / (settled + open);
}

/** Messages that are not settled. */
export function openOf({ queued, running, retrying }: Counts): number {
  return queued + running + retrying;
}

function countsOfData({
  queued,
  running,
  retrying,
  completed: done,
  failed,
}: Omit<RouteProgressData, "route" | "name" | "rate">): Counts {
  return { queued, running, retrying, done, failed };
}
