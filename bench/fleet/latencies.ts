import type { Random } from "../../test/support/random.ts";
import { Weighted } from "./draw.ts";

/** Each bucket ends 5 % above the one before. */
const STEP = 1.05;

/** Of the first bucket, in milliseconds. */
const LEAST_MS = 0.001;

/** How long things took, each with a weight, in buckets of 5 %. */
export class Latencies {
  readonly #weights: number[] = [];
  #total = 0;
  #sum = 0;

  add(ms: number, weight = 1): void {
    const bucket = Math.max(0, Math.ceil(Math.log(ms / LEAST_MS) / Math.log(STEP)));
    while (this.#weights.length <= bucket) this.#weights.push(0);
    this.#weights[bucket] = (this.#weights[bucket] ?? 0) + weight;
    this.#total += weight;
    this.#sum += ms * weight;
  }

  get meanMs(): number {
    return this.#sum / this.#total;
  }

  /** The end of the bucket below which so many lie. */
  quantileMs(part: number): number {
    let left = part * this.#total;
    for (const [bucket, weight] of this.#weights.entries()) {
      left -= weight;
      if (left <= 0) return LEAST_MS * STEP ** bucket;
    }
    return LEAST_MS * STEP ** this.#weights.length;
  }

  /** Draws from what was added. */
  sampler(random: Random): () => number {
    const weighted = new Weighted(this.#weights);
    return () => LEAST_MS * STEP ** weighted.draw(random);
  }
}

/** What a chain of things takes that know nothing of each other, and a time that is always the same. */
export function together(
  parts: readonly Latencies[],
  constantMs: number,
  random: Random,
  samples = 100_000,
): Latencies {
  const samplers = parts.map((part) => part.sampler(random));
  const sums = new Latencies();
  for (let sample = 0; sample < samples; sample += 1) {
    sums.add(samplers.reduce((sum, draw) => sum + draw(), constantMs));
  }
  return sums;
}
