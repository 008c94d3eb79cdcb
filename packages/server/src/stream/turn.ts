/** How long a piece of work may hold the event loop, in milliseconds. */
const SLICE_MS = 8;

/** Steps between two looks at the clock. */
const STEPS = 32;

/** Resolves in the next turn of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Cuts long work into slices, so that requests and runs have their turns in between. */
export class Slices {
  #startedAt = performance.now();
  #steps = 0;
  #spentMs = 0;

  /** To be asked after each step: whether it is time to let others have their turn ({@link rest}). */
  get over(): boolean {
    this.#steps += 1;
    return this.#steps % STEPS === 0 && performance.now() - this.#startedAt > SLICE_MS;
  }

  /** Lets others have their turn. */
  async rest(): Promise<void> {
    this.#spentMs += performance.now() - this.#startedAt;
    await nextTurn();
    this.#startedAt = performance.now();
  }

  /** Milliseconds that the work has taken so far, without the others' turns. */
  get spentMs(): number {
    return this.#spentMs + performance.now() - this.#startedAt;
  }
}
