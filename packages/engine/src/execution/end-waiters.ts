/** Those who wait for executions to be over. */
export class EndWaiters {
  readonly #waiters = new Map<string, Set<() => void>>();

  /** Resolves when {@link tell} is called for the execution. To be cancelled in any case, when it is waited for no more. */
  whenOver(executionId: string): { promise: Promise<void>; cancel: () => void } {
    let tell = () => {};
    const promise = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const waiters = this.#waiters.get(executionId) ?? new Set();
    waiters.add(tell);
    this.#waiters.set(executionId, waiters);
    return {
      promise,
      cancel: () => {
        waiters.delete(tell);
        if (waiters.size === 0 && this.#waiters.get(executionId) === waiters) this.#waiters.delete(executionId);
      },
    };
  }

  /**
   * Resolves true when the execution is over, false after `timeoutMs` or when `signal` is aborted. `isOver` is asked
   * once it cannot be missed any more that the execution ends.
   */
  async wait(
    executionId: string,
    isOver: () => Promise<boolean>,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const over = this.whenOver(executionId);
    let timer: NodeJS.Timeout | undefined;
    let onAbort = () => {};
    try {
      if (await isOver()) return true;
      const elapsed = new Promise<false>((resolve) => {
        onAbort = () => resolve(false);
        timer = setTimeout(onAbort, timeoutMs);
        signal?.addEventListener("abort", onAbort, { once: true });
        if (signal?.aborted) onAbort();
      });
      return await Promise.race([over.promise.then(() => true), elapsed]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      over.cancel();
    }
  }

  /** The execution is over. */
  tell(executionId: string): void {
    for (const tell of this.#waiters.get(executionId) ?? []) tell();
  }

  /** Nobody is to wait any longer, whatever it was for. */
  tellAll(): void {
    for (const executionId of this.#waiters.keys()) this.tell(executionId);
  }
}
