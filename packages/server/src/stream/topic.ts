import type { JournalBounds, JournalEntry, Position } from "@millrace/engine";
import { Channel } from "./channel.ts";
import type { FrameFilter } from "./frame-filter.ts";
import type { PageShelf } from "./pages.ts";
import { toParts } from "./part.ts";
import { ProgressFeed, type ReadProgress } from "./progress-feed.ts";
import type { Slices } from "./turn.ts";

/** Bytes of frames that may wait for their delivery; streams read what is more from the journal. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

/** What has been committed and not delivered. */
export interface Waiting {
  readonly entries: readonly JournalEntry[];
  /** The position of the last of them. */
  readonly last: Position;
  /** There was too much: it has to be read from the journal. */
  readonly unread: boolean;
}

/** One execution that is watched in this process. */
export class Topic {
  readonly executionId: string;
  /** Whose it is; null until a stream has said so. */
  project: string | null = null;
  /** Streams over several executions that carry it. */
  several = 0;
  /** Streams that are about to. */
  held = 0;
  readonly #shelf: PageShelf;
  readonly #channels = new Map<string, Channel>();
  #feed: ProgressFeed | null = null;
  #feedTaken = 0;
  #delivered: Position;
  #entries: JournalEntry[] = [];
  #bytes = 0;
  #last: Position = 0;
  #unread = false;
  #bounds: JournalBounds | null = null;
  #lastEvent: Position = 0;
  #over = false;

  /** Commits after `from` are told to it. */
  constructor(shelf: PageShelf, executionId: string, from: Position) {
    this.#shelf = shelf;
    this.executionId = executionId;
    this.#delivered = from;
  }

  /** What commits after this position are to be delivered for. */
  get delivered(): Position {
    return this.#delivered;
  }

  /** Whether nobody watches it. */
  get empty(): boolean {
    return this.held === 0 && this.several === 0 && this.#channels.size === 0 && this.#feed === null;
  }

  /**
   * What the journal has of it, kept up to date by its commits: asked for by everybody who comes. Null where that is
   * not known, or where it is over: such an execution may be trimmed or deleted at any time.
   */
  get bounds(): JournalBounds | null {
    if (this.#bounds === null || this.#over) return null;
    return { ...this.#bounds, lastEvent: this.#lastEvent };
  }

  /** The id of its last event, over or not; 0 where that is not known. */
  get lastEvent(): Position {
    return this.#lastEvent;
  }

  /** Takes over what was read while it was watched already. */
  learn(bounds: JournalBounds): void {
    this.#lastEvent = Math.max(this.#lastEvent, bounds.lastEvent);
    if (bounds.ended === null) this.#bounds = bounds;
  }

  /** Commits after `from` are told to it, and what is before is in the journal. */
  begin(from: Position): void {
    this.#delivered = Math.max(this.#delivered, from);
    this.#entries = this.#entries.filter((entry) => entry.last > from);
  }

  /** The channel of a filter; whoever takes it gives it back. */
  takeChannel(filter: FrameFilter | null): Channel {
    const key = filter?.key ?? "";
    let channel = this.#channels.get(key);
    if (channel === undefined) {
      channel = new Channel(this.#shelf, this.executionId, filter, this.#delivered);
      this.#channels.set(key, channel);
    }
    channel.members += 1;
    return channel;
  }

  /** @see takeChannel */
  giveBack(channel: Channel): void {
    channel.members -= 1;
    if (channel.members > 0) return;
    this.#channels.delete(channel.filter?.key ?? "");
    channel.pages.close();
  }

  /** Its progress; whoever takes it gives it back. `lastId`: the id of its last event, as read while it was watched. */
  takeFeed(read: ReadProgress, lastId: Position): ProgressFeed {
    this.#feed ??= new ProgressFeed(this.executionId, read, lastId);
    this.#feedTaken += 1;
    return this.#feed;
  }

  /** @see takeFeed */
  giveBackFeed(): void {
    this.#feedTaken -= 1;
    if (this.#feedTaken === 0) this.#feed = null;
  }

  /** A commit of the execution. */
  add(entry: JournalEntry): void {
    this.#last = Math.max(this.#last, entry.last);
    this.#feed?.changed(entry.kind === "events" ? entry.last : null);
    if (entry.kind === "events") {
      this.#lastEvent = Math.max(this.#lastEvent, entry.last);
      this.#bytes += entry.frames.length;
    } else if (entry.lifecycle.kind === "ended") this.#over = true;
    if (this.#bytes > MAX_WAITING_BYTES) this.#leaveUnread();
    if (!this.#unread) this.#entries.push(entry);
  }

  /** There are commits up to `last` that it was not told of, and that have to be read from the journal. */
  markUnread(last: Position): void {
    this.#last = Math.max(this.#last, last);
    this.#leaveUnread();
    // What they were is not known here.
    this.#bounds = null;
    this.#feed?.changed(null);
  }

  /** Takes out what waits. */
  take(): Waiting {
    const waiting = { entries: this.#entries, last: this.#last, unread: this.#unread };
    this.#entries = [];
    this.#bytes = 0;
    this.#unread = false;
    return waiting;
  }

  /** Delivers to the streams that carry this execution alone. */
  async deliver({ entries, last, unread }: Waiting, slices: Slices): Promise<void> {
    for (const channel of this.#channels.values()) {
      if (unread) await channel.skip(last, slices);
      else await channel.deliver(toParts(entries, channel.filter), slices);
    }
    this.#delivered = Math.max(this.#delivered, last);
  }

  #leaveUnread(): void {
    this.#unread = true;
    this.#entries = [];
  }
}
