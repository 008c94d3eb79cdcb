/** An execution as the store keeps it. */
export interface ProjectedExecution {
  /** Stands for the execution in the store; no other ever has it. */
  readonly key: number;
  readonly id: string;
  readonly project: string;
  readonly rootId: string;
  readonly parentExecutionId: string | null;
}

/** A row of an execution's journal that holds events. */
export interface EventRow {
  /** Positions of the first and the last event. */
  readonly first: number;
  readonly last: number;
  readonly count: number;
  /** As they go over the wire. */
  readonly frames: Buffer;
}

/**
 * What lineage is read off: the executions and their journals, as a store has them now. The rows are whole: whoever
 * makes this has compared their checksums.
 */
export interface LineageSource {
  /** Null where it is not there, or not of the project; `project` null: of any. */
  byId(project: string | null, id: string): Promise<ProjectedExecution | null>;
  /** Those whose messages' ids begin as this one, and their replays: ids made of a message's begin as that does. */
  ofMessage(project: string | null, messageId: string): Promise<ProjectedExecution[]>;
  /** Those that were at work in a span of time (RFC 3339, half open), the newest first. */
  between(project: string | null, after: string | undefined, before: string | undefined): Promise<ProjectedExecution[]>;
  /** What the one who started the execution noted beside it. */
  metadata(id: string): Promise<Readonly<Record<string, unknown>>>;
  /** The ids of those of the given keys that are still there. */
  ids(keys: readonly number[]): Promise<ReadonlyMap<number, string>>;
  /** The positions of the last events of those of the given keys that have any. */
  heads(keys: readonly number[]): Promise<ReadonlyMap<number, number>>;
  /** The rows with events after a position, in order, at most `limit`. */
  rows(key: number, after: number, limit: number): Promise<EventRow[]>;
  /** The frames of the row that ends at a position; null where there is none. */
  framesAt(key: number, last: number): Promise<Buffer | null>;
  close(): Promise<void>;
}

/** Executions that an id may lead to: more began in the same millisecond only where thousands a second are started. */
export const MOST_CANDIDATES = 100;
