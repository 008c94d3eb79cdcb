import type { Flow } from "../route/flow.ts";

/**
 * The messages that an execution works on, and those of them that have something to write down: it is written by the
 * end of the loop turn, all of one turn together.
 */
export class InFlight {
  readonly #flows = new Set<Flow>();
  readonly #dirty = new Set<Flow>();
  readonly #flush: (flow: Flow) => void;
  #flushScheduled = false;
  #tellEmpty = () => {};

  /** `flush` writes down what a flow has, and calls `flushed`. */
  constructor(flush: (flow: Flow) => void) {
    this.#flush = flush;
  }

  get size(): number {
    return this.#flows.size;
  }

  /** As it is now: flows may be closed while one goes through it. */
  all(): Flow[] {
    return [...this.#flows];
  }

  add(flow: Flow): void {
    this.#flows.add(flow);
  }

  /** Resolves when nothing is in flight any more, or after `timeoutMs`. For one caller at a time. */
  whenEmpty(timeoutMs: number): Promise<void> {
    if (this.#flows.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#tellEmpty = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** The flow has something to write down. */
  touch(flow: Flow): void {
    if (flow.closed) return;
    this.#dirty.add(flow);
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    setImmediate(() => {
      this.#flushScheduled = false;
      for (const dirty of this.#dirty) this.#flush(dirty);
    });
  }

  /** What the flow had is on its way to the journal. */
  flushed(flow: Flow): void {
    this.#dirty.delete(flow);
  }

  /** Nothing of the flow counts any more, except what is written down with its outcome. */
  close(flow: Flow): void {
    flow.closed = true;
    this.#flows.delete(flow);
    this.#dirty.delete(flow);
    if (this.#flows.size === 0) this.#tellEmpty();
  }
}
