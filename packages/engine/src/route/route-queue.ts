import type { StoredMessage, WorkQueue } from "../ports.ts";

/** How much of a queue is held in memory: messages, and bytes of their payloads. The rest stays in the store. */
const WINDOW_MESSAGES = 1_000;
const WINDOW_BYTES = 8 * 1024 * 1024;

/** After a read of the store that failed it is read again so much later, in milliseconds. */
const READ_AGAIN_MS = 500;

/**
 * The queue of a route: a window of the store's messages, in their order.
 *
 * States: *whole* (everything that waits is in the window; new messages join it) ↔ *spilled* (the store has more than
 * the window; new messages are only counted, and the window is filled again from the store when it runs low).
 */
export class RouteQueue {
  readonly #executionId: string;
  readonly #route: string;
  readonly #work: WorkQueue;
  readonly #onReady: () => void;
  #window: StoredMessage[] = [];
  #head = 0;
  #bytes = 0;
  #spilled = false;
  #filling = false;
  /** Whether a message went past the window while it was being filled: what the store then answered is not all. */
  #missed = false;
  /** The last message that was ever in the window: the store is asked for those after it. */
  #lastSeq = 0;
  /** Messages whose time for another attempt has come. */
  #retries: number[] = [];
  #retryHead = 0;
  #closed = false;

  constructor(executionId: string, route: string, work: WorkQueue, onReady: () => void) {
    this.#executionId = executionId;
    this.#route = route;
    this.#work = work;
    this.#onReady = onReady;
  }

  /** A message that was just committed. Must be called in the order of `seq`. */
  push(message: StoredMessage): void {
    if (message.seq <= this.#lastSeq) return;
    if (this.#spilled || this.#size >= WINDOW_MESSAGES || (this.#bytes >= WINDOW_BYTES && this.#size > 0)) {
      this.#spilled = true;
      this.#missed = true;
      return;
    }
    this.#window.push(message);
    this.#bytes += message.payloadJson.length;
    this.#lastSeq = message.seq;
  }

  /** A message whose next attempt is due; it goes before those that were never taken. */
  pushRetry(seq: number): void {
    this.#retries.push(seq);
  }

  /** Reads from the store what waits there: after a restart. */
  load(): void {
    this.#spilled = true;
    this.#fill();
  }

  /** Whether {@link take} has nothing to give and nothing to ask the store for. */
  get isEmpty(): boolean {
    return this.#size === 0 && this.#retryHead === this.#retries.length && !this.#spilled;
  }

  /** The next message, or null: none waits, or the window is being filled ({@link #onReady} is called then). */
  take(): StoredMessage | { readonly retrySeq: number } | null {
    const retrySeq = this.#takeRetry();
    if (retrySeq !== undefined) return { retrySeq };
    const message = this.#window[this.#head];
    if (message === undefined) {
      if (this.#spilled) this.#fill();
      return null;
    }
    this.#head += 1;
    this.#bytes -= message.payloadJson.length;
    if (this.#head === this.#window.length) {
      this.#window = [];
      this.#head = 0;
      this.#bytes = 0;
    } else if (this.#head >= 1_024) {
      this.#window = this.#window.slice(this.#head);
      this.#head = 0;
    }
    if (this.#spilled && this.#size < WINDOW_MESSAGES / 4) this.#fill();
    return message;
  }

  /** Takes nothing more from the store. */
  close(): void {
    this.#closed = true;
    this.#window = [];
    this.#head = 0;
    this.#retries = [];
    this.#retryHead = 0;
    this.#spilled = false;
  }

  get #size(): number {
    return this.#window.length - this.#head;
  }

  /** Without moving those behind it: they may be a million. */
  #takeRetry(): number | undefined {
    const seq = this.#retries[this.#retryHead];
    if (seq === undefined) return undefined;
    this.#retryHead += 1;
    if (this.#retryHead === this.#retries.length) {
      this.#retries = [];
      this.#retryHead = 0;
    }
    return seq;
  }

  #fill(): void {
    if (this.#filling || this.#closed) return;
    this.#filling = true;
    this.#missed = false;
    const limit = WINDOW_MESSAGES - this.#size;
    this.#work
      .take(this.#executionId, this.#route, this.#lastSeq, limit, WINDOW_BYTES)
      .then((messages) => {
        this.#filling = false;
        if (this.#closed) return;
        if (messages.length === 0) {
          this.#spilled = this.#missed;
          if (this.#missed) this.#fill();
          return;
        }
        for (const message of messages) {
          this.#window.push(message);
          this.#bytes += message.payloadJson.length;
          this.#lastSeq = message.seq;
        }
        this.#onReady();
      })
      .catch(() => {
        // Its own health is reported elsewhere.
        setTimeout(() => {
          this.#filling = false;
          if (!this.#closed) this.#onReady();
        }, READ_AGAIN_MS);
      });
  }
}
