import type { WaitResult } from "@millrace/protocol";
import { ApiError } from "./api-error.ts";
import type { Api, CallOptions } from "./request.ts";
import { backOffMs, isTemporary, pause } from "./stream/back-off.ts";

/** The service's own bound on one wait, in seconds. */
const LONGEST_WAIT_S = 3600;

/** Node's fetch gives an answer up whose head takes 300 seconds, so a wait is asked for in slices below that. */
const WAIT_SLICE_S = 240;

/** Waits for an execution's end; `path` is the execution's own. */
export async function waitForEnd(api: Api, path: string, timeoutS: number, call?: CallOptions): Promise<WaitResult> {
  // What is wrong with the address or the id is told at once; a service that has answered comes back.
  await api.json("GET", path, call);
  let failures = 0;
  for (let left = timeoutS; ; ) {
    // What is left after a slice may be less than the service takes; what was asked for is its to judge.
    const timeout = left > WAIT_SLICE_S && timeoutS <= LONGEST_WAIT_S ? WAIT_SLICE_S : left;
    const since = Date.now();
    try {
      const result = await api.json<WaitResult>("POST", `${path}/wait`, {
        body: { timeout: left < timeoutS ? Math.max(1, timeout) : timeout },
        ...call,
      });
      if (result.completed || timeout === left) return result;
      failures = 0;
      left -= timeout;
    } catch (error) {
      if (call?.signal?.aborted || !(error instanceof ApiError)) throw error;
      if (!isTemporary(error) && error.status !== 0) throw error;
      await pause(backOffMs(failures, error), call?.signal);
      failures += 1;
      left -= (Date.now() - since) / 1000;
      if (left <= 0) throw error;
    }
  }
}
