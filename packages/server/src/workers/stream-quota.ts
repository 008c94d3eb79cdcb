/** A worker, as far as its share of the streams goes. */
export interface QuotaHolder {
  /** Takes back what it has room for, and resolves with how many streams that is. */
  giveBack(): Promise<number>;
}

/** A worker is given room for so many streams at a time, so that it seldom asks. */
const GRANT = 64;

/**
 * Splits `max_subscribers` among the workers, so that it holds for all of them together: each may open as many streams
 * as it was given; one that needs more gets them from what nobody has, or has no use for.
 */
export class StreamQuota {
  readonly #given = new Map<QuotaHolder, number>();
  #free: number;
  /** Requests are served one after the other: what one takes back must not be counted on by another. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(max: number) {
    this.#free = max;
  }

  /** A new worker; returns what it may open without asking: with its `fellows`, half of all. */
  join(holder: QuotaHolder, fellows: number, max: number): number {
    const share = Math.min(this.#free, Math.floor(max / (2 * fellows)));
    this.#free -= share;
    this.#given.set(holder, share);
    return share;
  }

  /** The worker has gone, and its streams with it. */
  leave(holder: QuotaHolder): void {
    this.#free += this.#given.get(holder) ?? 0;
    this.#given.delete(holder);
  }

  /** Room for `wanted` streams or more, if there is any; resolves with how many. */
  more(holder: QuotaHolder, wanted: number): Promise<number> {
    const granted = this.#last.then(() => this.#grant(holder, wanted));
    this.#last = granted.catch(() => undefined);
    return granted;
  }

  async #grant(holder: QuotaHolder, wanted: number): Promise<number> {
    if (this.#free < wanted) {
      const others = [...this.#given.keys()].filter((other) => other !== holder);
      await Promise.all(others.map((other) => this.#takeBack(other)));
    }
    const before = this.#given.get(holder);
    // It may have gone meanwhile.
    if (before === undefined) return 0;
    const granted = Math.min(this.#free, Math.max(wanted, GRANT));
    this.#free -= granted;
    this.#given.set(holder, before + granted);
    return granted;
  }

  async #takeBack(holder: QuotaHolder): Promise<void> {
    // One that is gone gives back by leaving.
    const back = await holder.giveBack().catch(() => 0);
    const given = this.#given.get(holder);
    if (given === undefined) return;
    this.#given.set(holder, given - back);
    this.#free += back;
  }
}
