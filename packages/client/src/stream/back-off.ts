import { ApiError } from "../api-error.ts";
import { onWake } from "./wake.ts";

/** The wait before another attempt, in milliseconds: doubled from the first to the last, and spread at random. */
const FIRST_WAIT_MS = 250;
const LAST_WAIT_MS = 15_000;

/** Statuses that pass: a proxy answers 502 and 504 while the service behind it starts anew. */
const TEMPORARY = new Set([408, 429, 502, 503, 504]);

/** Whether the service, or what is before it, refused for the time being. */
export function isTemporary(error: ApiError): boolean {
  return TEMPORARY.has(error.status);
}

/** How long to wait after so many failures in a row, and what the last one asked for. */
export function backOffMs(failures: number, error: Error | null): number {
  const asked = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
  const longest = Math.min(LAST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures);
  return asked + longest / 2 + (Math.random() * longest) / 2;
}

/** Waits so many milliseconds; no longer once the signal is aborted, or the page comes back from where it was. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    const stopWaking = onWake(done);
    function done() {
      clearTimeout(timer);
      stopWaking();
      signal?.removeEventListener("abort", done);
      resolve();
    }
    signal?.addEventListener("abort", done);
    if (signal?.aborted) done();
  });
}
