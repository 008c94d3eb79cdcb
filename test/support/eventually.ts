import { setTimeout as wait } from "node:timers/promises";

/** After so long, in milliseconds, it is taken that it never will be: far beyond what the busiest machine needs. */
const PATIENCE_MS = 60_000;

/** How often it is looked, in milliseconds. */
const EVERY_MS = 10;

/**
 * Resolves once `assertion` passes, and with what it returns: for what the product does soon, and not at once. What it
 * reads must be what it stays with from then on.
 * @throws what the assertion threw last, after a minute
 */
export async function eventually<T>(assertion: () => T | Promise<T>): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  while (true) {
    try {
      return await assertion();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await wait(EVERY_MS);
  }
}
