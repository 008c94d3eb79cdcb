import type { ServerResponse } from "node:http";
import type { Position } from "@millrace/engine";
import type { ExecutionStatus } from "@millrace/protocol";
import type { Channel } from "./channel.ts";
import { FrameBytes } from "./frame-bytes.ts";
import { countFrames, encodeEnd, framesAfter, type Page } from "./page.ts";
import type { Part } from "./part.ts";
import { Subscriber, type SubscriberHost } from "./subscriber.ts";
import type { Topic } from "./topic.ts";
import { nextTurn } from "./turn.ts";

/** Where a stream of one execution begins. */
export interface EventStart {
  /** Everything after it is sent. */
  readonly after: Position;
  readonly lastId: Position;
  /** Whether its end has been told already: the stream then closes at once. */
  readonly over: boolean;
  /** Whether it was told that retention has removed events. */
  readonly gapTold: boolean;
  readonly timeoutMs: number;
}

/**
 * The stream of one execution's events: a cursor in its journal. It goes live when it has everything that was delivered
 * to those that are live, so that there is neither hole nor double.
 */
export class EventSubscriber extends Subscriber {
  /** Its place in the channel's row; -1 while it is not live. */
  place = -1;
  readonly #topic: Topic;
  readonly #channel: Channel;
  #cursor: Position;
  #over: boolean;
  #gapTold: boolean;
  #interrupted = false;

  constructor(host: SubscriberHost, response: ServerResponse, topic: Topic, channel: Channel, start: EventStart) {
    super(host, response, start.lastId, start.timeoutMs);
    this.#topic = topic;
    this.#channel = channel;
    this.#cursor = start.after;
    this.#over = start.over;
    this.#gapTold = start.gapTold;
  }

  /** The hot path: the same bytes for every live stream of the channel. */
  deliver(part: Part): void {
    if (part.last <= this.#cursor) return;
    if (part.frames !== null) {
      if (this.full) {
        this.goReading();
        return;
      }
      if (part.first > this.#cursor) this.write(part.frames);
      else this.#writeRest(part.frames);
    }
    this.#cursor = part.last;
    if (part.lastId !== null) this.lastId = part.lastId;
    if (part.endTold) this.close();
    else if (part.ended !== null) this.#end(part.ended);
    else if (part.interrupted) this.#end("interrupted");
  }

  /** What was committed up to `last` has to be read from the journal. */
  fallBehind(last: Position): void {
    if (last > this.#cursor) this.goReading();
  }

  /** @see Subscriber */
  release(): void {
    this.#topic.giveBack(this.#channel);
    this.host.left(this.#topic);
  }

  /** @see Subscriber */
  readonly kind = "events";

  /** @see Subscriber */
  get lag(): Position {
    return this.live ? 0 : Math.max(0, Math.max(this.#channel.delivered, this.#topic.lastEvent) - this.#cursor);
  }

  /** @see Subscriber */
  get cursor(): Position {
    return this.#cursor;
  }

  protected leave(): void {
    this.#channel.leave(this);
  }

  protected finalStatus(): Promise<ExecutionStatus | null> {
    return this.host.statusOf(this.#topic.executionId);
  }

  protected async read(): Promise<void> {
    try {
      if (this.#over) this.close();
      while (this.reading) {
        const edge = Math.max(this.#channel.delivered, this.host.edge);
        if (this.#cursor >= edge) {
          this.#join();
          return;
        }
        const page = await this.#channel.pages.get(this.#cursor, edge);
        if (!this.reading) return;
        if (page === null) {
          // Nothing more comes of an execution that was deleted meanwhile: a new stream of it is a 404.
          if ((await this.host.bounds(this.#topic.executionId)) === null) this.close();
          this.#cursor = edge;
        } else {
          if (page.ended !== null) await this.#tellGap(page);
          if (!this.reading) return;
          this.#take(page);
          // Reading is synchronous in the embedded store: let the others have their turn.
          await nextTurn();
        }
      }
    } catch {
      // The journal cannot be read: the client comes back with its cursor.
      this.close();
    }
  }

  #join(): void {
    if (this.#interrupted) {
      this.#end("interrupted");
      return;
    }
    this.goLive();
    this.#channel.join(this);
  }

  /** A stream may begin at an event that is committed and not delivered: of what it is part of, it has had some. */
  #writeRest(frames: FrameBytes): void {
    const rest = framesAfter(frames.bytes, this.#cursor);
    if (rest.length > 0) this.write(FrameBytes.join([rest], countFrames(rest)));
  }

  #take(page: Page): void {
    if (page.frames !== null) this.write(page.frames);
    this.#cursor = page.last;
    if (page.lastId !== null) {
      this.lastId = page.lastId;
      this.#interrupted = false;
    }
    if (page.interrupted !== null) this.#interrupted = page.interrupted;
    if (page.endTold) this.close();
    else if (page.ended !== null) this.#end(page.ended);
    else if (this.full) this.block();
  }

  /** Retention removes events of executions that are over: one whose end is read here may have lost some meanwhile. */
  async #tellGap(page: Page): Promise<void> {
    if (this.#gapTold || page.lastId !== null) return;
    const trimmed = (await this.host.bounds(this.#topic.executionId))?.trimmed ?? null;
    if (trimmed === null || trimmed <= this.#cursor || !this.reading) return;
    this.#gapTold = true;
    this.lastId = trimmed;
    this.tellGap(this.#topic.executionId, trimmed);
  }

  #end(reason: ExecutionStatus): void {
    this.write(FrameBytes.of(encodeEnd(reason, this.lastId)));
    this.close();
  }
}
