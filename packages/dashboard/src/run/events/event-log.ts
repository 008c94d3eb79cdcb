import type { StreamEvent } from "@millrace/client";

/** What a line of the log shows: an event, or that retention has removed some. */
export type LogEntry = Exclude<StreamEvent, { readonly type: "end" }>;

/** How many entries a page has. */
export const PAGE_ENTRIES = 512;

/** A full page: what it holds, or where to find it again. */
interface Page {
  /** The cursor right before its first entry; null at the beginning. */
  readonly after: string | null;
  /** The id of its last entry. */
  readonly last: string;
  /** JSON, as bytes outside of the heap; null once it had to make room. */
  bytes: Uint8Array | null;
  /** When it was last looked at, as a count of looks. */
  usedAt: number;
}

/** Reads the entries of one page again: all behind `after` up to `last`. */
export type ReadPage = (after: string | null, last: string) => Promise<LogEntry[]>;

/**
 * Any number of events in bounded memory: full pages are kept as bytes, up to a budget; beyond it those that were not
 * looked at for longest make room, and are read again from the service when somebody scrolls to them.
 */
export class EventLog {
  readonly #readPage: ReadPage;
  readonly #budget: number;
  readonly #pages: Page[] = [];
  readonly #reading = new Map<number, Promise<LogEntry[]>>();
  /** The page that fills. */
  #open: LogEntry[] = [];
  #after: string | null = null;
  #kept = 0;
  #looks = 0;
  /** Pages looked at last, parsed. */
  readonly #parsed = new Map<number, LogEntry[]>();

  /** `budget` is in bytes. */
  constructor(readPage: ReadPage, budget: number) {
    this.#readPage = readPage;
    this.#budget = budget;
  }

  /** How many entries there are. */
  get total(): number {
    return this.#pages.length * PAGE_ENTRIES + this.#open.length;
  }

  /** How many bytes of entries are held. */
  get kept(): number {
    return this.#kept;
  }

  append(entries: readonly LogEntry[]): void {
    for (const entry of entries) {
      this.#open.push(entry);
      if (this.#open.length === PAGE_ENTRIES) this.#close(entry.id);
    }
  }

  /** Entries from one index up to another, as far as there are any. Those of pages that made room come with time. */
  async slice(from: number, to: number): Promise<LogEntry[]> {
    const end = Math.min(to, this.total);
    const found: LogEntry[] = [];
    for (let at = Math.max(0, from); at < end; ) {
      const index = Math.floor(at / PAGE_ENTRIES);
      const page = await this.#page(index);
      const within = at - index * PAGE_ENTRIES;
      const part = page.slice(within, within + end - at);
      // A page that was read again and has become shorter: retention has been there.
      if (part.length === 0) break;
      found.push(...part);
      at += part.length;
    }
    return found;
  }

  /** The newest entries, at most `count`; fewer right after a page was filled. */
  newest(count: number): LogEntry[] {
    const previous = this.#open.length < count ? (this.#parsed.get(this.#pages.length - 1) ?? []) : [];
    return [...previous, ...this.#open].slice(-count);
  }

  #close(last: string): void {
    const bytes = new TextEncoder().encode(JSON.stringify(this.#open));
    this.#looks += 1;
    this.#pages.push({ after: this.#after, last, bytes, usedAt: this.#looks });
    this.#remember(this.#pages.length - 1, this.#open);
    this.#kept += bytes.length;
    this.#after = last;
    this.#open = [];
    if (this.#kept > this.#budget) this.#makeRoom();
  }

  async #page(index: number): Promise<LogEntry[]> {
    const page = this.#pages[index];
    if (page === undefined) return this.#open;
    this.#looks += 1;
    page.usedAt = this.#looks;
    const known = this.#parsed.get(index);
    if (known !== undefined) return known;
    const entries = page.bytes === null ? await this.#readAgain(index, page) : decode(page.bytes);
    this.#remember(index, entries);
    return entries;
  }

  /** Those who scroll over a page several times while it comes wait for the same answer. */
  #readAgain(index: number, page: Page): Promise<LogEntry[]> {
    const reading =
      this.#reading.get(index) ??
      this.#readPage(page.after, page.last).finally(() => {
        this.#reading.delete(index);
      });
    this.#reading.set(index, reading);
    return reading;
  }

  #remember(index: number, entries: LogEntry[]): void {
    this.#parsed.delete(index);
    this.#parsed.set(index, entries);
    if (this.#parsed.size <= PARSED_PAGES) return;
    const oldest = this.#parsed.keys().next();
    if (!oldest.done) this.#parsed.delete(oldest.value);
  }

  /** A quarter at once, so that it is seldom done. */
  #makeRoom(): void {
    const kept = this.#pages.filter(({ bytes }) => bytes !== null).sort((one, other) => one.usedAt - other.usedAt);
    for (const page of kept) {
      if (this.#kept <= this.#budget * 0.75) return;
      this.#kept -= page.bytes?.length ?? 0;
      page.bytes = null;
    }
  }
}

/** A screen shows parts of two pages at most; more makes scrolling back and forth quick. */
const PARSED_PAGES = 6;

function decode(bytes: Uint8Array): LogEntry[] {
  // It wrote them itself.
  return JSON.parse(new TextDecoder().decode(bytes)) as LogEntry[];
}
