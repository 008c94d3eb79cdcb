import type { ServerResponse } from "node:http";
import type { JournalBounds, Position } from "@millrace/engine";
import { type EndReason, type ExecutionStatus, encodeFrame, encodeRetry, HEARTBEAT } from "@millrace/protocol";
import type { Sent } from "../metrics/metrics.ts";
import { gapFrame } from "./cursor.ts";
import { FrameBytes } from "./frame-bytes.ts";
import type { PageShelf } from "./pages.ts";
import { openSink, type Sink, type SinkOwner } from "./sink.ts";
import { type Timed, UNSCHEDULED } from "./timer-wheel.ts";
import type { Topic } from "./topic.ts";

/** What a subscriber needs of the hub. */
export interface SubscriberHost {
  readonly shelf: PageShelf;
  /** The position up to which all that was committed has been delivered to the streams that are live. */
  readonly edge: Position;
  /** What all streams were sent: added to with each write. */
  readonly sent: Sent;
  bounds(executionId: string): Promise<JournalBounds | null>;
  statusOf(executionId: string): Promise<ExecutionStatus | null>;
  /** It has ended; its connection may last until the client has taken what was sent. */
  detach(subscriber: Subscriber): void;
  /** It has given back what it held of a topic. */
  left(topic: Topic): void;
  /** Its connection is closed. */
  closed(subscriber: Subscriber): void;
}

/** What a stream carries: events of one run, or of several, or states in place of events. */
export type StreamKind = "events" | "many" | "progress";

/** A quiet stream carries a heartbeat after so long (contract: "Quiet streams"). */
const HEARTBEAT_MS = 15_000;

/** A stream with more than this waiting for its client is behind: it gets nothing more until the client has read. */
const MAX_PENDING_BYTES = 128 * 1024;

const HEARTBEAT_BYTES = FrameBytes.of(HEARTBEAT);

/**
 * One stream on its connection: what all kinds have in common.
 *
 * States: *reading* (behind: new, resumed, or slow) → *live* (at the edge: it is sent what is committed) → *reading*
 * (when the client is slower than the run) … → *ended*.
 */
export abstract class Subscriber implements Timed, SinkOwner {
  /** @see Timed */
  wheelSlot = UNSCHEDULED;
  /** @see Timed */
  wheelIndex = 0;
  /** Who opened it, by every id that it may be ended by. */
  openedBy: readonly string[] = [];
  protected readonly host: SubscriberHost;
  protected lastId: Position;
  readonly #sink: Sink;
  readonly #deadline: number;
  #lastWrite: number;
  #state: "reading" | "live" | "ended" = "reading";
  #blocked = false;
  #running = false;
  #behindSince: number;

  /** `lastId`: what a frame without an event of its own carries until there is an event. */
  protected constructor(host: SubscriberHost, response: ServerResponse, lastId: Position, timeoutMs: number) {
    this.host = host;
    this.lastId = lastId;
    this.#lastWrite = performance.now();
    this.#behindSince = this.#lastWrite;
    this.#deadline = this.#lastWrite + timeoutMs;
    this.#sink = openSink(response, this);
    host.shelf.readers += 1;
  }

  /** Sends what goes before the first event, and begins to read. */
  start(preface: string): void {
    this.write(FrameBytes.of(encodeRetry() + preface));
    this.#run();
  }

  /** @see Timed */
  get dueAt(): number {
    return Math.min(this.#deadline, this.#lastWrite + HEARTBEAT_MS);
  }

  /** @see Timed */
  tick(now: number): void {
    if (now >= this.#deadline) this.finish("timeout");
    // With bytes still waiting the connection is not quiet, only slow.
    else if (this.#sink.pending > 0) this.#lastWrite = now;
    else this.write(HEARTBEAT_BYTES);
  }

  /** Ends the stream ahead of its executions. The client's cursor stays good. */
  async finish(reason: EndReason): Promise<void> {
    if (this.#state === "ended") return;
    this.#become("ended");
    const status = await this.finalStatus();
    // After a shutdown all clients come back: spread anew.
    const retry = reason === "shutdown" ? encodeRetry() : "";
    this.write(FrameBytes.of(retry + encodeFrame("end", JSON.stringify({ reason, status }), this.lastId)));
    this.#close();
  }

  /** The connection is cut: the client comes back with its cursor. */
  cut(): void {
    this.#sink.destroy();
  }

  /** @see SinkOwner */
  drained(): void {
    if (!this.#blocked || this.#state !== "reading") return;
    this.#blocked = false;
    this.#run();
  }

  /** @see SinkOwner */
  gone(): void {
    this.#become("ended");
    this.host.detach(this);
    this.host.closed(this);
  }

  /** Whether events or states are sent, of one run or of several. */
  abstract readonly kind: StreamKind;

  /** Positions of the journal that it is behind; 0 where it is sent what is committed. */
  abstract readonly lag: Position;

  /** The position up to which it has been sent all. */
  abstract readonly cursor: Position;

  /** Since when it has been behind without a break: by `performance.now()`. */
  get behindSince(): number {
    return this.#behindSince;
  }

  /** Whether it waits for the client to read. */
  get blocked(): boolean {
    return this.#blocked;
  }

  /** Reads what it is behind by, for as long as it is {@link reading}. Must not throw; runs once at a time. */
  protected abstract read(): Promise<void>;

  /** Leaves the row of those that are live. */
  protected abstract leave(): void;

  /** Gives back what it holds of the hub. Called once. */
  abstract release(): void;

  /** The status that the last frame of a stream tells that ends ahead of its executions. */
  protected abstract finalStatus(): Promise<ExecutionStatus | null>;

  protected get reading(): boolean {
    return this.#state === "reading" && !this.#blocked;
  }

  protected get live(): boolean {
    return this.#state === "live";
  }

  protected get ended(): boolean {
    return this.#state === "ended";
  }

  /** Whether the client is to read first. */
  protected get full(): boolean {
    return this.#sink.pending > MAX_PENDING_BYTES;
  }

  protected write(frames: FrameBytes): void {
    this.#lastWrite = performance.now();
    this.host.sent.bytes += frames.length;
    this.host.sent.events += frames.events;
    this.#sink.write(frames);
  }

  /** It is at the edge. */
  protected goLive(): void {
    this.#become("live");
  }

  /** It is behind; with a full connection it reads when the client has. */
  protected goReading(): void {
    this.leave();
    this.#behindSince = performance.now();
    this.#become("reading");
    if (this.full) this.#blocked = true;
    else this.#run();
  }

  /** The client is to read first: {@link read} is called again when it has. */
  protected block(): void {
    this.#blocked = true;
  }

  /** Ends the stream: all has been told. */
  protected close(): void {
    if (this.#state === "ended") return;
    this.#become("ended");
    this.#close();
  }

  /** Tells that events up to `trimmed` are gone. */
  protected tellGap(executionId: string, trimmed: Position): void {
    this.write(FrameBytes.of(gapFrame(executionId, trimmed, this.lastId)));
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    while (this.reading) await this.read();
    this.#running = false;
  }

  #become(state: "reading" | "live" | "ended"): void {
    const before = this.#state;
    if (before === state || before === "ended") return;
    if (before === "reading") this.host.shelf.readers -= 1;
    if (state === "reading") this.host.shelf.readers += 1;
    if (before === "live" && state === "ended") this.leave();
    this.#state = state;
  }

  #close(): void {
    this.host.detach(this);
    this.#sink.end();
  }
}
