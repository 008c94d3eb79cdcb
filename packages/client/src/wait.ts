import type { WaitResult } from "@millrace/protocol";
import type { Api, CallOptions } from "./request.ts";

/** The service's own bound on one wait, in seconds. */
const LONGEST_WAIT_S = 3600;

/** Node's fetch gives an answer up whose head takes 300 seconds, so a wait is asked for in slices below that. */
const WAIT_SLICE_S = 240;

/** Waits for an execution's end; `path` is the execution's own. */
export async function waitForEnd(api: Api, path: string, timeoutS: number, call?: CallOptions): Promise<WaitResult> {
  for (let left = timeoutS; ; left -= WAIT_SLICE_S) {
    // What is left after a slice may be less than the service takes; what was asked for is its to judge.
    const timeout = left > WAIT_SLICE_S && timeoutS <= LONGEST_WAIT_S ? WAIT_SLICE_S : left;
    const result = await api.json<WaitResult>("POST", `${path}/wait`, {
      body: { timeout: left < timeoutS ? Math.max(1, timeout) : timeout },
      ...call,
    });
    if (result.completed || timeout === left) return result;
  }
}
