/** Requests at once to a server of which nothing is known yet. */
const FIRST_WINDOW = 4;

/** The first pause after a 429 that names none, and the longest, in milliseconds. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

interface Waiting {
  readonly max: number;
  go(): void;
}

/** How a request ended: what it says of the load that the server bears. */
export type Outcome =
  | { readonly kind: "answered" }
  /** Too many requests; `retryAfterMs` where it says how long to wait. */
  | { readonly kind: "limited"; readonly retryAfterMs: number | null }
  | { readonly kind: "other" };

/**
 * Lets as many requests go to a server at once as it bears: one more after each round of answers, half as many after a
 * 429 (additive increase, multiplicative decrease), and none for as long as it asks for.
 *
 * A request that was sent before the last decrease says nothing new: of a whole round that is refused, one counts.
 */
export class ModelLimiter {
  readonly #now: () => number;
  #window = FIRST_WINDOW;
  #inFlight = 0;
  #waiting: Waiting[] = [];
  #pausedUntil = 0;
  #timer: NodeJS.Timeout | undefined;
  #decreasedAt = Number.NEGATIVE_INFINITY;
  #pauses = 0;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Requests that may be under way at once. */
  get window(): number {
    return Math.floor(this.#window);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /**
   * Waits for a request's turn, at most `max` of which may be under way, in the order in which they are asked for.
   * Returns what says how it ended, to be called once. Rejects with the signal's reason when it is aborted meanwhile.
   */
  async take(max: number, signal: AbortSignal): Promise<(outcome: Outcome) => void> {
    signal.throwIfAborted();
    if (this.#waiting.length > 0 || !this.#mayGo(max)) await this.#turn(max, signal);
    else this.#inFlight += 1;
    const sentAt = this.#now();
    return (outcome) => this.#ended(outcome, sentAt);
  }

  #turn(max: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        max,
        go: () => {
          signal.removeEventListener("abort", onAbort);
          this.#inFlight += 1;
          resolve();
        },
      };
      const onAbort = () => {
        this.#waiting = this.#waiting.filter((each) => each !== waiting);
        reject(signal.reason);
        this.#pump();
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(waiting);
      this.#pump();
    });
  }

  #mayGo(max: number): boolean {
    return this.#now() >= this.#pausedUntil && this.#inFlight < Math.min(this.#window, max);
  }

  #pump(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#mayGo(next.max); next = this.#waiting[0]) {
      this.#waiting.shift();
      next.go();
    }
    clearTimeout(this.#timer);
    const pause = this.#pausedUntil - this.#now();
    // Not unref'd: somebody waits for it.
    if (this.#waiting.length > 0 && pause > 0) this.#timer = setTimeout(() => this.#pump(), Math.ceil(pause));
  }

  #ended(outcome: Outcome, sentAt: number): void {
    this.#inFlight -= 1;
    if (outcome.kind === "answered") {
      this.#window += 1 / this.#window;
      if (sentAt >= this.#decreasedAt) this.#pauses = 0;
    } else if (outcome.kind === "limited") this.#limited(outcome.retryAfterMs, sentAt);
    this.#pump();
  }

  #limited(retryAfterMs: number | null, sentAt: number): void {
    const now = this.#now();
    if (retryAfterMs !== null) this.#pausedUntil = Math.max(this.#pausedUntil, now + retryAfterMs);
    if (sentAt < this.#decreasedAt) return;
    this.#decreasedAt = now;
    this.#window = Math.max(1, this.#window / 2);
    if (retryAfterMs !== null) return;
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#pauses);
    this.#pauses += 1;
    // Others of the same key were told at the same moment.
    this.#pausedUntil = Math.max(this.#pausedUntil, now + pause * (0.5 + Math.random() / 2));
  }
}

/** By server and key: what it bears is shared by all runs. */
const limiters = new Map<string, ModelLimiter>();

/** The limiter of a server. */
export function limiterOf(name: string): ModelLimiter {
  let limiter = limiters.get(name);
  if (limiter === undefined) {
    limiter = new ModelLimiter();
    limiters.set(name, limiter);
  }
  return limiter;
}
