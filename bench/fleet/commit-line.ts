import type { Random } from "../../test/support/random.ts";
import type { Costs } from "./costs.ts";
import { exponential } from "./draw.ts";
import { Latencies } from "./latencies.ts";

/** What became of events on their way into the journal. */
export interface CommitLine {
  /** From the step's end to its commit. */
  readonly latencies: Latencies;
  readonly commitsPerSecond: number;
  readonly eventsPerSecond: number;
  /** Part of the time during which the row of the last position is held. */
  readonly lockBusy: number;
}

/**
 * Nodes that commit in groups, and take turns at one row: each commits whatever is ready once its last group is through. A
 * group costs a round trip, then the row for another one, the flush, and what its events take. Events come at random.
 */
export function simulateCommits(
  { nodes, eventsPerSecond, seconds }: { nodes: number; eventsPerSecond: number; seconds: number },
  costs: Costs,
  random: Random,
): CommitLine {
  const rate = eventsPerSecond / nodes / 1_000;
  const states = Array.from({ length: nodes }, () => ({ freeAt: 0, next: exponential(random, rate) }));
  const latencies = new Latencies();
  let [lockFreeAt, commits, events, busy] = [0, 0, 0, 0];
  const end = seconds * 1_000;
  while (true) {
    // Whoever begins first asks for the row first.
    let node = states[0];
    for (const state of states) {
      if (node === undefined || Math.max(state.freeAt, state.next) < Math.max(node.freeAt, node.next)) node = state;
    }
    if (node === undefined) break;
    const begins = Math.max(node.freeAt, node.next);
    if (begins > end) break;
    const ready: number[] = [];
    while (node.next <= begins) {
      ready.push(node.next);
      node.next += exponential(random, rate);
    }
    const locked = Math.max(begins + costs.roundTripMs, lockFreeAt);
    const held = costs.roundTripMs + costs.holdMs + (ready.length * costs.holdPerEventUs) / 1_000;
    lockFreeAt = locked + held;
    node.freeAt = lockFreeAt;
    busy += held;
    commits += 1;
    events += ready.length;
    for (const at of ready) latencies.add(lockFreeAt - at);
  }
  const elapsed = Math.max(end, lockFreeAt) / 1_000;
  return {
    latencies,
    commitsPerSecond: commits / elapsed,
    eventsPerSecond: events / elapsed,
    lockBusy: busy / (elapsed * 1_000),
  };
}

/** Events a second that take turns at one row at most: every node always has a full group ready. */
export function mostEventsPerSecond(eventsPerGroup: number, costs: Costs): number {
  return (
    (eventsPerGroup * 1_000) / (costs.roundTripMs + costs.holdMs + (eventsPerGroup * costs.holdPerEventUs) / 1_000)
  );
}
