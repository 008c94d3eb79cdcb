import { type AnyAdapter, defineAdapter, type Message } from "@millrace/engine";
import { z } from "zod";

/** An adapter that holds messages until it is opened, and notes what it is given. */
export class Gate {
  readonly taken: Message[] = [];
  readonly aborted: string[] = [];
  /** Messages that are in it now, and the most that ever were. */
  inside = 0;
  most = 0;
  readonly adapter: AnyAdapter;
  #open = false;
  readonly #waiting = new Set<() => void>();

  constructor(type = "gate", more: Partial<AnyAdapter> = {}) {
    this.adapter = {
      ...defineAdapter({
        type,
        description: "Holds messages until it is opened.",
        config: z.any(),
        process: async (message, { signal }) => {
          this.taken.push(message);
          this.inside += 1;
          this.most = Math.max(this.most, this.inside);
          await this.#pass(message, signal);
          this.inside -= 1;
          return message.payload;
        },
      }),
      ...more,
    };
  }

  open(): void {
    this.#open = true;
    for (const pass of this.#waiting) pass();
  }

  #pass({ id }: Message, signal: AbortSignal): Promise<void> {
    if (this.#open) return Promise.resolve();
    return new Promise((resolve) => {
      const pass = () => {
        this.#waiting.delete(pass);
        resolve();
      };
      this.#waiting.add(pass);
      signal.addEventListener("abort", () => {
        this.aborted.push(id);
        pass();
      });
    });
  }
}
