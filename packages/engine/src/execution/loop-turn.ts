/**
 * How long adapters that wait for nothing may run before the event loop goes on to the sockets, timers and commits that
 * wait, in milliseconds.
 */
const MAX_TURN_MS = 10;

/**
 * The share of each turn of the event loop that all executions together take messages in.
 *
 * States: *idle* (nothing was taken in this turn) → *running* → *over* (whoever wants to take a message waits in line for
 * a next turn) → *idle*, as the loop comes round.
 */
export class LoopTurn {
  #startedMs: number | null = null;
  readonly #waiting: (() => void)[] = [];

  /** Whether no message is to be taken any more in this turn. Asking begins the share. */
  get isOver(): boolean {
    const now = performance.now();
    if (this.#startedMs === null) {
      this.#startedMs = now;
      setImmediate(() => this.#next());
      return false;
    }
    return now - this.#startedMs > MAX_TURN_MS;
  }

  /** Calls back in a later turn, after those who asked before. */
  wait(callback: () => void): void {
    this.#waiting.push(callback);
  }

  #next(): void {
    this.#startedMs = null;
    while (this.#waiting.length > 0 && !this.isOver) this.#waiting.shift()?.();
  }
}
