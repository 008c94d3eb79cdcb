import type { Bus } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";

/** What nodes of one process say to each other. */
export class InProcessBus {
  readonly ends = new Set<BusEnd>();

  end(): BusEnd {
    const end = new BusEnd(this);
    this.ends.add(end);
    return end;
  }
}

/** One node's end of it. */
export class BusEnd implements Bus {
  connected = true;
  readonly maxBytes = 1024 * 1024;
  /** Answers of so many requests to come are lost on their way. */
  answersToLose = 0;
  readonly #bus: InProcessBus;
  readonly #listeners = new Map<string, Set<(data: Uint8Array) => void>>();
  readonly #handlers = new Map<string, (data: Uint8Array) => Promise<Uint8Array>>();
  readonly #onStatus = new Set<(connected: boolean) => void>();

  constructor(bus: InProcessBus) {
    this.#bus = bus;
  }

  /** Nothing gets through to it or from it any more, or again. */
  connect(connected: boolean): void {
    this.connected = connected;
    for (const listener of this.#onStatus) listener(connected);
  }

  onStatus(listener: (connected: boolean) => void): () => void {
    this.#onStatus.add(listener);
    return () => this.#onStatus.delete(listener);
  }

  publish(subject: string, data: Uint8Array): void {
    if (!this.connected) return;
    setImmediate(() => {
      for (const end of this.#bus.ends) if (end.connected) end.#deliver(subject, data);
    });
  }

  subscribe(subject: string, listener: (data: Uint8Array) => void): () => void {
    const listeners = this.#listeners.get(subject) ?? new Set();
    this.#listeners.set(subject, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  async request(subject: string, data: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const unreachable = () => new MillraceError("NODE_UNREACHABLE", `Nobody answers for ${subject}.`);
    await new Promise((resolve) => setImmediate(resolve));
    const end = [...this.#bus.ends].find((other) => other.connected && other.#handlers.has(subject));
    const handler = end === undefined ? undefined : end.#handlers.get(subject);
    if (!this.connected || end === undefined || handler === undefined) throw unreachable();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(unreachable()), timeoutMs);
    });
    try {
      const answer = await Promise.race([handler(data), late]);
      if (!this.connected || !end.connected) return await late;
      if (this.answersToLose > 0) {
        this.answersToLose -= 1;
        throw unreachable();
      }
      return answer;
    } finally {
      clearTimeout(timer);
    }
  }

  answer(subject: string, handler: (data: Uint8Array) => Promise<Uint8Array>): () => void {
    this.#handlers.set(subject, handler);
    return () => this.#handlers.delete(subject);
  }

  async close(): Promise<void> {
    this.connected = false;
    this.#bus.ends.delete(this);
  }

  #deliver(subject: string, data: Uint8Array): void {
    for (const listener of this.#listeners.get(subject) ?? []) listener(data);
  }
}
