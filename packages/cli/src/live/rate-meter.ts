/** What a rate is taken over, in milliseconds: the last five seconds; where little was done in them, up to a minute. */
const WINDOW_MS = 5_000;
const LONGEST_WINDOW_MS = 60_000;
/** So many make a rate that one can go by. */
const ENOUGH = 10;
/** Samples are kept no closer together than this. */
const SAMPLE_MS = 200;

/** Tells how fast a count grows now, as opposed to how fast it has grown since the beginning. */
export class RateMeter {
  readonly #samples: { readonly at: number; readonly count: number }[] = [];

  /** Takes in a count at a time (ms, any clock that does not go back), and returns the rate per second; null: too early. */
  add(count: number, at: number): number | null {
    const samples = this.#samples;
    const last = samples.at(-1);
    // What was settled can be taken back, to be retried: then it is measured anew.
    if (last !== undefined && count < last.count) samples.length = 0;
    if (last === undefined || count < last.count || at - last.at >= SAMPLE_MS) samples.push({ at, count });
    while (samples.length > 1 && at - (samples[1]?.at ?? at) >= LONGEST_WINDOW_MS) samples.shift();
    const recent = samples.findLast((sample) => at - sample.at >= WINDOW_MS) ?? samples[0];
    const from =
      recent === undefined || count - recent.count >= ENOUGH
        ? recent
        : (samples.findLast((sample) => count - sample.count >= ENOUGH) ?? samples[0]);
    if (from === undefined || at - from.at < 2 * SAMPLE_MS) return null;
    return ((count - from.count) * 1000) / (at - from.at);
  }
}
