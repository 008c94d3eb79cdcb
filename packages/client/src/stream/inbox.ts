/** How many a reader may be ahead of the one who takes: some megabytes of events. */
const ROOM = 4_096;

/**
 * What has come and is not taken yet. Whoever takes gets all of it at once, so that one who takes seldom gets much each
 * time; when there is no room, whoever puts waits, and with it the sender.
 */
export class Inbox<T> {
  #held: T[] = [];
  #closed = false;
  #error: Error | null = null;
  #arrived: (() => void) | null = null;
  #taken: (() => void) | null = null;

  /** Whether whoever puts has to wait. */
  get isFull(): boolean {
    return this.#held.length >= ROOM && !this.#closed;
  }

  /** Puts what has come; resolves when there is room for more. */
  async put(items: readonly T[]): Promise<void> {
    for (const item of items) this.#held.push(item);
    this.#arrived?.();
    while (this.isFull) {
      await new Promise<void>((resolve) => {
        this.#taken = resolve;
      });
    }
  }

  /** Nothing more comes; what is held is still there to be taken. */
  close(error: Error | null): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#error = error;
    this.#arrived?.();
    this.#taken?.();
  }

  /** Waits until there is something, and takes all; null once it is closed and empty. Throws what it was closed with. */
  async take(): Promise<T[] | null> {
    while (this.#held.length === 0) {
      if (this.#error !== null) throw this.#error;
      if (this.#closed) return null;
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
    const held = this.#held;
    this.#held = [];
    this.#taken?.();
    return held;
  }
}
