import type { JournalEntry, Position } from "@millrace/engine";
import type { CommitFeed, CommitSource, CommittedGroup } from "../feed/commit-feed.ts";

/** Bytes of frames that are read at once. */
const PAGE_BYTES = 4 * 1024 * 1024;

/** Milliseconds between looks at what other nodes may have committed. */
const LOOK_EVERY_MS = 1_000;

/** Milliseconds until the database is asked again that could not be read. */
const PAUSE_MS = 100;

/**
 * A feed without a bus: of this node's commits it is told, and what other nodes commit it finds by looking. Good for one
 * node, and for tests.
 */
export class LocalFeed implements CommitFeed {
  readonly #source: CommitSource;
  readonly #listeners = new Set<(entries: readonly JournalEntry[]) => void>();
  readonly #objectListeners = new Set<(entries: readonly JournalEntry[]) => void>();
  #head: Position;
  /** What is told is told in turn. */
  #turn: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(source: CommitSource, head: Position) {
    this.#source = source;
    this.#head = head;
    this.#lookLater();
  }

  get head(): Position {
    return this.#head;
  }

  onCommit(listener: (entries: readonly JournalEntry[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onObjects(listener: (entries: readonly JournalEntry[]) => void): () => void {
    this.#objectListeners.add(listener);
    return () => this.#objectListeners.delete(listener);
  }

  committed(group: CommittedGroup): Promise<void> {
    this.#turn = this.#turn.then(async () => {
      if (group.prev > this.#head) await this.#catchUp(group.prev);
      // Read already, with what another node committed.
      if (group.last <= this.#head) return;
      this.#tell(group);
    });
    return this.#turn;
  }

  /** Tells all that is committed. */
  look(): Promise<void> {
    this.#turn = this.#turn.then(async () => {
      try {
        const head = await this.#source.readHead();
        if (head > this.#head) await this.#catchUp(head);
      } catch {
        // The next look is soon.
      }
    });
    return this.#turn;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #catchUp(until: Position): Promise<void> {
    while (this.#head < until && !this.#isClosed) {
      try {
        const page = await this.#source.readAfter(this.#head, PAGE_BYTES);
        this.#tell(page);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    }
  }

  #tell({ last, entries, objectEntries }: Omit<CommittedGroup, "prev">): void {
    this.#head = last;
    if (entries.length > 0) for (const listener of this.#listeners) listener(entries);
    if (objectEntries.length > 0) for (const listener of this.#objectListeners) listener(objectEntries);
  }

  #lookLater(): void {
    this.#timer = setTimeout(() => {
      void this.look().finally(() => {
        if (!this.#isClosed) this.#lookLater();
      });
    }, LOOK_EVERY_MS);
    this.#timer.unref();
  }
}
