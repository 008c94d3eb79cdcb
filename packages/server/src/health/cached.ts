/** What a look found: nothing wrong, or why it failed. */
export interface Looked<T> {
  readonly value: T | null;
  readonly fault: string | null;
}

/**
 * A look that costs something. However many ask, it is taken once at a time, and not again for `keepMs`; one that is not
 * done within `patienceMs` counts as failed meanwhile, and whoever asks from then on does not wait for it.
 */
export class Cached<T> {
  readonly #look: () => Promise<T>;
  readonly #keepMs: number;
  readonly #patienceMs: number;
  #last: Looked<T> | null = null;
  #lastAt = Number.NEGATIVE_INFINITY;
  #looking: Promise<Looked<T>> | null = null;
  #lookingSince = 0;

  constructor(look: () => Promise<T>, times: { readonly keepMs: number; readonly patienceMs: number }) {
    this.#look = look;
    this.#keepMs = times.keepMs;
    this.#patienceMs = times.patienceMs;
  }

  /** Never throws. */
  async read(): Promise<Looked<T>> {
    if (this.#last !== null && performance.now() - this.#lastAt < this.#keepMs) return this.#last;
    if (this.#looking === null) {
      this.#lookingSince = performance.now();
      this.#looking = this.#take();
    }
    const late = Promise.withResolvers<Looked<T>>();
    const timer = setTimeout(
      () => late.resolve({ value: null, fault: `no answer within ${this.#patienceMs / 1000} s` }),
      Math.max(0, this.#lookingSince + this.#patienceMs - performance.now()),
    );
    try {
      return await Promise.race([this.#looking, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #take(): Promise<Looked<T>> {
    let looked: Looked<T>;
    try {
      looked = { value: await this.#look(), fault: null };
    } catch (error) {
      looked = { value: null, fault: error instanceof Error ? error.message : String(error) };
    }
    this.#last = looked;
    this.#lastAt = performance.now();
    this.#looking = null;
    return looked;
  }
}
