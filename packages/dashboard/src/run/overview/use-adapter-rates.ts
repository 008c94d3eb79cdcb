import type { ExecutionStats } from "@millrace/client";
import { useRef } from "react";
import { adapterKey } from "../../graph/pipeline-graph-model.ts";

/** How often adapters ran, at one moment. */
interface Count {
  readonly at: number;
  readonly stats: ExecutionStats;
}

/** How often each adapter ran per second between the last two answers, by its key; nothing before there are two. */
export function useAdapterRates(stats: ExecutionStats | undefined, over: boolean): ReadonlyMap<string, number> {
  const seen = useRef<{ before: Count | null; last: Count | null; rates: ReadonlyMap<string, number> }>({
    before: null,
    last: null,
    rates: new Map(),
  });
  const state = seen.current;
  if (over || stats === undefined) return NONE;
  if (state.last?.stats !== stats) {
    state.before = state.last;
    state.last = { at: Date.now(), stats };
    state.rates = state.before === null ? NONE : ratesBetween(state.before, state.last);
  }
  return state.rates;
}

const NONE: ReadonlyMap<string, number> = new Map();

function ratesBetween(before: Count, last: Count): ReadonlyMap<string, number> {
  const seconds = Math.max(0.001, (last.at - before.at) / 1000);
  const runs = new Map<string, number>();
  for (const { route, adapters } of before.stats.routes)
    for (const adapter of adapters) runs.set(adapterKey(route, adapter.name), adapter.runs);
  return new Map(
    last.stats.routes.flatMap(({ route, adapters }) =>
      adapters.map((adapter): [string, number] => {
        const key = adapterKey(route, adapter.name);
        return [key, Math.max(0, adapter.runs - (runs.get(key) ?? 0)) / seconds];
      }),
    ),
  );
}
