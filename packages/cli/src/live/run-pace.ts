import { RateMeter } from "./rate-meter.ts";
import type { Upstream } from "./route-links.ts";
import { openOf, type RunState } from "./run-state.ts";

/** How fast a run goes, and how long it will take. */
export interface Pace {
  /** Messages settled per second of late; null: not known yet. */
  readonly rate: number | null;
  /** Milliseconds until the work is done; null where that is not known. */
  readonly etaMs: number | null;
}

/** The pace of a run, and of each of its routes by name. */
export interface RunPace extends Pace {
  readonly routes: ReadonlyMap<string, Pace>;
}

/**
 * Measures a run while it goes on.
 *
 * When a route will be done is known where nothing can be added to its queue any more: no route that leads to it, over any
 * number of steps, has messages that are not settled, and it does not lead to itself. When the run will be done is known
 * where that holds for every route with open messages, and none of them leads to another one.
 */
export class PaceMeter {
  readonly #upstream: Upstream;
  readonly #total = new RateMeter();
  readonly #routes = new Map<string, RateMeter>();

  constructor(upstream: Upstream) {
    this.#upstream = upstream;
  }

  /** Takes in a state at a time, in milliseconds. */
  measure(state: RunState, at: number): RunPace {
    const open = state.routes.filter((route) => openOf(route) > 0).map(({ route }) => route);
    const routes = new Map<string, Pace>();
    for (const counts of state.routes) {
      const { route } = counts;
      const meter = this.#routes.get(route) ?? new RateMeter();
      this.#routes.set(route, meter);
      const rate = meter.add(counts.done + counts.failed, at);
      const left = openOf(counts);
      const known = left > 0 && rate !== null && rate > 0 && !this.#mayGrow(route, open);
      routes.set(route, { rate, etaMs: known ? (left / rate) * 1000 : null });
    }
    const rate = this.#total.add(state.done + state.failed, at);
    const last = open.every((route) => !this.#leadsOn(route));
    const etas = open.map((route) => routes.get(route)?.etaMs ?? null);
    const known = open.length > 0 && last && !etas.includes(null);
    return { rate, routes, etaMs: known ? Math.max(...etas.map(Number)) : null };
  }

  #mayGrow(route: string, open: readonly string[]): boolean {
    const from = this.#upstream.get(route);
    // A route that the pipeline's document does not have is one that nothing is known of.
    return from === undefined || from.has(route) || open.some((other) => from.has(other));
  }

  #leadsOn(route: string): boolean {
    for (const from of this.#upstream.values()) if (from.has(route)) return true;
    return false;
  }
}

/** Once a run is over, what counts is how fast it was from its beginning to its end. */
export function paceOfWhole(state: RunState, elapsedMs: number): RunPace {
  const rate = (settled: number) => (settled * 1000) / Math.max(1, elapsedMs);
  return {
    rate: rate(state.done + state.failed),
    etaMs: null,
    routes: new Map(state.routes.map(({ route, done, failed }) => [route, { rate: rate(done + failed), etaMs: null }])),
  };
}
