import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import type { Bus } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import type { Msg, NatsConnection, Subscription } from "@nats-io/transport-node";
import { Calls } from "./calls.ts";
import { connectNats } from "./connect.ts";
import { NatsTaskQueue, type TaskQueueOptions } from "./nats-task-queue.ts";
import { parseNatsUrl } from "./nats-url.ts";

/** How long the server may take to answer at the start, in milliseconds. */
const CONNECT_TIMEOUT_MS = 5_000;

/** Bytes that may be on their way to a server that does not take them; what is published beyond is lost. */
const MAX_UNCONFIRMED_BYTES = 32 * 1024 * 1024;

/** After so many bytes it is looked whether the server has taken them. */
const CONFIRM_BYTES = 256 * 1024;

/** How long a close waits for what was published last, in milliseconds. */
const FLUSH_MS = 1_000;

/** Why a node that is closed answers no more. */
const STOPPING = "the node is being stopped";

/** What a bus is opened with. */
export interface NatsBusOptions {
  /** `nats://[user:password@]host[:port]` or `tls://…`; several, with commas between them, are servers of one cluster. */
  readonly servers: string;
  /** All subjects begin so, and a dot: nodes of one service share it. Letters, digits, `-`, `_` and dots. */
  readonly prefix: string;
  /** How NATS names this node to its operators. */
  readonly name: string;
  /** How long a server may take to answer at the start, in milliseconds. Default 5000. */
  readonly connectTimeoutMs?: number;
}

/**
 * Connects to NATS. From then on the connection comes back by itself, however long NATS was away.
 * @throws MillraceError STORE_UNREACHABLE (no server, wrong credentials, too old, subjects not allowed), SETTING_INVALID
 */
export async function openNatsBus(options: NatsBusOptions): Promise<NatsBus> {
  const { prefix, name } = options;
  if (!/^[\w-]+(\.[\w-]+)*$/.test(prefix)) {
    throw new MillraceError("SETTING_INVALID", `"${prefix}" cannot begin the subjects of NATS.`);
  }
  const address = parseNatsUrl(options.servers);
  const away = { since: null as number | null };
  const connection = await connectNats({
    address,
    name,
    inboxPrefix: `${prefix}.inbox`,
    timeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    awayMs: () => (away.since === null ? 0 : performance.now() - away.since),
  });
  const bus = new NatsBus(connection, prefix, (since) => {
    away.since = since;
  });
  try {
    await bus.check(address.shown);
  } catch (error) {
    await bus.close();
    throw error;
  }
  return bus;
}

/** A {@link Bus} over NATS. Open it with {@link openNatsBus}. */
export class NatsBus implements Bus {
  readonly #connection: NatsConnection;
  readonly #prefix: string;
  readonly #onAway: (since: number | null) => void;
  readonly #calls: Calls;
  readonly #statusListeners = new Set<(connected: boolean) => void>();
  #connected = true;
  #closed = false;
  #unconfirmed = 0;
  #confirming = false;
  /** Told of what the server does not allow. */
  #onDenied: (error: Error) => void = () => {};

  /** `onAway` is told since when NATS is away, and null when it is back. */
  constructor(connection: NatsConnection, prefix: string, onAway: (since: number | null) => void) {
    this.#connection = connection;
    this.#prefix = prefix;
    this.#onAway = onAway;
    const self = this;
    this.#calls = new Calls(
      {
        get connected() {
          return self.connected;
        },
        get maxBytes() {
          return self.maxBytes;
        },
        send: (subject, data, reply) => self.#send(subject, data, reply),
        subscribe: (subject, options, listener) => self.#subscribe(subject, options, listener),
      },
      this.#full(`to.${randomUUID()}`),
    );
    this.#watch();
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** @see Bus.maxBytes */
  get maxBytes(): number {
    return this.#connection.info?.max_payload ?? 1024 * 1024;
  }

  onStatus(listener: (connected: boolean) => void): () => void {
    this.#statusListeners.add(listener);
    return () => this.#statusListeners.delete(listener);
  }

  /**
   * @see Bus.publish
   * @throws MillraceError INTERNAL where it is larger than {@link maxBytes}
   */
  publish(subject: string, data: Uint8Array): void {
    if (data.length > this.maxBytes) {
      throw new MillraceError(
        "INTERNAL",
        `A message of ${data.length} bytes for ${subject} is larger than the ${this.maxBytes} bytes that the NATS server takes (its max_payload).`,
      );
    }
    if (!this.#connected || this.#unconfirmed > MAX_UNCONFIRMED_BYTES) return;
    this.#send(this.#full(subject), data);
    this.#unconfirmed += data.length;
    if (this.#unconfirmed >= CONFIRM_BYTES && !this.#confirming) this.#confirm();
  }

  subscribe(subject: string, listener: (data: Uint8Array) => void): () => void {
    if (this.#closed) return () => {};
    const subscription = this.#subscribe(this.#full(subject), {}, (message) => listener(message.data));
    return () => subscription.unsubscribe();
  }

  request(subject: string, data: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    return this.#calls.request(this.#full(subject), data, timeoutMs);
  }

  answer(subject: string, handler: (data: Uint8Array) => Promise<Uint8Array>): () => void {
    if (this.#closed) return () => {};
    return this.#calls.answer(this.#full(subject), handler);
  }

  /**
   * Opens the work queue of the service, which is made where it is not there.
   * @throws MillraceError STORE_UNREACHABLE where JetStream is not enabled, or has no room
   */
  openTaskQueue(options: TaskQueueOptions = {}): Promise<NatsTaskQueue> {
    return NatsTaskQueue.open(this.#connection, this.#prefix, options);
  }

  /**
   * Says whether messages get through on the subjects of the service.
   * @throws MillraceError STORE_UNREACHABLE
   */
  async check(shown: string): Promise<void> {
    const subject = `to.${randomUUID()}.check`;
    const stop = this.answer(subject, async (data) => data);
    try {
      const denied = new Promise<never>((_, reject) => {
        this.#onDenied = reject;
      });
      await Promise.race([this.request(subject, Buffer.from("x"), CONNECT_TIMEOUT_MS), denied]);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new MillraceError(
        "STORE_UNREACHABLE",
        `The NATS server at ${shown} lets no messages through (${reason}). The account needs to publish and subscribe to ${this.#prefix}.>, and for the work queue to publish to $JS.>.`,
        { cause: error },
      );
    } finally {
      this.#onDenied = () => {};
      stop();
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#connected) {
      // A request that came to a node that is gone would be waited for in vain.
      this.#calls.stopAnswering();
      await this.#flushed();
      this.#calls.giveUpAnswers(STOPPING);
      await this.#flushed();
    }
    this.#become(false, STOPPING);
    await this.#connection.close();
  }

  /** Resolves once the server has all that was sent, and all that it sent before is here; or after {@link FLUSH_MS}. */
  async #flushed(): Promise<void> {
    const patience = new AbortController();
    await Promise.race([
      this.#connection.flush().catch(() => undefined),
      wait(FLUSH_MS, undefined, { signal: patience.signal }).catch(() => undefined),
    ]);
    patience.abort();
  }

  #send(subject: string, data: Uint8Array, reply?: string): void {
    if (this.#connected) this.#connection.publish(subject, data, reply === undefined ? undefined : { reply });
  }

  #subscribe(subject: string, options: { queue?: string }, listener: (message: Msg) => void): Subscription {
    return this.#connection.subscribe(subject, {
      ...options,
      callback: (error, message) => {
        if (error !== null) {
          this.#onDenied(error);
          return;
        }
        try {
          listener(message);
        } catch (thrown) {
          // A fault of the listener's is the process's, and not the end of the connection.
          queueMicrotask(() => {
            throw thrown;
          });
        }
      },
    });
  }

  #full(subject: string): string {
    return `${this.#prefix}.${subject}`;
  }

  #confirm(): void {
    this.#confirming = true;
    const confirmed = this.#unconfirmed;
    this.#connection.flush().then(
      () => this.#confirmed(confirmed),
      // What was on its way is lost with the connection.
      () => this.#confirmed(confirmed),
    );
  }

  #confirmed(bytes: number): void {
    this.#confirming = false;
    this.#unconfirmed -= bytes;
    if (this.#unconfirmed >= CONFIRM_BYTES) this.#confirm();
  }

  async #watch(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type === "disconnect") this.#become(false, "the connection to NATS was lost");
      else if (status.type === "reconnect") this.#become(true, "");
      else if (status.type === "error") this.#onDenied(status.error);
    }
  }

  #become(connected: boolean, reason: string): void {
    if (this.#connected === connected) return;
    this.#connected = connected;
    this.#onAway(connected ? null : performance.now());
    if (!connected) this.#calls.lost(reason);
    for (const listener of this.#statusListeners) listener(connected);
  }
}
