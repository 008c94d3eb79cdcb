import type { ErrorHandling } from "../definition/definition.ts";

/**
 * The wait before the next attempt, in milliseconds: exponential in the failures so far, at most `max_delay_seconds`;
 * with jitter spread at random between half of that and all of it.
 */
export function retryDelayMs(handling: ErrorHandling, failures: number, random: number = Math.random()): number {
  const full = Math.min(handling.maxDelayMs, handling.retryDelayMs * handling.backoff ** failures);
  return Math.round(handling.jitter ? full / 2 + (random * full) / 2 : full);
}
