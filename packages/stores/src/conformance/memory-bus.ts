import type { Bus } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import { decodeReply, encodeError, toError } from "../nats/call-envelopes.ts";

/** What happens to a message on its way: by default it arrives in a later turn. It may be delayed, or lost. */
export type OnTheWay = (arrive: () => void) => void;

/** Nodes in one process, for tests of what stands on a {@link Bus}. */
export class MemoryNetwork {
  readonly nodes = new Set<MemoryBus>();
  /** What happens to what is published, per listener. */
  onTheWay: OnTheWay = (arrive) => setImmediate(arrive);

  /** Another node. */
  connect(): MemoryBus {
    const node = new MemoryBus(this);
    this.nodes.add(node);
    return node;
  }
}

/** A {@link Bus} in memory. */
export class MemoryBus implements Bus {
  readonly maxBytes = 1024 * 1024;
  readonly #network: MemoryNetwork;
  readonly #subscriptions = new Map<string, Set<(data: Uint8Array) => void>>();
  readonly #answers = new Map<string, (data: Uint8Array) => Promise<Uint8Array>>();
  readonly #statusListeners = new Set<(connected: boolean) => void>();
  readonly #asked = new Set<(error: Error) => void>();
  /** What those are told with who wait for an answer of this node. */
  readonly #due = new Set<(error: Error) => void>();
  #connected = true;

  constructor(network: MemoryNetwork) {
    this.#network = network;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** How many listen here, to whatever. */
  get subscriptions(): number {
    let count = 0;
    for (const listeners of this.#subscriptions.values()) count += listeners.size;
    return count;
  }

  /** Cuts the node off from all others, or brings it back. */
  setConnected(connected: boolean): void {
    if (this.#connected === connected) return;
    this.#connected = connected;
    if (!connected) for (const reject of this.#asked) reject(unreachable("the connection was lost"));
    for (const listener of this.#statusListeners) listener(connected);
  }

  onStatus(listener: (connected: boolean) => void): () => void {
    this.#statusListeners.add(listener);
    return () => this.#statusListeners.delete(listener);
  }

  publish(subject: string, data: Uint8Array): void {
    if (data.length > this.maxBytes) {
      throw new MillraceError("INTERNAL", `${data.length} bytes are more than the ${this.maxBytes} that get through.`);
    }
    if (!this.#connected) return;
    const sent = Buffer.from(data);
    for (const node of this.#network.nodes) {
      for (const listener of node.#subscriptions.get(subject) ?? []) {
        this.#network.onTheWay(() => {
          if (node.#connected && node.#subscriptions.get(subject)?.has(listener) === true) listener(sent);
        });
      }
    }
  }

  subscribe(subject: string, listener: (data: Uint8Array) => void): () => void {
    // One that is given twice is told twice.
    const own = (data: Uint8Array) => listener(data);
    const listeners = this.#subscriptions.get(subject) ?? new Set();
    this.#subscriptions.set(subject, listeners.add(own));
    return () => listeners.delete(own);
  }

  async request(subject: string, data: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const node = this.#connected ? [...this.#network.nodes].find((other) => other.#answersFor(subject)) : undefined;
    const handler = node === undefined ? undefined : node.#answers.get(subject);
    if (node === undefined || handler === undefined) throw unreachable("no node answers for it");
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(unreachable(`it did not answer within ${timeoutMs} ms`)), timeoutMs);
    this.#asked.add(reject);
    node.#due.add(reject);
    try {
      return Buffer.from(await Promise.race([promise, answer(handler, Buffer.from(data))]));
    } finally {
      clearTimeout(timer);
      this.#asked.delete(reject);
      node.#due.delete(reject);
    }
  }

  answer(subject: string, handler: (data: Uint8Array) => Promise<Uint8Array>): () => void {
    this.#answers.set(subject, handler);
    return () => this.#answers.delete(subject);
  }

  async close(): Promise<void> {
    for (const reject of this.#due) reject(unreachable("the node is being stopped"));
    this.setConnected(false);
    this.#network.nodes.delete(this);
  }

  #answersFor(subject: string): boolean {
    return this.#connected && this.#answers.has(subject);
  }
}

/** What is thrown goes the way that it goes between processes. */
async function answer(handler: (data: Uint8Array) => Promise<Uint8Array>, data: Uint8Array): Promise<Uint8Array> {
  await new Promise((resolve) => setImmediate(resolve));
  try {
    return await handler(data);
  } catch (thrown) {
    const { head } = decodeReply(encodeError(thrown));
    throw head.kind === "error" ? toError(head) : thrown;
  }
}

function unreachable(reason: string): MillraceError {
  return new MillraceError("NODE_UNREACHABLE", `The node cannot be asked: ${reason}. Try again shortly.`);
}
