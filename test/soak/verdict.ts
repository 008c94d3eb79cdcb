import type { Sample } from "./samples.ts";
import { type Slope, slopeOf } from "./slope.ts";

/** How much a figure may grow over what was measured: a part of its median, or so much in any case. */
interface Tolerance {
  readonly part: number;
  readonly least: number;
}

/** What the machine does for others: where it has ever more of that, what takes time takes longer, and says nothing. */
const MACHINE_LOAD = "machine_load";

/** What must stay flat. A quarter of the time at the beginning does not count: caches fill, code is compiled. */
const TOLERANCES: Readonly<Record<string, Tolerance>> = {
  heap_mb: { part: 0.1, least: 8 },
  external_mb: { part: 0.1, least: 16 },
  rss_mb: { part: 0.15, least: 48 },
  fds: { part: 0.1, least: 8 },
  handles: { part: 0.1, least: 8 },
  lag_p50_ms: { part: 0.5, least: 10 },
  lag_p99_ms: { part: 0.5, least: 50 },
  call_p50_ms: { part: 0.5, least: 25 },
  call_p99_ms: { part: 0.5, least: 250 },
  delivery_p50_ms: { part: 0.5, least: 25 },
  delivery_p99_ms: { part: 0.5, least: 250 },
  wal_mb: { part: 0.5, least: 16 },
  [MACHINE_LOAD]: { part: 0.2, least: 1 },
};

const WARM_UP = 0.25;

const OF_TIME = /_ms$/;

/** What became of one figure of one process. */
export interface Judged {
  readonly of: string;
  readonly name: string;
  readonly slope: Slope;
  readonly samples: number;
  /** By how much it has grown over what was measured, at the least; 0 where it may as well have shrunk. */
  readonly grown: number;
  readonly allowed: number;
  readonly flat: boolean;
  /** Whether it says nothing, since the machine had more to do for others as well. */
  readonly unjudged: boolean;
}

/** Judges each figure by its slope: not flat is what has certainly (95 %) grown by more than is allowed. */
export function judge(samples: readonly Sample[], begun: number, ended: number): Judged[] {
  const from = begun + (ended - begun) * WARM_UP;
  const bySeries = Map.groupBy(samples, ({ of, name }) => `${of}|${name}`);
  const judged = [...bySeries.values()].flatMap((series) => {
    const [first] = series;
    const tolerance = first && TOLERANCES[first.name];
    if (first === undefined || tolerance === undefined) return [];
    // A process that was started in place of another warms up again.
    const since = Math.max(from, first.at + (first.at > begun + 60_000 ? (ended - first.at) * WARM_UP : 0));
    const kept = series.filter(({ at }) => at >= since && at <= ended);
    const slope = slopeOf(kept.map(({ at, value }) => ({ x: at / 3_600_000, y: value })));
    if (slope === null) return [];
    const hours = ((kept.at(-1)?.at ?? 0) - (kept[0]?.at ?? 0)) / 3_600_000;
    const grown = Math.max(0, slope.atLeast * hours);
    const allowed = Math.max(tolerance.least, tolerance.part * slope.median);
    return [{ of: first.of, name: first.name, slope, samples: kept.length, grown, allowed, flat: grown <= allowed }];
  });
  const busier = judged.some(({ name, flat }) => name === MACHINE_LOAD && !flat);
  return judged.map((each) => ({
    ...each,
    unjudged: !each.flat && (each.name === MACHINE_LOAD || (busier && OF_TIME.test(each.name))),
  }));
}
