import { LruMap } from "./lru.ts";

/** Callers that are remembered; whoever has not called for longest is forgotten first. Some 10 MB when all are in use. */
const MAX_CALLERS = 50_000;

/**
 * A bucket of tokens for each caller: it holds `burst`, and `perSecond` flow in. Kept as one number, the time at which
 * it is full again (the "generic cell rate algorithm"): nothing ticks, and one that is full need not be kept.
 */
export class Buckets {
  /** Milliseconds in which one token flows in. */
  readonly #interval: number;
  readonly #capacityMs: number;
  readonly #burst: number;
  readonly #fullAt: LruMap<number>;

  constructor(perSecond: number, burst: number, maxCallers = MAX_CALLERS) {
    this.#interval = 1000 / perSecond;
    this.#burst = burst;
    this.#capacityMs = burst * this.#interval;
    this.#fullAt = new LruMap(maxCallers);
  }

  /** Takes a token; returns how many milliseconds there is none for, which is 0 where it was taken. Linear in nothing. */
  take(caller: string, now: number): number {
    const fullAt = Math.max(now, this.#fullAt.get(caller) ?? 0) + this.#interval;
    const wait = fullAt - now - this.#capacityMs;
    // By a rounding error's width.
    if (wait > 1e-6) return wait;
    this.#fullAt.set(caller, fullAt);
    return 0;
  }

  /** Puts a token back that was taken for nothing. */
  giveBack(caller: string): void {
    const fullAt = this.#fullAt.get(caller);
    if (fullAt !== undefined) this.#fullAt.set(caller, fullAt - this.#interval);
  }

  /** Takes out what was used already, and owes what is not there: at most as much as the bucket holds. */
  charge(caller: string, tokens: number, now: number): void {
    const fullAt = Math.max(now, this.#fullAt.get(caller) ?? 0) + tokens * this.#interval;
    this.#fullAt.set(caller, Math.min(fullAt, now + 2 * this.#capacityMs));
  }

  /** How many milliseconds the bucket is empty for; 0 where something is in it. */
  emptyFor(caller: string, now: number): number {
    return Math.max(0, (this.#fullAt.get(caller) ?? 0) - now - this.#capacityMs);
  }

  /** What is in the bucket, in whole tokens, and in how many milliseconds it is full. */
  look(caller: string, now: number): { readonly left: number; readonly fullInMs: number } {
    const fullInMs = Math.max(0, (this.#fullAt.get(caller) ?? 0) - now);
    return { left: Math.max(0, Math.floor(this.#burst - fullInMs / this.#interval + 1e-6)), fullInMs };
  }
}
