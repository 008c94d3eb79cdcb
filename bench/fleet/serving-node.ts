import type { Random } from "../../test/support/random.ts";
import type { Costs } from "./costs.ts";
import { exponential, Weighted } from "./draw.ts";
import { Latencies } from "./latencies.ts";

/** An execution that a node has watchers of. */
export interface Watched {
  /** Events a second. */
  readonly rate: number;
  /** Watchers on this node. */
  readonly watchers: number;
}

/** What a node did with the events that it heard of. */
export interface ServingNode {
  /** From when it heard of an event to when a watcher was sent it; each watcher counts. */
  readonly latencies: Latencies;
  readonly deliveriesPerSecond: number;
  /** Part of its core's time. */
  readonly busy: number;
}

/** Places in a delivery that are looked at: of each event, every watcher's would be too many. */
const PLACES = [1 / 8, 3 / 8, 5 / 8, 7 / 8];

/** One core that delivers events in the order in which they come, each to all its watchers, one after the other. */
export function simulateServing(
  watched: readonly Watched[],
  seconds: number,
  costs: Costs,
  random: Random,
): ServingNode {
  const chosen = new Weighted(watched.map(({ rate }) => rate));
  const latencies = new Latencies();
  const end = seconds * 1_000;
  let [at, freeAt, busy, deliveries] = [0, 0, 0, 0];
  while (true) {
    at += exponential(random, chosen.total / 1_000);
    if (at > end) break;
    const watchers = watched[chosen.draw(random)]?.watchers ?? 0;
    const begins = Math.max(at, freeAt);
    const sending = (watchers * costs.deliveryUs) / 1_000;
    const taken = costs.eventUs / 1_000 + sending;
    freeAt = begins + taken;
    busy += taken;
    deliveries += watchers;
    if (watchers === 0) continue;
    for (const place of PLACES) {
      latencies.add(begins - at + costs.eventUs / 1_000 + place * sending, watchers / PLACES.length);
    }
  }
  const elapsed = Math.max(end, freeAt) / 1_000;
  return { latencies, deliveriesPerSecond: deliveries / elapsed, busy: busy / (elapsed * 1_000) };
}
