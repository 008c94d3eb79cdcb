import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import type { Bus, JournalEntry, Position } from "@millrace/engine";
import type { CommitFeed, CommitPage, CommitSource, CommittedGroup } from "./commit-feed.ts";
import { HeldGroups } from "./held-groups.ts";
import { decodeNotice, encodeNotice, type Notice, ownBeginning } from "./notice.ts";

/** What a feed allows itself. */
export interface BusFeedOptions {
  /** What commits are told on. Default `commits`. */
  readonly subject?: string;
  /** How long a notice that is missing may be on its way, in milliseconds, before it is read instead. Default 10. */
  readonly holdMs?: number;
  /** After how long without a commit it is asked whether there was one, in milliseconds. Default 1000. */
  readonly checkMs?: number;
  /** Between tries to read from a store that is away, in milliseconds. Default 100. */
  readonly pauseMs?: number;
  /** Bytes of commits that are held until those before them are there; what is more is read. Default 8 MiB. */
  readonly maxHeldBytes?: number;
  /** Bytes that are read at once. Default 1 MiB. */
  readonly pageBytes?: number;
  /** A commit of more bytes is told without its frames, and read. Default 512 KiB. */
  readonly maxNoticeBytes?: number;
}

type Listener = (entries: readonly JournalEntry[]) => void;

/** The feeds of a service whose nodes tell each other of commits over a bus. */
export function busFeed(bus: Bus, options: BusFeedOptions = {}): (source: CommitSource, head: Position) => CommitFeed {
  return (source, head) => new BusFeed(bus, source, head, options);
}

/**
 * The commits of all nodes in the order of positions. Each node tells of its own over the bus. A notice that follows
 * what was told is told at once; one that comes ahead is held, and if what is missing has not come a moment later, it is
 * read from the store. What was lost without anything after it is found by asking for the store's head now and then.
 *
 * States: *quiet* (nobody listens: it subscribes to nothing and asks for nothing; commits of its own alone move the
 * head) ⇄ *listening*: *level* (all that is known of was told) → *holding* (something is missing, and may be on its way)
 * → *reading* (it is read) → *level*.
 */
export class BusFeed implements CommitFeed {
  readonly #bus: Bus;
  readonly #source: CommitSource;
  readonly #options: Required<BusFeedOptions>;
  readonly #id = randomUUID();
  readonly #own = ownBeginning(this.#id);
  readonly #listeners = new Set<Listener>();
  readonly #objectListeners = new Set<Listener>();
  readonly #held: HeldGroups;
  readonly #stopStatus: () => void;
  #head: Position;
  /** What is known to be committed. */
  #known: Position;
  #waiting: { readonly last: Position; readonly resolve: () => void }[] = [];
  #unsubscribe: (() => void) | null = null;
  #holding: NodeJS.Timeout | undefined;
  #checking: NodeJS.Timeout | undefined;
  #asking = false;
  #reading = false;
  /** Whether something was told since the last check. */
  #news = false;
  #closed = false;

  /** `head`: a position that is committed; what follows it is told. */
  constructor(bus: Bus, source: CommitSource, head: Position, options: BusFeedOptions = {}) {
    this.#bus = bus;
    this.#source = source;
    this.#head = head;
    this.#known = head;
    this.#options = {
      subject: "commits",
      holdMs: 10,
      checkMs: 1_000,
      pauseMs: 100,
      maxHeldBytes: 8 * 1024 * 1024,
      pageBytes: 1024 * 1024,
      maxNoticeBytes: 512 * 1024,
      ...options,
    };
    this.#held = new HeldGroups(this.#options.maxHeldBytes);
    // What was committed while messages did not get through was not told.
    this.#stopStatus = bus.onStatus((connected) => {
      if (connected) this.#check();
    });
  }

  /** @see CommitFeed.head */
  get head(): Position {
    return this.#head;
  }

  /** Bytes of commits that are held until those before them are there. */
  get heldBytes(): number {
    return this.#held.bytes;
  }

  onCommit(listener: Listener): () => void {
    return this.#listen(this.#listeners, listener);
  }

  onObjects(listener: Listener): () => void {
    return this.#listen(this.#objectListeners, listener);
  }

  committed(group: CommittedGroup): Promise<void> {
    if (this.#closed) return Promise.resolve();
    if (this.#bus.connected) {
      const maxBytes = Math.min(this.#options.maxNoticeBytes, this.#bus.maxBytes);
      this.#bus.publish(this.#options.subject, encodeNotice(this.#id, group, maxBytes));
    }
    if (!this.#listening) {
      this.#head = Math.max(this.#head, group.last);
      this.#known = this.#head;
      return Promise.resolve();
    }
    this.#learn({ prev: group.prev, last: group.last, group });
    if (this.#head >= group.last) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ last: group.last, resolve }));
  }

  close(): void {
    this.#closed = true;
    this.#stopStatus();
    this.#listeners.clear();
    this.#objectListeners.clear();
    this.#rest();
  }

  get #listening(): boolean {
    return this.#listeners.size + this.#objectListeners.size > 0;
  }

  #listen(listeners: Set<Listener>, listener: Listener): () => void {
    if (this.#closed) return () => {};
    // One that is given twice is told twice.
    const own: Listener = (entries) => listener(entries);
    listeners.add(own);
    this.#unsubscribe ??= this.#begin();
    return () => {
      listeners.delete(own);
      if (!this.#listening) this.#rest();
    };
  }

  #begin(): () => void {
    const unsubscribe = this.#bus.subscribe(this.#options.subject, (data) => this.#receive(data));
    this.#checking = setInterval(() => {
      if (!this.#news) this.#check();
      this.#news = false;
    }, this.#options.checkMs);
    // It keeps nothing alive that is over but for it.
    this.#checking.unref();
    this.#check();
    return unsubscribe;
  }

  /** Nobody listens any more: what is known of needs not be told. */
  #rest(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    clearTimeout(this.#holding);
    clearInterval(this.#checking);
    this.#holding = undefined;
    this.#held.clear();
    this.#head = Math.max(this.#head, this.#known);
    this.#settle();
  }

  #receive(data: Uint8Array): void {
    if (!this.#listening || this.#isOwn(data)) return;
    let notice: Notice;
    try {
      notice = decodeNotice(data);
    } catch {
      // A node of another version has committed something: what it was is read.
      this.#check();
      return;
    }
    this.#learn(notice);
  }

  #isOwn(data: Uint8Array): boolean {
    return this.#own.equals(data.subarray(4, 4 + this.#own.length));
  }

  #learn({ last, prev, group }: Notice): void {
    if (last <= this.#head) return;
    this.#news = true;
    this.#known = Math.max(this.#known, last);
    if (group !== null) {
      if (prev <= this.#head) {
        this.#tell(group);
        this.#tellHeld();
      } else this.#held.put(group);
    }
    this.#hold();
  }

  /** Tells what follows the head: of a commit or a page that the head lies within, what is after it. */
  #tell({ entries, objectEntries, last }: CommitPage): void {
    const head = this.#head;
    this.#head = last;
    tellTo(this.#listeners, entries, head);
    tellTo(this.#objectListeners, objectEntries, head);
    this.#settle();
  }

  #tellHeld(): void {
    for (let next = this.#held.take(this.#head); next !== undefined; next = this.#held.take(this.#head)) {
      this.#tell(next);
    }
  }

  #settle(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ last }) => last > this.#head);
    for (const { last, resolve } of waiting) if (last <= this.#head) resolve();
  }

  /** What is missing may be on its way: it is waited for, for a moment. */
  #hold(): void {
    if (this.#head >= this.#known || this.#reading || this.#holding !== undefined || !this.#listening) return;
    const head = this.#head;
    this.#holding = setTimeout(
      () => {
        this.#holding = undefined;
        // Where it came, and something else is missing by now, that has its moment too.
        if (this.#head === head) this.#read();
        else this.#hold();
      },
      this.#bus.connected ? this.#options.holdMs : 0,
    );
  }

  async #read(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    const goal = this.#known;
    while (this.#listening && this.#head < goal) {
      if (!(await this.#readPage())) await wait(this.#options.pauseMs, undefined, { ref: false });
    }
    this.#reading = false;
    this.#hold();
  }

  /** False where nothing came of it: the store is away. */
  async #readPage(): Promise<boolean> {
    const from = this.#head;
    let page: CommitPage;
    try {
      page = await this.#source.readAfter(from, this.#options.pageBytes);
    } catch {
      return false;
    }
    // What was missing has come meanwhile: entries that are read may begin before it and end after it.
    if (this.#head !== from || !this.#listening) return true;
    if (page.last <= from) return false;
    this.#known = Math.max(this.#known, page.last);
    this.#news = true;
    this.#tell(page);
    const around = this.#held.takeAround(this.#head);
    if (around !== undefined) this.#tell(around);
    this.#tellHeld();
    return true;
  }

  /** Asks the store how far it is. Where it is away, the next check asks again. */
  async #check(): Promise<void> {
    if (this.#asking || this.#reading || !this.#listening) return;
    this.#asking = true;
    try {
      const head = await this.#source.readHead();
      if (this.#listening) this.#known = Math.max(this.#known, head);
    } catch {
      // What it is away for is told to those who write.
    } finally {
      this.#asking = false;
    }
    this.#hold();
  }
}

function tellTo(listeners: ReadonlySet<Listener>, entries: readonly JournalEntry[], after: Position): void {
  if (listeners.size === 0) return;
  const [first] = entries;
  if (first === undefined) return;
  const left = first.first > after ? entries : entries.filter((entry) => entry.first > after);
  if (left.length > 0) for (const listener of [...listeners]) listener(left);
}
