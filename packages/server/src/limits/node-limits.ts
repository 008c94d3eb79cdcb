import { Buckets } from "./buckets.ts";
import { FailedAttempts } from "./failed-attempts.ts";
import type { LimitSettings, Limits, Refusal, Standing } from "./limits.ts";
import { type IsOver, RunningRuns } from "./running-runs.ts";

/** When somebody closes a stream is not known: a client that has too many asks again after so long, in milliseconds. */
const STREAM_RETRY_MS = 5_000;

/** The limits of a node, in its main process. All memory is bounded: callers that are idle are forgotten. */
export class NodeLimits implements Limits {
  readonly #settings: LimitSettings;
  readonly #requests: Buckets | null;
  readonly #bytes: Buckets | null;
  readonly #runStarts: Buckets | null;
  readonly #runs: RunningRuns;
  readonly #attempts: FailedAttempts;
  /** By caller; those without any are not in it. */
  readonly #open = new Map<string, number>();
  readonly #now: () => number;

  constructor(settings: LimitSettings, isOver: IsOver, now: () => number = () => performance.now()) {
    const { limit_requests_per_second: rate, limit_request_burst: burst } = settings;
    const { limit_bytes_per_minute: bytes, limit_run_starts_per_minute: starts } = settings;
    this.#settings = settings;
    this.#requests = rate === 0 ? null : new Buckets(rate, Math.max(burst, Math.ceil(rate)));
    this.#bytes = bytes === 0 ? null : new Buckets(bytes / 60, bytes);
    this.#runStarts = starts === 0 ? null : new Buckets(starts / 60, starts);
    this.#runs = new RunningRuns(settings.limit_runs, isOver);
    this.#attempts = new FailedAttempts(settings.limit_failed_attempts);
    this.#now = now;
  }

  /** @see Limits */
  request(caller: string): Standing {
    const now = this.#now();
    const wait = this.#requests?.take(caller, now) ?? 0;
    const { limit_requests_per_second: rate, limit_request_burst: burst } = this.#settings;
    const look = this.#requests?.look(caller, now);
    const requests = look === undefined ? null : { quota: Math.max(burst, Math.ceil(rate)), ...look };
    if (wait > 0) return { refusal: { limit: "requests", retryAfterMs: wait }, requests };
    const empty = this.#bytes?.emptyFor(caller, now) ?? 0;
    return { refusal: empty > 0 ? { limit: "bytes", retryAfterMs: empty } : null, requests };
  }

  /** @see Limits */
  open(caller: string): Refusal | null {
    const open = this.#open.get(caller) ?? 0;
    const { limit_streams: limit } = this.#settings;
    if (limit > 0 && open >= limit) return { limit: "streams", retryAfterMs: STREAM_RETRY_MS };
    this.#open.set(caller, open + 1);
    return null;
  }

  /** @see Limits */
  closed(caller: string): void {
    const open = this.#open.get(caller) ?? 0;
    if (open <= 1) this.#open.delete(caller);
    else this.#open.set(caller, open - 1);
  }

  /** @see Limits */
  charge(caller: string, bytes: number): void {
    this.#bytes?.charge(caller, bytes, this.#now());
  }

  /** A run is about to be started. What is not refused is told the end of by {@link runStarted} or {@link runRefused}. */
  async startRun(caller: string): Promise<Refusal | null> {
    const refusal = await this.#runs.begin(caller);
    if (refusal !== null) return refusal;
    const wait = this.#runStarts?.take(caller, this.#now()) ?? 0;
    if (wait === 0) return null;
    this.#runs.begun(caller, null);
    return { limit: "run_starts", retryAfterMs: wait };
  }

  /** The run was started; with null it may begin later, or was there already. */
  runStarted(caller: string, executionId: string | null): void {
    this.#runs.begun(caller, executionId);
  }

  /** There is no run of it, and will be none: it counts for nothing. */
  runRefused(caller: string): void {
    this.#runs.begun(caller, null);
    this.#runStarts?.giveBack(caller);
  }

  /** @see Limits */
  attempt(address: string): Refusal | null {
    const wait = this.#attempts.blockedFor(address, this.#now());
    return wait > 0 ? { limit: "attempts", retryAfterMs: wait } : null;
  }

  /** @see Limits */
  attemptFailed(address: string): void {
    this.#attempts.failed(address, this.#now());
  }
}
