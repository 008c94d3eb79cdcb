import type { TakenTask, TaskQueue } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";

interface Task {
  readonly data: Uint8Array;
  readonly order: number;
  deliveries: number;
  timer: NodeJS.Timeout | undefined;
}

/** A {@link TaskQueue} in memory, for tests of what stands on one. Nodes of one process share it. */
export class MemoryTaskQueue implements TaskQueue {
  readonly redeliverAfterMs: number;
  readonly #maxTasks: number;
  #tasks: Task[] = [];
  #held = 0;
  #order = 0;
  #wake: (() => void)[] = [];

  constructor(options: { readonly redeliverAfterMs?: number; readonly maxTasks?: number } = {}) {
    this.redeliverAfterMs = options.redeliverAfterMs ?? 30_000;
    this.#maxTasks = options.maxTasks ?? 100_000;
  }

  /** Tasks that are not done. */
  get size(): number {
    return this.#held;
  }

  async put(data: Uint8Array): Promise<void> {
    if (this.#held >= this.#maxTasks) throw new MillraceError("SERVICE_UNAVAILABLE", "The work queue is full.");
    this.#held += 1;
    this.#order += 1;
    this.#offer({ data: Buffer.from(data), order: this.#order, deliveries: 0, timer: undefined });
  }

  async depth(): Promise<{ waiting: number; taken: number }> {
    return { waiting: this.#tasks.length, taken: this.#held - this.#tasks.length };
  }

  async take(limit: number, waitMs: number, signal?: AbortSignal): Promise<TakenTask[]> {
    const deadline = performance.now() + waitMs;
    while (signal?.aborted !== true) {
      if (this.#tasks.length > 0) return this.#tasks.splice(0, limit).map((task) => this.#give(task));
      const left = deadline - performance.now();
      if (left <= 0) return [];
      await this.#woken(left, signal);
    }
    return [];
  }

  #give(task: Task): TakenTask {
    task.deliveries += 1;
    const delivery = task.deliveries;
    // Who holds a task that was given to another has nothing to say of it any more.
    const mine = () => task.deliveries === delivery && task.timer !== undefined;
    const lend = (delayMs: number) => {
      clearTimeout(task.timer);
      task.timer = setTimeout(() => {
        task.timer = undefined;
        this.#offer(task);
      }, delayMs);
      task.timer.unref();
    };
    lend(this.redeliverAfterMs);
    return {
      data: task.data,
      deliveries: delivery,
      extend: () => {
        if (mine()) lend(this.redeliverAfterMs);
      },
      done: () => {
        if (!mine()) return;
        clearTimeout(task.timer);
        task.timer = undefined;
        this.#held -= 1;
      },
      giveBack: (delayMs) => {
        if (mine()) lend(delayMs);
      },
    };
  }

  #offer(task: Task): void {
    this.#tasks.push(task);
    this.#tasks.sort((a, b) => a.order - b.order);
    for (const wake of this.#wake.splice(0)) wake();
  }

  #woken(waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const timer = setTimeout(wake, waitMs);
      signal?.addEventListener("abort", wake);
      this.#wake.push(wake);
    });
  }
}
