import type {
  Committed,
  Journal,
  JournalBounds,
  JournalEntry,
  Lifecycle,
  Position,
  Recovery,
  Transition,
} from "@millrace/engine";
import type { CommitFeed } from "../feed/commit-feed.ts";
import type { Committer } from "./committer.ts";
import type { JournalReads } from "./journal-reads.ts";
import { prepareTransition } from "./transition-writes.ts";

/** What the journal in PostgreSQL is made of. */
export interface JournalParts {
  readonly committer: Committer;
  readonly feed: CommitFeed;
  readonly reads: JournalReads;
  /** @see Journal.trim */
  readonly trim: (executionId: string) => Promise<void>;
}

/** The journal of all nodes, in PostgreSQL: this node writes through its committer, and is told by its feed. */
export class PostgresJournal implements Journal {
  readonly #parts: JournalParts;

  constructor(parts: JournalParts) {
    this.#parts = parts;
  }

  get head(): Position {
    return this.#parts.feed.head;
  }

  get backlog(): number {
    return this.#parts.committer.backlog;
  }

  get fault(): Error | null {
    return this.#parts.committer.fault;
  }

  onFault(listener: (fault: Error | null) => void): () => void {
    return this.#parts.committer.onFault(listener);
  }

  onCommit(listener: (entries: readonly JournalEntry[]) => void): () => void {
    return this.#parts.feed.onCommit(listener);
  }

  async append(transition: Transition): Promise<Committed> {
    const { committer } = this.#parts;
    const { bytes, ...job } = prepareTransition(transition, committer.encoder);
    return committer.writeTo(job, { patient: true, weight: transition.events.length, bytes });
  }

  read(executionIds: readonly string[], after: Position, maxBytes: number): Promise<JournalEntry[]> {
    return this.#parts.reads.read(executionIds, after, maxBytes);
  }

  bounds(executionId: string): Promise<JournalBounds | null> {
    return this.#parts.reads.bounds(executionId);
  }

  lastLifecycle(executionId: string): Promise<Lifecycle | null> {
    return this.#parts.reads.lastLifecycle(executionId);
  }

  recoveries(executionId: string, limit: number): Promise<Recovery[]> {
    return this.#parts.reads.recoveries(executionId, limit);
  }

  contains(executionId: string, position: Position): Promise<boolean> {
    return this.#parts.reads.contains(executionId, position);
  }

  trim(executionId: string): Promise<void> {
    return this.#parts.trim(executionId);
  }
}
