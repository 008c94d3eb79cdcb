import type { JsonObject } from "@millrace/protocol";
import type { Gathering } from "../adapter.ts";
import type { Flow } from "./flow.ts";

/** Messages that were gathered, and what goes on of them. */
export interface Batch {
  /** Settled together; the first leads: what the batch gives rise to is emitted in its name. */
  readonly flows: readonly [Flow, ...Flow[]];
  readonly payloads: readonly JsonObject[];
}

/**
 * Holds the messages that wait at a gathering adapter of a route.
 *
 * A message's pieces are never spread over two settlements: when its last piece does not fill a batch, that batch is
 * shorter. So a crash between two batches cannot send a piece twice.
 */
export class Gatherer {
  readonly #gathering: Gathering;
  readonly #onDue: () => void;
  #held: Flow[] = [];
  #items = 0;
  #timer: NodeJS.Timeout | undefined;
  #due = false;

  constructor(gathering: Gathering, onDue: () => void) {
    this.#gathering = gathering;
    this.#onDue = onDue;
  }

  /** Messages that are held. */
  get parked(): number {
    return this.#held.length;
  }

  /** Whether what is held should go on now. */
  get isDue(): boolean {
    return this.#held.length > 0 && (this.#due || this.#items >= this.#gathering.size);
  }

  /** Takes in a message with what the steps before made of it. */
  add(flow: Flow): void {
    this.#held.push(flow);
    this.#items += flow.gathered.length;
    if (this.#timer === undefined && !this.isDue) {
      this.#timer = setTimeout(() => {
        this.#due = true;
        this.#onDue();
      }, this.#gathering.timeoutMs);
    }
  }

  /** Lets go of all that is held, as one batch of messages with as many payloads as needed; null where none is. */
  release(): Batch | null {
    const [first, ...rest] = this.clear();
    if (first === undefined) return null;
    const flows: [Flow, ...Flow[]] = [first, ...rest];
    const items = flows.flatMap((flow) => flow.gathered);
    const payloads: JsonObject[] = [];
    for (let at = 0; at < items.length; at += this.#gathering.size) {
      payloads.push({ items: items.slice(at, at + this.#gathering.size) });
    }
    return { flows, payloads };
  }

  /** Lets go of all that is held, and of the timer. */
  clear(): Flow[] {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#due = false;
    const held = this.#held;
    this.#held = [];
    this.#items = 0;
    return held;
  }
}
