import { isMainThread } from "node:worker_threads";
import { AdapterError } from "@millrace/engine";

/**
 * Refuses an adapter that remembers what has gone by in a thread of its own, of which a run may have several.
 * @throws AdapterError ISOLATION_UNSUITABLE, not retryable
 */
export function onlyInServiceThread(type: string): void {
  if (isMainThread) return;
  throw new AdapterError(
    "ISOLATION_UNSUITABLE",
    `${type} counts over all messages of its step, which threads do not share: give it isolation: none.`,
    { retryable: false },
  );
}
