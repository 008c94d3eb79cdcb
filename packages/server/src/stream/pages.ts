import type { JournalEntry, Position } from "@millrace/engine";
import type { FrameFilter } from "./frame-filter.ts";
import { cutPage, type Page } from "./page.ts";

/** What pages are cut from. */
export type ReadJournal = (
  executionIds: readonly string[],
  after: Position,
  maxBytes: number,
) => Promise<JournalEntry[]>;

/** Bytes of pages that are kept for the next reader. */
const KEPT_BYTES = 32 * 1024 * 1024;

/**
 * Bytes that the pages of all readers that are behind may come to, if each is sent another one. With many readers pages
 * get smaller: what clients that stopped reading keep in memory is bounded in all, not just for each.
 */
const SENT_BYTES = 64 * 1024 * 1024;

const MAX_PAGE_BYTES = 256 * 1024;
const MIN_PAGE_BYTES = 16 * 1024;

/** The pages of all streams of a process that are behind: how large they may be, and which are kept. */
export class PageShelf {
  /** Streams that are behind. */
  readers = 0;
  readonly read: ReadJournal;
  /** The longest unused first. */
  readonly #kept = new Map<Page, PageBook>();
  #bytes = 0;

  constructor(read: ReadJournal) {
    this.read = read;
  }

  /** How large a page is to be at present, in bytes. */
  get pageBytes(): number {
    return Math.max(MIN_PAGE_BYTES, Math.min(MAX_PAGE_BYTES, Math.floor(SENT_BYTES / Math.max(1, this.readers))));
  }

  /** Bytes of pages that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Puts a page at the end of the row of those that go first, which it may have been in. */
  keep(page: Page, book: PageBook): void {
    if (!this.#kept.delete(page)) this.#bytes += page.frames?.length ?? 0;
    this.#kept.set(page, book);
    for (const [oldest, owner] of this.#kept) {
      if (this.#bytes <= KEPT_BYTES) break;
      this.drop(oldest);
      owner.forget(oldest);
    }
  }

  /** Takes out a page. */
  drop(page: Page): void {
    if (this.#kept.delete(page)) this.#bytes -= page.frames?.length ?? 0;
  }
}

/**
 * The pages of one execution under one filter. A page is read once, and sent to everybody who comes to where it begins;
 * one that is read from elsewhere ends where the next begins that is there already, so that readers fall into step.
 */
export class PageBook {
  readonly #shelf: PageShelf;
  readonly #executionIds: readonly string[];
  readonly #filter: FrameFilter | null;
  readonly #pages = new Map<Position, Page>();
  readonly #underWay = new Map<Position, { readonly upTo: Position; readonly page: Promise<Page | null> }>();
  #closed = false;

  constructor(shelf: PageShelf, executionId: string, filter: FrameFilter | null) {
    this.#shelf = shelf;
    this.#executionIds = [executionId];
    this.#filter = filter;
  }

  /** The page after a position; null where the journal has nothing for the execution from there up to `upTo`. */
  get(after: Position, upTo: Position): Page | Promise<Page | null> {
    const page = this.#pages.get(after);
    // Else each stream that came to the edge of a run would leave a page of a few events behind, for all who come later.
    if (page !== undefined && !(page.short && page.last < upTo)) {
      this.#shelf.keep(page, this);
      return page;
    }
    const underWay = this.#underWay.get(after);
    if (underWay !== undefined) {
      if (underWay.upTo >= upTo) return underWay.page;
      // It was begun for somebody who was not to have as much: that there was nothing for them says nothing of the rest.
      return underWay.page.then((shared) => shared ?? this.get(after, upTo));
    }
    const reading = this.#read(after, upTo).finally(() => this.#underWay.delete(after));
    this.#underWay.set(after, { upTo, page: reading });
    return reading;
  }

  /** Lets go of everything. */
  close(): void {
    this.#closed = true;
    for (const page of this.#pages.values()) this.#shelf.drop(page);
    this.#pages.clear();
  }

  /** To be called by the shelf, when it has dropped the page. */
  forget(page: Page): void {
    if (this.#pages.get(page.after) === page) this.#pages.delete(page.after);
  }

  async #read(after: Position, upTo: Position): Promise<Page | null> {
    const maxBytes = this.#shelf.pageBytes;
    const entries = await this.#shelf.read(this.#executionIds, after, maxBytes);
    const begins = (position: Position) => this.#pages.get(position)?.short === false;
    const limits = { after, upTo, maxBytes, minBytes: MIN_PAGE_BYTES, begins };
    const page = cutPage(entries, this.#filter, limits);
    // Nobody comes for a page that was still being read when the last stream left.
    if (page !== null && !this.#closed) {
      const before = this.#pages.get(after);
      if (before !== undefined) this.#shelf.drop(before);
      this.#pages.set(after, page);
      this.#shelf.keep(page, this);
    }
    return page;
  }
}
