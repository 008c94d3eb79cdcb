import { setTimeout as sleep } from "node:timers/promises";
import { type Adapter, compileTemplate, defineAdapter, type Template, templateField } from "@millrace/engine";
import { z } from "zod";
import { onlyInServiceThread } from "./service-thread.ts";
import { templateInput } from "./template-input.ts";

const config = z.strictObject({
  per_second: z
    .number()
    .min(0.001)
    .max(100_000)
    .describe("Messages that go on a second, over time; less than 1 is more than a second between two"),
  burst: z.int().min(1).max(1_000_000).default(1).describe("Messages that may go on at once after a time without any"),
  key: templateField()
    .min(1)
    .optional()
    .describe("What is counted by itself, with `${…}` over the message, as `${host}`; default: all messages together"),
});

const EXAMPLE = `version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 5 } }], outbound: [call] }
  call:
    inbound: { concurrency: 4 }
    adapters:
      - { type: throttle, config: { per_second: 10 } }
      - { type: log }
init_message: { route: make }
`;

/** Keys whose time is over are forgotten when so many are known, and each time that their number has doubled. */
const SWEEP_AT = 1_000;

/** Lets so many messages through a second. */
export const throttle: Adapter<
  z.infer<typeof config>,
  { readonly pace: Pace; readonly key: Template | null }
> = defineAdapter({
  type: "throttle",
  category: "flow",
  stateful: () => true,
  description: "Lets `per_second` messages go on, in all or by a key; the others wait for their turn.",
  config,
  example: EXAMPLE,
  prepare: ({ per_second: perSecond, burst, key }) => {
    onlyInServiceThread("throttle");
    return { pace: new Pace(perSecond, burst), key: key === undefined ? null : compileTemplate(key) };
  },
  async process(message, { prepared: { pace, key }, signal }) {
    const turn = pace.take(key === null ? "" : await key.render(templateInput(message)), performance.now());
    if (turn > 0) await sleep(turn, undefined, { signal });
    return message.payload;
  },
});

/** Gives out turns by key, in the order in which they are asked for. */
export class Pace {
  readonly #intervalMs: number;
  readonly #burst: number;
  /** When the next message of a key would be due if there were no bursts. */
  readonly #due = new Map<string, number>();
  #sweepAt = SWEEP_AT;

  constructor(perSecond: number, burst: number) {
    this.#intervalMs = 1000 / perSecond;
    this.#burst = burst;
  }

  /** Keys that are known. */
  get keys(): number {
    return this.#due.size;
  }

  /** How long a message of the key has to wait, in milliseconds; the turn is its own then. */
  take(key: string, nowMs: number): number {
    const due = Math.max(this.#due.get(key) ?? 0, nowMs);
    if (this.#due.size >= this.#sweepAt && !this.#due.has(key)) this.#sweep(nowMs);
    this.#due.set(key, due + this.#intervalMs);
    return Math.max(0, due - (this.#burst - 1) * this.#intervalMs - nowMs);
  }

  #sweep(nowMs: number): void {
    for (const [key, due] of this.#due) if (due <= nowMs) this.#due.delete(key);
    this.#sweepAt = Math.max(SWEEP_AT, this.#due.size * 2);
  }
}
