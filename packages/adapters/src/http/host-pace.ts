import { setTimeout as sleep } from "node:timers/promises";

/** How a host wants to be asked. */
export interface Politeness {
  /** The least time between the beginnings of two requests, in milliseconds. */
  readonly intervalMs: number;
  /** Requests under way at once. */
  readonly concurrency: number;
}

/** Nothing but what the host's answers ask for. */
export const UNHURRIED: Politeness = { intervalMs: 0, concurrency: Number.POSITIVE_INFINITY };

/** The pause after a host's first "too many" without a time, in milliseconds: doubled each time, up to the longest. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/** The interval after the first "too many", in milliseconds: doubled each time, up to the longest. */
const FIRST_INTERVAL_MS = 250;
const LONGEST_INTERVAL_MS = 60_000;

/** Each answer that is none of these adds so many requests a second; beyond the most the host is as it was. */
const REGAIN_PER_SECOND = 0.2;
const FREE_PER_SECOND = 20;

/** Hosts that are known at most, before those that nothing is known of any more are forgotten. */
const SWEEP_AT = 1_000;

/** The host is to be left alone for longer than somebody would wait. */
export class HostPaused extends Error {
  override readonly name = "HostPaused";
  readonly forMs: number;

  constructor(forMs: number) {
    super("the host is to be left alone");
    this.forMs = forMs;
  }
}

interface Host {
  inFlight: number;
  /** When the next may begin, by the interval. */
  nextAt: number;
  pausedUntil: number;
  /** What its answers ask for; 0: nothing. */
  intervalMs: number;
  strikes: number;
  readonly waiting: (() => void)[];
}

/**
 * The pace of requests, by host. Each "too many" (429, 503) pauses the host for as long as it says and halves its rate; each other answer
 * adds a little to it.
 */
export class HostPace {
  readonly #hosts = new Map<string, Host>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * Waits for a turn at a host; who has it gives it back. Turns come in the order in which they are asked for.
   * @throws HostPaused where the host would have to be waited for longer than `mostMs`
   * @throws the signal's reason
   */
  async enter(name: string, politeness: Politeness, mostMs: number, signal: AbortSignal): Promise<() => void> {
    const host = this.#host(name);
    const paused = host.pausedUntil - this.#now();
    if (paused > mostMs) throw new HostPaused(paused);
    signal.throwIfAborted();
    while (host.inFlight >= politeness.concurrency) await freed(host, signal);
    host.inFlight += 1;
    let over = false;
    const leave = () => {
      if (over) return;
      over = true;
      host.inFlight -= 1;
      host.waiting.shift()?.();
    };
    try {
      await this.#turn(host, politeness.intervalMs, mostMs, signal);
    } catch (error) {
      leave();
      throw error;
    }
    return leave;
  }

  /** Learns from an answer. `afterMs`: what it asked to wait. */
  note(name: string, status: number, afterMs: number | null): void {
    const host = this.#host(name);
    if (status !== 429 && status !== 503) {
      host.strikes = 0;
      if (host.intervalMs === 0) return;
      const perSecond = 1000 / host.intervalMs + REGAIN_PER_SECOND;
      host.intervalMs = perSecond >= FREE_PER_SECOND ? 0 : 1000 / perSecond;
      return;
    }
    const now = this.#now();
    const pause = afterMs ?? Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** host.strikes);
    host.strikes += 1;
    // Answers to what was under way already say it once more: they do not count again.
    if (host.pausedUntil <= now) {
      host.intervalMs = Math.min(LONGEST_INTERVAL_MS, Math.max(FIRST_INTERVAL_MS, host.intervalMs * 2));
    }
    host.pausedUntil = Math.max(host.pausedUntil, now + pause);
  }

  /** The least time between two requests that the host's answers ask for, in milliseconds; 0 where they do not. */
  intervalOf(name: string): number {
    return this.#hosts.get(name)?.intervalMs ?? 0;
  }

  async #turn(host: Host, intervalMs: number, mostMs: number, signal: AbortSignal): Promise<void> {
    while (true) {
      const now = this.#now();
      const paused = host.pausedUntil - now;
      if (paused > mostMs) throw new HostPaused(paused);
      const at = Math.max(host.nextAt, host.pausedUntil);
      if (at <= now) {
        host.nextAt = now + Math.max(intervalMs, host.intervalMs);
        return;
      }
      await sleep(Math.min(at - now, 2 ** 30), undefined, { signal });
    }
  }

  #host(name: string): Host {
    const known = this.#hosts.get(name);
    if (known !== undefined) return known;
    if (this.#hosts.size >= SWEEP_AT) this.#sweep();
    const host: Host = { inFlight: 0, nextAt: 0, pausedUntil: 0, intervalMs: 0, strikes: 0, waiting: [] };
    this.#hosts.set(name, host);
    return host;
  }

  #sweep(): void {
    const now = this.#now();
    for (const [name, host] of this.#hosts) {
      if (host.inFlight === 0 && host.waiting.length === 0 && Math.max(host.nextAt, host.pausedUntil) <= now) {
        this.#hosts.delete(name);
      }
    }
  }
}

function freed(host: Host, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onFree = () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    };
    const onAbort = () => {
      const at = host.waiting.indexOf(onFree);
      if (at >= 0) host.waiting.splice(at, 1);
      reject(signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    host.waiting.push(onFree);
  });
}
