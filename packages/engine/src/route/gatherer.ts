import type { JsonObject } from "@millrace/protocol";
import type { AdapterError, Gathering } from "../adapter.ts";
import type { Flow } from "./flow.ts";

/** Messages that were gathered, and what goes on of them. */
export interface Batch {
  /** Settled together; the first leads: what the batch gives rise to is emitted in its name. */
  readonly flows: readonly [Flow, ...Flow[]];
  readonly payloads: readonly JsonObject[];
  /** What the flows fail with instead; null where they go on. */
  readonly error: AdapterError | null;
}

/** Holds messages of a route until they go on together. */
export interface Gatherer {
  /** Messages that are held. */
  readonly parked: number;
  /** Whether some of what is held should go on now. */
  readonly isDue: boolean;
  /**
   * Takes in a message with what the steps before made of it.
   * @throws AdapterError where it cannot be held: it fails
   */
  add(flow: Flow): void;
  /**
   * Lets go of what should go on; `last`: of all, as nothing more can come. A batch at a time: null where there is none.
   */
  release(last: boolean): Batch | null;
  /** Lets go of all that is held, and of the timers. */
  clear(): Flow[];
}

/**
 * Holds the messages that wait at a gathering adapter of a route.
 *
 * A message's pieces are never spread over two settlements: when its last piece does not fill a batch, that batch is
 * shorter. So a crash between two batches cannot send a piece twice.
 */
export class BatchGatherer implements Gatherer {
  readonly #gathering: Gathering;
  readonly #onDue: () => void;
  #held: Flow[] = [];
  #items = 0;
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #due = false;

  constructor(gathering: Gathering, onDue: () => void) {
    this.#gathering = gathering;
    this.#onDue = onDue;
  }

  get parked(): number {
    return this.#held.length;
  }

  get isDue(): boolean {
    const { size, maxBytes } = this.#gathering;
    return (
      this.#held.length > 0 && (this.#due || this.#items >= size || (maxBytes !== undefined && this.#bytes >= maxBytes))
    );
  }

  add(flow: Flow): void {
    this.#held.push(flow);
    this.#items += flow.gathered.length;
    if (this.#gathering.maxBytes !== undefined) for (const payload of flow.gathered) this.#bytes += bytesOf(payload);
    if (this.#timer === undefined && !this.isDue) {
      this.#timer = setTimeout(() => {
        this.#due = true;
        this.#onDue();
      }, this.#gathering.timeoutMs);
    }
  }

  /** One batch of messages, with as many payloads as needed. */
  release(): Batch | null {
    const [first, ...rest] = this.clear();
    if (first === undefined) return null;
    const flows: [Flow, ...Flow[]] = [first, ...rest];
    return { flows, payloads: this.#cut(flows.flatMap((flow) => flow.gathered)), error: null };
  }

  clear(): Flow[] {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#due = false;
    const held = this.#held;
    this.#held = [];
    this.#items = 0;
    this.#bytes = 0;
    return held;
  }

  #cut(items: readonly JsonObject[]): JsonObject[] {
    const { size, maxBytes } = this.#gathering;
    const payloads: JsonObject[] = [];
    let batch: JsonObject[] = [];
    let bytes = 0;
    for (const item of items) {
      const own = maxBytes === undefined ? 0 : bytesOf(item);
      if (batch.length >= size || (maxBytes !== undefined && batch.length > 0 && bytes + own > maxBytes)) {
        payloads.push({ items: batch });
        batch = [];
        bytes = 0;
      }
      batch.push(item);
      bytes += own;
    }
    payloads.push({ items: batch });
    return payloads;
  }
}

/** As an element of a list of JSON. */
function bytesOf(payload: JsonObject): number {
  return Buffer.byteLength(JSON.stringify(payload)) + 1;
}
