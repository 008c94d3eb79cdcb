import type { JsonObject } from "@millrace/protocol";
import { AdapterError, type HeldParts, type Part, type PartGathering } from "../adapter.ts";
import type { Flow } from "./flow.ts";
import type { Batch, Gatherer } from "./gatherer.ts";

/** Wholes of which it is remembered that they went on without some of their parts. */
const REMEMBERED = 100_000;

/** The messages of one whole that are held. */
interface Group {
  readonly key: string;
  readonly count: number;
  readonly parts: Map<number, JsonObject>;
  readonly flows: [Flow, ...Flow[]];
  readonly timer: NodeJS.Timeout;
}

/**
 * Holds messages of a route that are parts of wholes, until each whole is complete, or is not waited for any more.
 *
 * What it holds are messages in flight, which the store has: after a crash they are taken again, and gathered anew. All
 * parts of a whole are settled with what they became, in one transition.
 */
export class PartGatherer implements Gatherer {
  readonly #gathering: PartGathering;
  readonly #onDue: () => void;
  /** The one that began first at the beginning. */
  readonly #groups = new Map<string, Group>();
  readonly #due: Batch[] = [];
  /** Wholes that went on without some of their parts: one that comes later has nowhere to go. */
  readonly #gone = new Set<string>();
  #parked = 0;

  constructor(gathering: PartGathering, onDue: () => void) {
    this.#gathering = gathering;
    this.#onDue = onDue;
  }

  get parked(): number {
    return this.#parked;
  }

  get isDue(): boolean {
    return this.#due.length > 0;
  }

  add(flow: Flow): void {
    const [first, ...rest] = flow.gathered.map((payload) => ({ payload, part: this.#gathering.part(payload) }));
    if (first === undefined) return;
    const { group: key, count } = first.part;
    for (const { part } of rest) {
      if (part.group === key && part.count === count) continue;
      throw refused("JOIN_PARTS_MIXED", "The message became parts of different wholes. Join on a route of its own.");
    }
    const known = this.#groups.get(key);
    if (known !== undefined && known.count !== count) {
      throw refused("JOIN_PART_INVALID", `The part says that "${key}" has ${count} parts, others say ${known.count}.`);
    }
    if (this.#gone.has(key)) {
      const text = `The part comes too late: "${key}" has gone on without it. Give it more time (timeout_seconds).`;
      throw refused("JOIN_PART_LATE", text);
    }
    const group = known ?? this.#begin(first.part, flow);
    if (known !== undefined) known.flows.push(flow);
    this.#parked += 1;
    // A part that is there already is replaced: the newer is what a retry has made.
    for (const { payload, part } of [first, ...rest]) group.parts.set(part.index, payload);
    if (group.parts.size >= group.count) this.#end(group, "complete");
    while (this.#waiting > this.#gathering.maxHeld && this.#groups.size > 0) this.#dropOldest();
  }

  release(last: boolean): Batch | null {
    if (this.#due.length === 0 && last) for (const group of [...this.#groups.values()]) this.#end(group, "last");
    const batch = this.#due.shift() ?? null;
    if (batch !== null) this.#parked -= batch.flows.length;
    return batch;
  }

  clear(): Flow[] {
    const groups = [...this.#groups.values()];
    for (const { timer } of groups) clearTimeout(timer);
    const held = [...this.#due.splice(0), ...groups].flatMap(({ flows }) => [...flows]);
    this.#groups.clear();
    this.#parked = 0;
    return held;
  }

  #begin({ group: key, count }: Part, flow: Flow): Group {
    const timer = setTimeout(() => {
      this.#end(group, "timeout");
      this.#onDue();
    }, this.#gathering.timeoutMs);
    const group: Group = { key, count, parts: new Map(), flows: [flow], timer };
    this.#groups.set(key, group);
    return group;
  }

  #dropOldest(): void {
    const [oldest] = this.#groups.values();
    if (oldest !== undefined) this.#end(oldest, "full");
  }

  /** Messages that wait for others. */
  get #waiting(): number {
    return this.#due.reduce((left, { flows }) => left - flows.length, this.#parked);
  }

  #end(group: Group, because: HeldParts["because"]): void {
    clearTimeout(group.timer);
    this.#groups.delete(group.key);
    const parts = new Map([...group.parts].sort(([a], [b]) => a - b));
    const { key, count, flows } = group;
    try {
      const whole = this.#gathering.whole({ group: key, count, parts, because });
      if (because !== "complete") this.#remember(key);
      this.#due.push({ flows, payloads: [whole], error: null });
    } catch (error) {
      this.#due.push({ flows, payloads: [], error: error instanceof AdapterError ? error : failed(error) });
    }
  }

  #remember(key: string): void {
    this.#gone.add(key);
    const [oldest] = this.#gone;
    if (this.#gone.size > REMEMBERED && oldest !== undefined) this.#gone.delete(oldest);
  }
}

function refused(code: string, message: string): AdapterError {
  return new AdapterError(code, message, { retryable: false });
}

function failed(error: unknown): AdapterError {
  const why = error instanceof Error ? error.message : String(error);
  return new AdapterError("ADAPTER_ERROR", why, { retryable: false, cause: error });
}
