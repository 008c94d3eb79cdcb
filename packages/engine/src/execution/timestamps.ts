import type { Clock } from "../ports.ts";

/** The time as events say it: RFC 3339, made once for all that happens in the same millisecond. */
export class Timestamps {
  readonly #clock: Clock;
  #lastNow = Number.NaN;
  #lastTimestamp = "";

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): string {
    const now = this.#clock.now();
    if (now !== this.#lastNow) {
      this.#lastNow = now;
      this.#lastTimestamp = new Date(now).toISOString();
    }
    return this.#lastTimestamp;
  }
}
