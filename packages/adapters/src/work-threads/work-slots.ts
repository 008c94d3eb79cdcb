import { availableParallelism } from "node:os";

/**
 * Threads that compute at once. One whose value waits to be taken computes nothing, and does not count: who takes it may
 * need a thread for that.
 */
const MAX_AT_WORK = Math.max(1, Math.min(4, availableParallelism() - 1));

const waiting: (() => void)[] = [];
let atWork = 0;

/** Waits until one more thread may compute; whoever it is for gives the slot back. Rejects when the signal is aborted. */
export async function takeSlot(signal: AbortSignal): Promise<void> {
  while (atWork >= MAX_AT_WORK) {
    signal.throwIfAborted();
    const free = Promise.withResolvers<void>();
    const onAbort = () => free.resolve();
    waiting.push(free.resolve);
    signal.addEventListener("abort", onAbort, { once: true });
    await free.promise;
    signal.removeEventListener("abort", onAbort);
    const place = waiting.indexOf(free.resolve);
    if (place >= 0) waiting.splice(place, 1);
  }
  if (signal.aborted) waiting.shift()?.();
  signal.throwIfAborted();
  atWork += 1;
}

/** A thread has done its work. */
export function freeSlot(): void {
  atWork -= 1;
  waiting.shift()?.();
}
