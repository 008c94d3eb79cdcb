import type { ServerResponse } from "node:http";
import type { Position } from "@millrace/engine";
import { type ExecutionStatus, encodeFrame } from "@millrace/protocol";
import { FrameBytes } from "./frame-bytes.ts";
import type { ProgressFeed, ProgressFrame } from "./progress-feed.ts";
import { Subscriber, type SubscriberHost } from "./subscriber.ts";
import type { Topic } from "./topic.ts";

/** What a stream with `view=progress` is made of. */
export interface ProgressStart {
  /** Each with its feed, by execution; the stream gives them back. */
  readonly feeds: ReadonlyMap<string, { readonly topic: Topic; readonly feed: ProgressFeed }>;
  /** Whether each `end` names its execution. */
  readonly many: boolean;
  readonly lastId: Position;
  readonly timeoutMs: number;
}

/**
 * A stream of states in place of events: whatever a client has not read when the next state comes, it is sent the newest
 * when it has, and none of those in between.
 */
export class ProgressSubscriber extends Subscriber {
  readonly #start: ProgressStart;
  readonly #open: Set<string>;
  /** States that wait for the client to read. */
  readonly #waiting = new Map<string, ProgressFrame>();

  constructor(host: SubscriberHost, response: ServerResponse, start: ProgressStart) {
    super(host, response, start.lastId, start.timeoutMs);
    this.#start = start;
    this.#open = new Set(start.feeds.keys());
  }

  /** Sends a state, and the execution's end where that is its last. */
  show(executionId: string, frame: ProgressFrame): void {
    if (this.ended || !this.#open.has(executionId)) return;
    if (this.full) {
      this.#waiting.set(executionId, frame);
      return;
    }
    this.lastId = Math.max(this.lastId, frame.lastId);
    this.write(frame.frames);
    if (frame.status !== "running") this.#end(executionId, frame.status);
  }

  /** The execution is gone. */
  lose(executionId: string): void {
    this.#leave(executionId);
  }

  /** @see Subscriber */
  override drained(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const [executionId, frame] of waiting) this.show(executionId, frame);
  }

  /** @see Subscriber */
  release(): void {
    for (const { topic, feed } of this.#start.feeds.values()) {
      feed.leave(this);
      topic.giveBackFeed();
      this.host.left(topic);
    }
  }

  /** @see Subscriber */
  readonly kind = "progress";

  /** @see Subscriber. It is sent the newest, and nothing in between. */
  readonly lag = 0;

  /** @see Subscriber */
  get cursor(): Position {
    return this.lastId;
  }

  protected leave(): void {}

  protected async read(): Promise<void> {
    this.goLive();
    for (const { feed } of this.#start.feeds.values()) feed.join(this);
    if (this.#open.size === 0) this.close();
  }

  protected async finalStatus(): Promise<ExecutionStatus | null> {
    const [executionId] = this.#start.feeds.keys();
    return this.#start.many || executionId === undefined ? null : this.host.statusOf(executionId);
  }

  #end(executionId: string, reason: ExecutionStatus): void {
    const data = { reason, status: reason, ...(this.#start.many ? { execution_id: executionId } : {}) };
    this.write(FrameBytes.of(encodeFrame("end", JSON.stringify(data), this.lastId)));
    this.#leave(executionId);
  }

  #leave(executionId: string): void {
    this.#open.delete(executionId);
    this.#start.feeds.get(executionId)?.feed.leave(this);
    if (this.#open.size === 0) this.close();
  }
}
