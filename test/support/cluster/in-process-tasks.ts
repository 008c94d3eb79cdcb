import { once } from "node:events";
import type { TakenTask, TaskQueue } from "@millrace/engine";

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
  readonly #added = new EventTarget();

  /** One node's end of it; nothing gets through while `isConnected` says so. */
  end(isConnected: () => boolean): TaskQueue {
    return {
      redeliverAfterMs: this.redeliverAfterMs,
      put: async (data) => {
        this.put += 1;
        this.#add({ data, deliveries: 0 });
      },
      take: async (limit, waitMs, signal) => {
        const deadline = AbortSignal.any([AbortSignal.timeout(waitMs), ...(signal === undefined ? [] : [signal])]);
        while (!deadline.aborted) {
          if (isConnected() && this.#waiting.length > 0) {
            return this.#waiting.splice(0, limit).map((waiting) => this.#give(waiting, isConnected));
          }
          await once(this.#added, "added", { signal: deadline }).catch(() => undefined);
        }
        return [];
      },
    };
  }

  #add(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#added.dispatchEvent(new Event("added"));
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
        clearTimeout(timer);
      }),
      giveBack: (delayMs) => whileConnected(() => again(delayMs))(),
    };
  }
}
