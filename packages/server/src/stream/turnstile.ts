/** Lets so many through in one turn of the event loop, in the order in which they came. */
export class Turnstile {
  readonly #perTurn: number;
  readonly #waiting: (() => void)[] = [];
  #left: number;
  #turning = false;

  constructor(perTurn: number) {
    this.#perTurn = perTurn;
    this.#left = perTurn;
  }

  /** Resolves when it is the caller's turn: at once, unless many have come in this one. */
  async pass(): Promise<void> {
    this.#turn();
    if (this.#left === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#left -= 1;
  }

  #turn(): void {
    if (this.#turning) return;
    this.#turning = true;
    setImmediate(() => {
      this.#turning = false;
      const next = this.#waiting.splice(0, this.#perTurn);
      this.#left = this.#perTurn - next.length;
      for (const resolve of next) resolve();
      if (this.#waiting.length > 0) this.#turn();
    });
  }
}
