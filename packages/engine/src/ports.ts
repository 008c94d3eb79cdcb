/**
 * The only ways out of the engine. One conformance suite per port runs over every implementation; nothing outside a
 * port's own folder imports a driver.
 */
import type {
  ErrorInfo,
  EventError,
  ExecutionEvent,
  ExecutionStatus,
  JsonObject,
  SourceType,
  TerminalStatus,
} from "@millrace/protocol";

/** A place in the whole journal. Positions only grow, in the order of commits; holes are normal. */
export type Position = number;

/** A message that is not settled, as the store keeps it. */
export interface StoredMessage {
  /** Orders the queue of a route; assigned when the message is committed. */
  readonly seq: number;
  readonly id: string;
  readonly parentId: string | null;
  readonly route: string;
  /** As text: whoever takes the message parses a payload of its own. */
  readonly payloadJson: string;
  /** The attempt that is next, or under way: from 1. */
  readonly attempt: number;
  /** Attempts that failed so far (a crash is none). */
  readonly failures: number;
  /** Epoch ms before which it must not be taken; 0: at once. */
  readonly dueAt: number;
  /** Steps between it and the first message. */
  readonly hops: number;
  /** Outputs of its chain that are committed: a step that is redone skips so many. */
  readonly emittedOutputs: number;
  /** Messages that those outputs made, per route. */
  readonly emitted: Readonly<Record<string, number>>;
  /** Times that the process died while it was in flight. */
  readonly interruptions: number;
}

/** A message to be enqueued; its payload as JSON text, checked already. */
export interface NewMessage {
  readonly id: string;
  readonly parentId: string | null;
  readonly route: string;
  readonly payloadJson: string;
  readonly hops: number;
}

/** Why and where a message failed for good. */
export interface KeptError extends EventError {
  /** The adapter to blame; null where it is none's fault. */
  readonly adapter: string | null;
  readonly adapter_index: number | null;
  /** RFC 3339. */
  readonly failed_at: string | null;
}

/** What happens to the message that a transition consumed. */
export type MessageChange =
  | { readonly kind: "settled"; readonly seq: number }
  /** Failed for good: kept with its payload, never taken again. */
  | { readonly kind: "kept"; readonly seq: number; readonly error: KeptError }
  /**
   * One that was kept goes back into its queue: its next attempt begins with a retry count of 0, and what it emitted
   * before stays emitted. If it is not settled before the execution ends it is kept again, as it was.
   */
  | { readonly kind: "requeued"; readonly seq: number; readonly dueAt: number; readonly payloadJson: string | null }
  | {
      readonly kind: "retry";
      readonly seq: number;
      readonly attempt: number;
      readonly failures: number;
      readonly dueAt: number;
    }
  | {
      readonly kind: "emitted";
      readonly seq: number;
      readonly outputs: number;
      readonly emitted: Readonly<Record<string, number>>;
    };

/** What a lifecycle record of the journal says; not part of the stream's events. */
export type Lifecycle =
  | { readonly kind: "started"; readonly at: string }
  /** The execution was taken up again after its process had gone; `redone` messages were in flight. */
  | { readonly kind: "resumed"; readonly at: string; readonly redone: number }
  | { readonly kind: "interrupted"; readonly at: string; readonly error: ErrorInfo }
  /** So many messages per route that had failed for good went back into their queues. */
  | { readonly kind: "requeued"; readonly at: string; readonly routes: Readonly<Record<string, number>> }
  | { readonly kind: "ended"; readonly at: string; readonly status: TerminalStatus };

/** An execution was taken up again after its process had gone. */
export interface Recovery {
  /** RFC 3339. */
  readonly at: string;
  /** Messages that were in flight, and were begun again. */
  readonly redone: number;
}

/** One atomic unit: committed whole or not at all, and published only then. */
export interface Transition {
  readonly executionId: string;
  readonly events: readonly ExecutionEvent[];
  readonly enqueue?: readonly NewMessage[];
  readonly changes?: readonly MessageChange[];
  readonly lifecycle?: Lifecycle;
  /** Changes of the execution's record in the same unit. */
  readonly record?: Partial<
    Pick<ExecutionRecord, "status" | "completedAt" | "errorInfo" | "stopping" | "progressJson">
  >;
}

/** What a commit tells the one who asked for it. */
export interface Committed {
  /** The `seq` of each enqueued message, in order. */
  readonly seqs: readonly number[];
}

/** A part of an execution's journal, ready to be sent. */
export type JournalEntry =
  | {
      readonly kind: "events";
      readonly executionId: string;
      /** Of the first event. */
      readonly first: Position;
      /** Of the last event. */
      readonly last: Position;
      readonly count: number;
      /** The frames, one after the other, as they go over the wire. */
      readonly frames: Buffer;
    }
  | {
      readonly kind: "lifecycle";
      readonly executionId: string;
      readonly first: Position;
      readonly last: Position;
      readonly lifecycle: Lifecycle;
    };

/** What retention has left of a journal. */
export interface JournalBounds {
  /** Where the execution began: a valid cursor, before its first event. */
  readonly start: Position;
  /** The last event; `start` where there is none yet. */
  readonly lastEvent: Position;
  /** Events at or before this position were removed; null where none were. */
  readonly trimmed: Position | null;
  /** Where its end was recorded; null while it is not over. */
  readonly ended: Position | null;
}

/** The ordered, append-only record of everything that happens, and the work that it leaves to do. */
export interface Journal {
  /**
   * Commits a transition, together with whatever else is ready. Resolves after the commit, in the order of calls; the
   * subscribers of {@link onCommit} have been told by then. While the store cannot be written the promise waits, and
   * {@link fault} says why. Rejects where this transition cannot be written whatever happens, and when the store closes.
   */
  append(transition: Transition): Promise<Committed>;
  /** Told once per commit and execution, in the order of positions. Must not throw. Returns the way to stop. */
  onCommit(listener: (entries: readonly JournalEntry[]) => void): () => void;
  /**
   * Entries of the given executions after a position, in order, about `maxBytes` of frames (at least one entry). An
   * entry that straddles the position is returned whole: the caller cuts it. Empty: nothing is committed after it.
   */
  read(executionIds: readonly string[], after: Position, maxBytes: number): Promise<JournalEntry[]>;
  /** Null where there is no such execution. */
  bounds(executionId: string): Promise<JournalBounds | null>;
  /** The newest `limit` recoveries of an execution, oldest first. Retention leaves them. */
  recoveries(executionId: string, limit: number): Promise<Recovery[]>;
  /** Whether `position` is in the execution's journal (or was, before retention). */
  contains(executionId: string, position: Position): Promise<boolean>;
  /** Removes the events of an execution that is over, in small steps; its cursors then meet a gap. */
  trim(executionId: string): Promise<void>;
  /** The last position that is committed, whichever execution it belongs to. */
  readonly head: Position;
  /** Events that wait for their commit: engines stop producing when it is high. */
  readonly backlog: number;
  /** Null, or why nothing can be committed at present. */
  readonly fault: Error | null;
  /** Told whenever {@link fault} changes between null and an error, or turns out to be for good. Must not throw. Returns the way to stop. */
  onFault(listener: (fault: Error | null) => void): () => void;
}

/** The unsettled messages of executions. */
export interface WorkQueue {
  /**
   * Messages of a route that wait for their first attempt, in order of `seq`, after `afterSeq`: at most `limit`, and
   * not many more than `maxBytes` of payloads (at least one). Those that wait for a retry are in {@link delayed}.
   */
  take(executionId: string, route: string, afterSeq: number, limit: number, maxBytes: number): Promise<StoredMessage[]>;
  /** One message, or null where it is settled. */
  get(executionId: string, seq: number): Promise<StoredMessage | null>;
  /** All messages that wait for a retry: no payloads, so that many fit. */
  delayed(executionId: string): Promise<{ seq: number; route: string; dueAt: number }[]>;
  /**
   * Counts a crash against each of the messages: they were in flight when the process died. `by` is -1 where a shutdown
   * leaves them in flight: it takes back beforehand what the next start will count.
   */
  countInterruption(executionId: string, messageIds: readonly string[], by?: 1 | -1): Promise<void>;
  /** Due or delayed messages per route. */
  depths(executionId: string): Promise<Record<string, number>>;
}

/** A message that failed for good, as it is kept. */
export interface FailedMessage {
  readonly seq: number;
  readonly id: string;
  readonly parentId: string | null;
  readonly route: string;
  /** Null where it was not asked for. */
  readonly payloadJson: string | null;
  readonly payloadBytes: number;
  /** Attempts that were made. */
  readonly attempt: number;
  readonly hops: number;
  readonly error: KeptError;
  /** The execution that it was retried in, once this one was over; null where it was not. */
  readonly retriedIn: string | null;
}

/** Which failed messages are meant: those that fit all that is given. */
export interface FailureFilter {
  readonly messageIds?: readonly string[];
  readonly route?: string;
  readonly adapter?: string;
  readonly code?: string;
  /** Whether they were retried in an execution of their own. */
  readonly retried?: boolean;
}

/** How many messages failed in the same place with the same code. */
export interface FailureGroup {
  readonly route: string;
  readonly adapter: string | null;
  readonly code: string;
  readonly count: number;
  /** Of one of them. */
  readonly message: string;
  readonly firstFailedAt: string | null;
  readonly lastFailedAt: string | null;
}

/** The messages that failed for good. */
export interface Failures {
  /** In the order in which they were put into queues; fewer than `limit` where their payloads are many megabytes. */
  list(
    executionId: string,
    filter: FailureFilter,
    page: { readonly limit: number; readonly offset: number; readonly payloads: boolean },
  ): Promise<Page<FailedMessage>>;
  /** Those after a number of the queue, at most `limit`, and not many more than `maxBytes` of payloads (at least one). */
  after(
    executionId: string,
    filter: FailureFilter,
    afterSeq: number,
    page: { readonly limit: number; readonly maxBytes: number; readonly payloads: boolean },
  ): Promise<FailedMessage[]>;
  /** How many there are. */
  count(executionId: string, filter: FailureFilter): Promise<number>;
  /** The most frequent first. */
  groups(executionId: string, filter: FailureFilter): Promise<FailureGroup[]>;
  /** Those of the given ids that are not settled: they wait, or are in flight. */
  unsettled(executionId: string, messageIds: readonly string[]): Promise<string[]>;
}

/** A failed message of another execution that a new one begins with. */
export interface MessageCopy {
  /** Of the failed message. */
  readonly seq: number;
  /** Of the new message. */
  readonly id: string;
  readonly route: string;
  /** Null: as it is kept. */
  readonly payloadJson: string | null;
}

/** What an execution begins with. */
export interface FirstMessages {
  readonly messages: readonly NewMessage[];
  /** Copied within the store, so that their payloads need not pass through memory. */
  readonly copies: readonly MessageCopy[];
  /** Whether the failed messages are marked as retried in the new execution. */
  readonly markRetried: boolean;
}

/** An execution's record. */
export interface ExecutionRecord {
  readonly id: string;
  readonly configId: string | null;
  readonly status: ExecutionStatus;
  readonly startedAt: string;
  readonly completedAt: string | null;
  readonly parentExecutionId: string | null;
  readonly replaySource: "storage" | "lineage" | "manual" | null;
  readonly tag: string | null;
  /** `{name, version, config_hash, config_yaml, document, init_message}` at the start. */
  readonly configSnapshot: JsonObject;
  readonly rootCorrelationId: string;
  readonly metadata: JsonObject;
  readonly errorInfo: ErrorInfo | null;
  readonly idempotencyKey: string | null;
  /** The end that it was told to come to while messages were still in flight; survives a crash. */
  readonly stopping: TerminalStatus | null;
  /** The folded journal of an execution that is over, as JSON; null while it runs. */
  readonly progressJson: string | null;
}

/** An execution that is over, as retention sees it. */
export interface OverExecution {
  readonly id: string;
  readonly completedAt: string;
  /** What it takes; null where it was not measured. */
  readonly bytes: number | null;
}

/** A new execution. */
export type NewExecution = Omit<ExecutionRecord, "status" | "completedAt" | "errorInfo" | "stopping" | "progressJson">;

/** What a list of executions is asked for. */
export interface ExecutionFilter {
  readonly status?: ExecutionStatus;
  readonly configId?: string;
  readonly tag?: string;
  readonly parentExecutionId?: string;
  /** RFC 3339, inclusive. */
  readonly startedAfter?: string;
  /** RFC 3339, exclusive. */
  readonly startedBefore?: string;
  readonly sortOrder: "asc" | "desc";
  readonly limit: number;
  readonly offset: number;
}

/** A stored config: its newest version. */
export interface ConfigRecord {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly sourceType: SourceType;
  readonly sourcePath: string | null;
  readonly configYaml: string;
  readonly configHash: string;
  readonly version: number;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly isActive: boolean;
}

/** An older or the newest version of a config. */
export interface ConfigVersionRecord {
  readonly version: number;
  readonly configHash: string;
  readonly configYaml: string;
  readonly createdAt: string;
}

/** A page of a list. */
export interface Page<T> {
  readonly total: number;
  readonly items: T[];
}

/** Configs and executions. */
export interface Records {
  /**
   * Creates an execution with its `started` record and its first message or messages, all or nothing. An execution with the same
   * idempotency key is returned as it is, `created: false`.
   * @throws MillraceError TAG_TAKEN, IDEMPOTENCY_KEY_REUSED (the key belongs to another config), MESSAGE_NOT_FAILED (one
   * that is to be copied is not there)
   */
  createExecution(
    execution: NewExecution,
    first: NewMessage | FirstMessages | null,
  ): Promise<{ record: ExecutionRecord; created: boolean; firstSeq: number | null }>;
  /** The execution that was started with the key; null where there is none. */
  getExecutionByIdempotencyKey(key: string): Promise<ExecutionRecord | null>;
  /** What an execution is called and where it stands, by id or tag: for those who come by the thousand. */
  findExecution(idOrTag: string): Promise<{ readonly id: string; readonly status: ExecutionStatus } | null>;
  /** By id or tag. */
  getExecution(idOrTag: string): Promise<ExecutionRecord | null>;
  /** Their snapshots are without `config_yaml`, `document`, `outline` and `init_message`. */
  listExecutions(filter: ExecutionFilter): Promise<Page<ExecutionRecord>>;
  /** Those that are not over. */
  unfinishedExecutions(): Promise<ExecutionRecord[]>;
  /**
   * Takes an execution out of sight, with its journal and its messages: whoever asks finds none, and its tag and key are
   * free. What it left is removed by {@link purgeExecution}. False where there is none.
   */
  deleteExecution(id: string): Promise<boolean>;
  /** Ids of deleted executions that are not purged. */
  deletedExecutions(limit: number): Promise<string[]>;
  /**
   * Removes about `maxBytes` of what a deleted execution left in the journal and the queue. True when nothing is left,
   * which is the last that is known of it: its objects must be gone by then.
   */
  purgeExecution(id: string, maxBytes: number): Promise<boolean>;
  /** Ids of executions that were over before the given time and whose events are still there. */
  executionsToTrim(completedBefore: string, limit: number): Promise<string[]>;
  /** Executions that are over, the one that ended first before the others. */
  executionsOver(limit: number): Promise<OverExecution[]>;
  /** How many executions are over, and the bytes of those that were measured. */
  totalsOver(): Promise<{ count: number; bytes: number }>;
  /** Ids of executions that are over and not measured since they were, or since they were trimmed. */
  unmeasuredExecutions(limit: number): Promise<string[]>;
  /** Notes what an execution that is over takes: its record, journal and kept messages, and what its objects take. */
  measureExecution(id: string, objectBytes: number): Promise<void>;
  /** Gives up to so much space that is not used any more back to the system. True when there is no more to give. */
  giveBackSpace(maxBytes: number): Promise<boolean>;

  /** Creates a config, or (same id) its next version. */
  putConfig(config: ConfigRecord): Promise<void>;
  getConfig(id: string): Promise<ConfigRecord | null>;
  /** The config that was loaded from a file; null where there is none. */
  getConfigBySourcePath(sourcePath: string): Promise<ConfigRecord | null>;
  listConfigs(page: { limit: number; offset: number }): Promise<Page<ConfigRecord>>;
  listConfigVersions(id: string, page: { limit: number; offset: number }): Promise<Page<ConfigVersionRecord>>;
  /** False where there was none. */
  deleteConfig(id: string): Promise<boolean>;
}

/** What adapters write. Keys are `executions/{execution}/{route}/{stage}/{name}`. */
export interface ObjectStore {
  /**
   * Writes an object whole or not at all, with its metadata; one of the same key is replaced.
   * @throws MillraceError or AdapterError where the key has empty, `.` or `..` segments or is too long
   */
  put(key: string, body: Uint8Array, metadata: ObjectMetadata): Promise<void>;
  /** Null where there is none. */
  get(key: string): Promise<{ body: Buffer; metadata: ObjectMetadata } | null>;
  /** Keys that begin with `prefix`, sorted. */
  list(prefix: string): AsyncIterable<string>;
  /** Removes every object whose key begins with `prefix`, those included that are being written. */
  deleteAll(prefix: string): Promise<void>;
  /** Bytes that the objects whose keys begin with `prefix` take, with what is kept beside them. */
  sizeOf(prefix: string): Promise<number>;
}

/** What is kept beside an object. */
export interface ObjectMetadata {
  readonly contentType: string;
  readonly messageId?: string;
  readonly createdAt: string;
}

/** The time. */
export interface Clock {
  /** Epoch ms. */
  now(): number;
}

/** New ids. */
export interface Ids {
  /** A UUID v7. */
  uuid(): string;
}
