/**
 * Durations in bounded memory: counts in buckets whose bounds grow by a fixed factor, so that a quantile is within 10 %
 * of the true one whatever the number of samples. The maximum and the mean are exact.
 */
export interface Durations {
  count: number;
  /** Milliseconds, all samples together. */
  sum: number;
  /** Milliseconds. */
  max: number;
  /** How many samples each bucket holds; sparse, as most durations of one step are alike. */
  buckets: Record<number, number>;
}

const FACTOR = 1.2;
const SMALLEST_MS = 0.01;
const LOG_FACTOR = Math.log(FACTOR);

/** Durations with no sample yet. */
export function emptyDurations(): Durations {
  return { count: 0, sum: 0, max: 0, buckets: {} };
}

/** Adds one sample of `ms` milliseconds, in place. */
export function addDuration(durations: Durations, ms: number): void {
  const bucket = ms <= SMALLEST_MS ? 0 : Math.ceil(Math.log(ms / SMALLEST_MS) / LOG_FACTOR);
  durations.count += 1;
  durations.sum += ms;
  if (ms > durations.max) durations.max = ms;
  durations.buckets[bucket] = (durations.buckets[bucket] ?? 0) + 1;
}

/** The duration, in milliseconds, that `quantile` (0…1) of the samples do not exceed; null without samples. */
export function quantileOf(durations: Durations, quantile: number): number | null {
  if (durations.count === 0) return null;
  const rank = Math.max(1, Math.ceil(quantile * durations.count));
  let seen = 0;
  // Integer keys of an object are iterated in ascending order.
  for (const [bucket, count] of Object.entries(durations.buckets)) {
    seen += count;
    if (seen >= rank) return Math.min(SMALLEST_MS * FACTOR ** Number(bucket), durations.max);
  }
  return durations.max;
}

/** A summary as the API shows it; numbers in milliseconds, null without samples. */
export function summarizeDurations(durations: Durations): {
  mean: number | null;
  p50: number | null;
  p95: number | null;
  max: number | null;
} {
  const round = (ms: number | null) => (ms === null ? null : Math.round(ms * 1000) / 1000);
  return {
    mean: round(durations.count === 0 ? null : durations.sum / durations.count),
    p50: round(quantileOf(durations, 0.5)),
    p95: round(quantileOf(durations, 0.95)),
    max: round(durations.count === 0 ? null : durations.max),
  };
}
