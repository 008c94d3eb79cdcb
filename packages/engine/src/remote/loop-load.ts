import { type EventLoopUtilization, performance } from "node:perf_hooks";

/** How often it is looked, in milliseconds. */
const SAMPLE_MS = 250;

/** The share of its time that a loop under load has something to do. */
const LOADED = 0.9;

/** Whether this process has as much to do as it can. */
export class LoopLoad {
  #last: EventLoopUtilization = performance.eventLoopUtilization();
  #lastAt = performance.now();
  #utilization = 0;

  /** To be asked often: it looks by itself when its time has come. */
  get isLoaded(): boolean {
    const now = performance.now();
    if (now - this.#lastAt >= SAMPLE_MS) {
      const current = performance.eventLoopUtilization();
      this.#utilization = performance.eventLoopUtilization(current, this.#last).utilization;
      this.#last = current;
      this.#lastAt = now;
    }
    return this.#utilization > LOADED;
  }
}
