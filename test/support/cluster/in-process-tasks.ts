import type { TakenTask, TaskQueue } from "@millrace/engine";

/** How often it is looked for a task, in milliseconds. */
const LOOK_MS = 5;

interface Waiting {
  readonly data: Uint8Array;
  deliveries: number;
}

/** A work queue of nodes of one process. */
export class InProcessTasks {
  readonly redeliverAfterMs = 300;
  /** Tasks that were ever put. */
  put = 0;
  readonly #waiting: Waiting[] = [];

  /** Tasks that are not done. */
  left = 0;

  /** Loses all that waits, as a broker that has lost its files. */
  lose(): void {
    this.left -= this.#waiting.length;
    this.#waiting.length = 0;
  }

  /** One node's end of it; nothing gets through while `isConnected` says so. */
  end(isConnected: () => boolean): TaskQueue {
    return {
      redeliverAfterMs: this.redeliverAfterMs,
      put: async (data) => {
        this.put += 1;
        this.left += 1;
        this.#add({ data, deliveries: 0 });
      },
      depth: async () => ({ waiting: this.#waiting.length, taken: this.left - this.#waiting.length }),
      take: async (limit, waitMs, signal) => {
        const deadline = performance.now() + waitMs;
        while (performance.now() < deadline && !signal?.aborted) {
          if (isConnected() && this.#waiting.length > 0) {
            return this.#waiting.splice(0, limit).map((waiting) => this.#give(waiting, isConnected));
          }
          await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
        }
        return [];
      },
    };
  }

  #add(waiting: Waiting): void {
    this.#waiting.push(waiting);
  }

  #give(waiting: Waiting, isConnected: () => boolean): TakenTask {
    waiting.deliveries += 1;
    let over = false;
    let timer: NodeJS.Timeout | undefined;
    const again = (afterMs: number) => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        if (over) return;
        over = true;
        this.#add(waiting);
      }, afterMs);
      timer.unref();
    };
    again(this.redeliverAfterMs);
    const whileConnected = (act: () => void) => () => {
      if (isConnected() && !over) act();
    };
    return {
      data: waiting.data,
      deliveries: waiting.deliveries,
      extend: whileConnected(() => again(this.redeliverAfterMs)),
      done: whileConnected(() => {
        over = true;
        this.left -= 1;
        clearTimeout(timer);
      }),
      giveBack: (delayMs) => whileConnected(() => again(delayMs))(),
    };
  }
}
