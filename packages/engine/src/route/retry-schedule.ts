import type { Clock } from "../ports.ts";
import type { RouteRunner } from "./route-runner.ts";

/** The messages of an execution that wait for their next attempt: a timer each, as there is a wait of its own for each. */
export class RetrySchedule {
  readonly #clock: Clock;
  readonly #onDue: () => void;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** Puts the message back into its route's queue at `dueAt` (epoch ms), `mostMs` milliseconds from now at the latest. */
  add(route: RouteRunner, seq: number, dueAt: number, mostMs = route.definition.errorHandling.maxDelayMs): void {
    // A clock that was set back must not make a retry wait for hours: no wait is longer than the longest allowed.
    const waitMs = Math.min(Math.max(0, dueAt - this.#clock.now()), mostMs);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      route.queue.pushRetry(seq);
      this.#onDue();
    }, waitMs);
    this.#timers.add(timer);
  }

  /** Forgets them all: the store knows them. */
  clear(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}
