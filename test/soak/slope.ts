/** A value at a time. */
export interface Point {
  /** In hours. */
  readonly x: number;
  readonly y: number;
}

/** How fast a value grows, by Theil and Sen: outliers do not bend it. Per hour. */
export interface Slope {
  readonly perHour: number;
  /** It is not slower than this, nor faster than that, with 95 % confidence (Sen, 1968). */
  readonly atLeast: number;
  readonly atMost: number;
  readonly median: number;
}

/** Points beyond so many are thinned out: pairs are compared, and a day has thousands of samples. */
const MAX_POINTS = 1200;

/** The median of the slopes between any two points; null where there are fewer than eight. */
export function slopeOf(points: readonly Point[]): Slope | null {
  const step = Math.ceil(points.length / MAX_POINTS);
  const kept = step > 1 ? points.filter((_, index) => index % step === 0) : points;
  const count = kept.length;
  if (count < 8) return null;
  const slopes: number[] = [];
  for (const [index, one] of kept.entries()) {
    for (const other of kept.slice(index + 1)) if (other.x > one.x) slopes.push((other.y - one.y) / (other.x - one.x));
  }
  slopes.sort((a, b) => a - b);
  const spread = 1.96 * Math.sqrt((count * (count - 1) * (2 * count + 5)) / 18);
  const at = (index: number) => slopes[Math.max(0, Math.min(slopes.length - 1, Math.round(index)))] ?? 0;
  return {
    perHour: at((slopes.length - 1) / 2),
    atLeast: at((slopes.length - spread) / 2 - 1),
    atMost: at((slopes.length + spread) / 2),
    median: quantile(
      kept.map(({ y }) => y),
      0.5,
    ),
  };
}

/** The value below which the given part of them lies; 0 of none. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}
