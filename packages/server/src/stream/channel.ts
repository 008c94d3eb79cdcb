import type { Position } from "@millrace/engine";
import type { EventSubscriber } from "./event-subscriber.ts";
import type { FrameFilter } from "./frame-filter.ts";
import { PageBook, type PageShelf } from "./pages.ts";
import type { Part } from "./part.ts";
import type { Slices } from "./turn.ts";

/**
 * One execution's events under one filter, for all streams that carry just these: the pages for those that are behind,
 * and the row of those that are live, which are all sent the same bytes.
 */
export class Channel {
  readonly filter: FrameFilter | null;
  readonly pages: PageBook;
  /** Streams that read it or are live. */
  members = 0;
  #delivered: Position;
  readonly #live: EventSubscriber[] = [];
  /** Where a delivery is: those before have been told of what it is at. */
  #at = 0;

  /** `delivered`: what was committed up to there is in the journal, and will not be delivered here. */
  constructor(shelf: PageShelf, executionId: string, filter: FrameFilter | null, delivered: Position) {
    this.filter = filter;
    this.pages = new PageBook(shelf, executionId, filter);
    this.#delivered = delivered;
  }

  /** The position up to which every live stream has been sent everything. */
  get delivered(): Position {
    return this.#delivered;
  }

  /** Puts in a stream that has everything up to the edge. */
  join(subscriber: EventSubscriber): void {
    subscriber.place = this.#live.push(subscriber) - 1;
  }

  /** Takes out a stream that was live. In the middle of a delivery, nobody is passed over by it. */
  leave(subscriber: EventSubscriber): void {
    let hole = subscriber.place;
    if (hole < this.#at) {
      this.#at -= 1;
      this.#move(this.#at, hole);
      hole = this.#at;
    }
    this.#move(this.#live.length - 1, hole);
    this.#live.pop();
    subscriber.place = -1;
  }

  /** Sends parts to everybody who is live; others have their turns in between. */
  async deliver(parts: readonly Part[], slices: Slices): Promise<void> {
    for (const part of parts) {
      for (this.#at = 0; this.#at < this.#live.length; ) {
        const subscriber = this.#live[this.#at];
        this.#at += 1;
        try {
          subscriber?.deliver(part);
        } catch {
          // A stream's failure ends that stream, and nothing else.
          subscriber?.cut();
        }
        if (slices.over) await slices.rest();
      }
      this.#at = 0;
      this.#delivered = Math.max(this.#delivered, part.last);
    }
  }

  /** Lets everybody who is live, and has not had it, read up to `last` from the journal. */
  async skip(last: Position, slices: Slices): Promise<void> {
    this.#delivered = Math.max(this.#delivered, last);
    for (this.#at = 0; this.#at < this.#live.length; ) {
      const subscriber = this.#live[this.#at];
      this.#at += 1;
      subscriber?.fallBehind(last);
      if (slices.over) await slices.rest();
    }
    this.#at = 0;
  }

  #move(from: number, to: number): void {
    const subscriber = this.#live[from];
    if (subscriber === undefined || from === to) return;
    this.#live[to] = subscriber;
    subscriber.place = to;
  }
}
