import type { Span } from "@millrace/engine";

/** What became of spans. */
export interface SpanCounts {
  /** Taken by the collector. */
  readonly sent: number;
  /** Not taken by it, however often it was tried. */
  readonly failed: number;
  /** Dropped, as too many were waiting. */
  readonly dropped: number;
  /** Waiting, or on their way. */
  readonly waiting: number;
}

/** What an outbox is made with. */
export interface OutboxOptions {
  /** Sends spans, with what tries belong to that. Rejects where they are not taken. */
  send(spans: readonly Span[]): Promise<void>;
  /** Told of trouble once it begins, and again at most every minute; null: it is over. */
  onTrouble(error: Error | null): void;
  /** Spans that may wait. */
  readonly maxWaiting: number;
  /** Spans that are sent together. */
  readonly maxBatch: number;
  /** How long a span waits for others, in milliseconds. */
  readonly delayMs: number;
}

/** Between two words about the same trouble, in milliseconds. */
const TOLD_AGAIN_MS = 60_000;

/**
 * Spans on their way out. Nobody waits for it: while the collector is slow, or gone, so many wait, and others are dropped
 * and counted.
 */
export class SpanOutbox {
  readonly #options: OutboxOptions;
  #waiting: Span[] = [];
  #sending: Promise<void> | null = null;
  #underWay = 0;
  #timer: NodeJS.Timeout | undefined;
  #sent = 0;
  #failed = 0;
  #dropped = 0;
  #troubledAt: number | null = null;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  get counts(): SpanCounts {
    return {
      sent: this.#sent,
      failed: this.#failed,
      dropped: this.#dropped,
      waiting: this.#waiting.length + this.#underWay,
    };
  }

  add(span: Span): void {
    const { maxWaiting, maxBatch, delayMs } = this.#options;
    if (this.#waiting.length + this.#underWay >= maxWaiting) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(span);
    if (this.#sending !== null) return;
    if (this.#waiting.length >= maxBatch) this.#send();
    else this.#timer ??= setTimeout(() => this.#send(), delayMs).unref();
  }

  /** Sends what waits, for so long at most, in milliseconds; what is left then is dropped. */
  async close(withinMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(resolve, withinMs, "late");
    });
    while (this.#waiting.length > 0 || this.#sending !== null) {
      if (this.#sending === null) this.#send();
      if ((await Promise.race([this.#sending, late])) === "late") break;
    }
    clearTimeout(timer);
    clearTimeout(this.#timer);
    this.#dropped += this.#waiting.length;
    this.#waiting = [];
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const spans = this.#waiting.splice(0, this.#options.maxBatch);
    if (spans.length === 0) return;
    this.#underWay = spans.length;
    this.#sending = this.#options
      .send(spans)
      .then(
        () => {
          this.#sent += spans.length;
          if (this.#troubledAt === null) return;
          this.#troubledAt = null;
          this.#options.onTrouble(null);
        },
        (error: unknown) => {
          this.#failed += spans.length;
          this.#tell(error instanceof Error ? error : new Error(String(error)));
        },
      )
      .then(() => {
        this.#underWay = 0;
        this.#sending = null;
        // A turn of the loop apart: there is more to do than to tell of it.
        if (this.#waiting.length >= this.#options.maxBatch) setImmediate(() => this.#sending ?? this.#send());
        else if (this.#waiting.length > 0)
          this.#timer ??= setTimeout(() => this.#send(), this.#options.delayMs).unref();
      });
  }

  #tell(error: Error): void {
    const now = performance.now();
    if (this.#troubledAt !== null && now - this.#troubledAt < TOLD_AGAIN_MS) return;
    this.#troubledAt = now;
    this.#options.onTrouble(error);
  }
}
