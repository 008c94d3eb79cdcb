import { setTimeout as sleep } from "node:timers/promises";
import {
  AdapterError,
  type AdapterLog,
  type AdapterThreads,
  type Message,
  type RouteDefinition,
  type Step,
  type ThreadContext,
  type ThreadLease,
} from "@millrace/engine";
import { type AdapterSource, sourceOf } from "../adapter-source.ts";
import { type AdapterGrants, NO_GRANTS } from "../environment.ts";
import { AdapterThread } from "./adapter-thread.ts";
import type { RunRequest } from "./thread-messages.ts";

/** Between two looks at the memory of the threads that are at work, in milliseconds. */
const LOOK_MS = 25;

/** How long the first in the queue lets those pass who can have the thread as it is, in milliseconds. */
const PATIENCE_MS = 1000;

/** How long threads are waited for when all of them are to end, in milliseconds. */
const END_MS = 5_000;

/** What the pool is made with. */
export interface AdapterThreadPoolOptions {
  /** Threads at once, over all pipelines. */
  readonly maxThreads: number;
  /** How long an adapter whose message is over may go on, in milliseconds. */
  readonly graceMs: number;
  /** How long a thread waits for its next message before it is ended, in milliseconds; default 30 s. */
  readonly idleMs?: number;
  /** What built-in adapters may do; default nothing that needs a grant. */
  readonly grants?: AdapterGrants;
  readonly log: AdapterLog;
}

interface Waiter {
  readonly key: string;
  readonly heapMb: number;
  readonly since: number;
  give(thread: AdapterThread): void;
  refuse(error: unknown): void;
}

/**
 * The threads of `isolation: thread`. Each works for one message at a time, and next for another of the same adapters:
 * what an adapter leaves behind meets its own kind alone.
 */
export class AdapterThreadPool implements AdapterThreads {
  readonly #options: AdapterThreadPoolOptions;
  readonly #idle = new Map<AdapterThread, NodeJS.Timeout>();
  readonly #leased = new Set<AdapterThread>();
  /** Told to end, and not gone yet: they count. */
  readonly #all = new Set<AdapterThread>();
  readonly #waiters = new Set<Waiter>();
  readonly #keys = new WeakMap<RouteDefinition, string>();
  readonly #steps = new WeakMap<Step, { readonly place: number; readonly configJson: string }>();
  #lastStep = 0;
  #watch: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: AdapterThreadPoolOptions) {
    this.#options = options;
  }

  /** Threads that there are, idle ones among them. */
  get size(): number {
    return this.#all.size;
  }

  async lease(route: RouteDefinition, signal: AbortSignal): Promise<ThreadLease> {
    signal.throwIfAborted();
    if (this.#closed) throw new AdapterError("CANCELLED", "The service is shutting down.");
    const { promise, resolve, reject } = Promise.withResolvers<AdapterThread>();
    const waiter: Waiter = {
      key: this.#keyOf(route),
      heapMb: route.threadHeapMb,
      since: performance.now(),
      give: resolve,
      refuse: reject,
    };
    this.#waiters.add(waiter);
    const onAbort = () => {
      this.#waiters.delete(waiter);
      reject(signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    this.#serve();
    try {
      const thread = await promise;
      // Its start is not the time of the message either.
      await thread.ready;
      return this.#leaseOf(thread);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Ends all threads; resolves when they are gone, or cannot be ended: the process is killed where it ends, then. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const waiter of this.#waiters) waiter.refuse(new AdapterError("CANCELLED", "The service is shutting down."));
    this.#waiters.clear();
    for (const timer of this.#idle.values()) clearTimeout(timer);
    this.#idle.clear();
    const ended = Promise.all([...this.#all].map((thread) => thread.end()));
    const waited = new AbortController();
    await Promise.race([ended, sleep(END_MS, undefined, { signal: waited.signal }).catch(() => undefined)]);
    waited.abort();
    if (this.#all.size === 0) return;
    for (const thread of this.#all) thread.hold(false);
    this.#options.log.warn(
      `threads of adapters cannot be ended (${this.#all.size}): the process is killed once all is done`,
    );
    // Node.js waits for its threads when it ends, whatever it is told. All else has been done by then.
    process.once("exit", () => {
      if (this.#all.size > 0) process.kill(process.pid, "SIGKILL");
    });
  }

  /** Gives threads to those who wait, as far as there are any. */
  #serve(): void {
    for (const waiter of this.#waiters) {
      const thread = this.#takeIdle(waiter.key) ?? this.#start(waiter);
      if (thread === null) break;
      this.#waiters.delete(waiter);
      this.#hand(thread, waiter);
    }
    const [first] = this.#waiters;
    const [idle] = this.#idle.keys();
    // As many as there may be, and one that nobody needs as it is: its place is taken when it is gone.
    if (first !== undefined && idle !== undefined) this.#retire(idle);
  }

  #takeIdle(key: string): AdapterThread | null {
    // The one that was used last has its memory at hand, and the others come to their end.
    let found: AdapterThread | null = null;
    for (const thread of this.#idle.keys()) if (thread.key === key) found = thread;
    if (found === null) return null;
    clearTimeout(this.#idle.get(found));
    this.#idle.delete(found);
    return found;
  }

  #start({ key, heapMb }: Waiter): AdapterThread | null {
    if (this.#all.size >= this.#options.maxThreads) return null;
    const { graceMs, log, grants = NO_GRANTS } = this.#options;
    const thread: AdapterThread = new AdapterThread({
      key,
      heapMb,
      graceMs,
      grants,
      log,
      onGone: () => {
        this.#all.delete(thread);
        clearTimeout(this.#idle.get(thread));
        this.#idle.delete(thread);
        this.#serve();
      },
    });
    this.#all.add(thread);
    return thread;
  }

  #hand(thread: AdapterThread, waiter: Waiter): void {
    this.#leased.add(thread);
    thread.hold(true);
    this.#watch ??= setInterval(() => {
      for (const leased of this.#leased) void leased.look();
    }, LOOK_MS).unref();
    waiter.give(thread);
  }

  #leaseOf(thread: AdapterThread): ThreadLease {
    return {
      run: (step, message, context) => thread.run(this.#requestOf(step, message, context), context),
      release: () => void this.#takeBack(thread),
    };
  }

  async #takeBack(thread: AdapterThread): Promise<void> {
    await thread.whenQuiet();
    this.#leased.delete(thread);
    if (this.#leased.size === 0) {
      clearInterval(this.#watch);
      this.#watch = undefined;
    }
    thread.hold(false);
    // One that has ended is told of when it is gone.
    if (!thread.open || this.#closed) return;
    const [first] = this.#waiters;
    if (first !== undefined && first.key !== thread.key && performance.now() - first.since > PATIENCE_MS) {
      this.#retire(thread);
      return;
    }
    for (const waiter of this.#waiters) {
      if (waiter.key !== thread.key) continue;
      this.#waiters.delete(waiter);
      this.#hand(thread, waiter);
      return;
    }
    const timer = setTimeout(() => this.#retire(thread), this.#options.idleMs ?? 30_000);
    this.#idle.set(thread, timer.unref());
    this.#serve();
  }

  #retire(thread: AdapterThread): void {
    clearTimeout(this.#idle.get(thread));
    this.#idle.delete(thread);
    void thread.end();
  }

  #requestOf(step: Step, message: Message, { maxPayloadBytes, trace }: ThreadContext): RunRequest {
    const { payload, ...rest } = message;
    let known = this.#steps.get(step);
    if (known === undefined) {
      this.#lastStep += 1;
      known = { place: this.#lastStep, configJson: JSON.stringify(step.thread?.configInput ?? {}) };
      this.#steps.set(step, known);
    }
    return {
      source: sourceOfStep(step),
      stepKey: `${known.place} ${message.executionId}`,
      configJson: known.configJson,
      name: step.name,
      index: step.index,
      message: rest,
      payloadJson: JSON.stringify(payload),
      maxPayloadBytes,
      trace,
    };
  }

  #keyOf(route: RouteDefinition): string {
    const known = this.#keys.get(route);
    if (known !== undefined) return known;
    const isolated = route.steps.filter((step) => step.thread !== null);
    const sources = new Set(isolated.map((step) => JSON.stringify(sourceOfStep(step))));
    const key = JSON.stringify([route.threadHeapMb, ...[...sources].sort()]);
    this.#keys.set(route, key);
    return key;
  }
}

function sourceOfStep({ adapter }: Step): AdapterSource {
  const source = sourceOf(adapter);
  if (source !== undefined) return source;
  const text = `The adapter "${adapter.type}" comes from no file, so that no thread can load it.`;
  throw new AdapterError("ADAPTER_ERROR", text, { retryable: false });
}
