import type { Random } from "../../test/support/random.ts";

/** Time until the next of what comes `rate` times a second at random. */
export function exponential(random: Random, rate: number): number {
  return -Math.log(1 - random.next()) / rate;
}

/** A value with the given mean whose logarithm deviates by `spread`: many small ones, few large ones. */
export function logNormal(random: Random, mean: number, spread: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  return mean * Math.exp(spread * normal - spread ** 2 / 2);
}

/** Draws indexes as often as their weights say. */
export class Weighted {
  readonly #sums: Float64Array;
  /** Of all weights. */
  readonly total: number;

  constructor(weights: readonly number[]) {
    this.#sums = new Float64Array(weights.length);
    let sum = 0;
    for (const [index, weight] of weights.entries()) {
      sum += weight;
      this.#sums[index] = sum;
    }
    this.total = sum;
  }

  draw(random: Random): number {
    const wanted = random.next() * this.total;
    let [low, high] = [0, this.#sums.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sums[middle] ?? 0) > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
