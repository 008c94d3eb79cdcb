import type { JournalEntry, Position } from "@millrace/engine";

/** What a commit added. Commits of all nodes form a chain: each begins where the one before it ended. */
export interface CommittedGroup {
  /** The last position before it. */
  readonly prev: Position;
  /** Its last position. */
  readonly last: Position;
  readonly entries: readonly JournalEntry[];
  /** Of the objects' own journal: what was written, and the lifecycle records. */
  readonly objectEntries: readonly JournalEntry[];
}

/** Commits of all nodes as they are read back. */
export interface CommitPage extends Omit<CommittedGroup, "prev"> {}

/** Where a feed reads what it was not told. */
export interface CommitSource {
  /** The last position that is committed, by whichever node. @throws MillraceError SERVICE_UNAVAILABLE */
  readHead(): Promise<Position>;
  /**
   * All that was committed after a position, of executions that are not deleted: about `maxBytes` of frames, at least
   * one entry. `last`: up to where the page is complete; the position itself where nothing follows.
   * @throws MillraceError SERVICE_UNAVAILABLE
   */
  readAfter(after: Position, maxBytes: number): Promise<CommitPage>;
}

/** Tells the commits of all nodes, each once, in the order of positions. */
export interface CommitFeed {
  /** The last position that was told. */
  readonly head: Position;
  /** Told of all that comes after {@link head}. Must not throw. Returns the way to stop. */
  onCommit(listener: (entries: readonly JournalEntry[]) => void): () => void;
  /** As {@link onCommit}, with the entries of the objects' own journal. */
  onObjects(listener: (entries: readonly JournalEntry[]) => void): () => void;
  /** This node has committed: resolves once the listeners have been told of it, and of all before it. Never rejects. */
  committed(group: CommittedGroup): Promise<void>;
  close(): void;
}

/** Makes the feed of the service with this id; `head` is where it begins. */
export type FeedFactory = (source: CommitSource, head: Position, clusterId: string) => CommitFeed | Promise<CommitFeed>;
