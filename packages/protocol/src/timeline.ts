/**
 * Messages settled over time, in bounded memory: equal buckets from the first event on, whose length doubles whenever
 * they would become too many. A run of any length is told by 120 to 240 of them, once it has lasted 12 seconds.
 */
export interface Timeline {
  /** Epoch ms of the first bucket's begin; null before any event. */
  start: number | null;
  bucketMs: number;
  /** Per bucket, up to the last one in which something was settled. */
  completed: number[];
  failed: number[];
}

const FIRST_BUCKET_MS = 100;

/** How many buckets there are at most. */
export const MAX_TIMELINE_BUCKETS = 240;

/** A timeline before any event. */
export function emptyTimeline(): Timeline {
  return { start: null, bucketMs: FIRST_BUCKET_MS, completed: [], failed: [] };
}

/** Counts one message that was settled at `at` (epoch ms), in place. What a clock that went back dates before the start counts there. */
export function addToTimeline(timeline: Timeline, outcome: "completed" | "failed", at: number): void {
  timeline.start ??= at;
  const passed = Math.max(0, at - timeline.start);
  while (passed >= timeline.bucketMs * MAX_TIMELINE_BUCKETS) {
    timeline.bucketMs *= 2;
    halve(timeline.completed);
    halve(timeline.failed);
  }
  const bucket = Math.floor(passed / timeline.bucketMs);
  while (timeline.completed.length <= bucket) {
    timeline.completed.push(0);
    timeline.failed.push(0);
  }
  const counts = timeline[outcome];
  counts[bucket] = (counts[bucket] ?? 0) + 1;
}

function halve(counts: number[]): void {
  const pairs = Math.ceil(counts.length / 2);
  for (let pair = 0; pair < pairs; pair += 1) counts[pair] = (counts[2 * pair] ?? 0) + (counts[2 * pair + 1] ?? 0);
  counts.length = pairs;
}
