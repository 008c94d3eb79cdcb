/**
 * The only ways out of the engine. One conformance suite per port runs over every implementation; nothing outside a
 * port's own folder imports a driver.
 */
import type { Readable } from "node:stream";
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
  /** Completed. `keep`: with its payload, to be replayed; else nothing is left of it but its events. */
  | { readonly kind: "settled"; readonly seq: number; readonly keep?: boolean }
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

/** How it came that an execution had to be taken up again. */
export interface Interruption {
  /**
   * `shutdown`: its process was stopped, and said so. `crash`: its process went without a word: killed, crashed, or the
   * machine did.
   */
  readonly by: "crash" | "shutdown";
  /** RFC 3339. Of a crash: the last that the journal has from before; the process went then, or later. */
  readonly at: string;
  /** Why it could not be taken up at the first start after that; null where it could. */
  readonly heldUpBy: string | null;
}

/** What a lifecycle record of the journal says; not part of the stream's events. */
export type Lifecycle =
  | { readonly kind: "started"; readonly at: string }
  /** Its process is being stopped; `left` messages were in flight when they were not waited for any more. */
  | { readonly kind: "paused"; readonly at: string; readonly left: number }
  /** It was taken up again after its process had gone; `redone` messages were in flight. Old records say no more. */
  | { readonly kind: "resumed"; readonly at: string; readonly redone: number; readonly interruption?: Interruption }
  /** It cannot be taken up again. */
  | {
      readonly kind: "interrupted";
      readonly at: string;
      readonly error: ErrorInfo;
      readonly interruption?: Interruption;
    }
  /** So many messages per route that had failed for good went back into their queues. */
  | { readonly kind: "requeued"; readonly at: string; readonly routes: Readonly<Record<string, number>> }
  | { readonly kind: "ended"; readonly at: string; readonly status: TerminalStatus };

/** An execution was taken up again after its process had gone. */
export interface Recovery {
  /** RFC 3339. */
  readonly at: string;
  /** Messages that were in flight, and were begun again. */
  readonly redone: number;
  /** Null where it was not recorded: by an older Millrace. */
  readonly interruption: Interruption | null;
}

/** An object that was written, as lists and streams tell of it. */
export interface WrittenObject {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  readonly contentType: string;
  /** Of its bytes, in hexadecimal. */
  readonly sha256: string;
  /** The message that it was written for; null where that is not known. */
  readonly messageId: string | null;
  /** RFC 3339. */
  readonly createdAt: string;
}

/** What a step has done to the object store. */
export type ObjectChange =
  | { readonly kind: "written"; readonly object: WrittenObject }
  /** Every object whose key begins so is gone. */
  | { readonly kind: "removed"; readonly prefix: string }
  /** This one was found to be gone. */
  | { readonly kind: "missing"; readonly key: string };

/** One atomic unit: committed whole or not at all, and published only then. */
export interface Transition {
  readonly executionId: string;
  readonly events: readonly ExecutionEvent[];
  readonly enqueue?: readonly NewMessage[];
  readonly changes?: readonly MessageChange[];
  /** What was done to the object store before its events, in this order. */
  readonly objects?: readonly ObjectChange[];
  readonly lifecycle?: Lifecycle;
  /** Where it ends the execution: routes whose messages that wait stay, to be replayed. Those of others are removed. */
  readonly keepWaiting?: readonly string[];
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
  /** The newest lifecycle record of an execution; null where there is no such execution. */
  lastLifecycle(executionId: string): Promise<Lifecycle | null>;
  /** The newest `limit` recoveries of an execution, oldest first. Retention leaves them. */
  recoveries(executionId: string, limit: number): Promise<Recovery[]>;
  /** Whether `position` is in the execution's journal (or was, before retention). */
  contains(executionId: string, position: Position): Promise<boolean>;
  /**
   * Removes the events of an execution that is over, in small steps; its cursors then meet a gap. What it keeps of its
   * messages goes before them, but for those that failed.
   */
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

/** A message of another execution that a new one begins with. */
export interface MessageCopy {
  /** Of the other execution's message. */
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
  /** The id of the execution whose messages they are copies of; null where there are none. */
  readonly copiedFrom: string | null;
  /** Whether they are failed messages, and marked as retried in the new execution. */
  readonly markRetried: boolean;
}

/** An execution's record. */
export interface ExecutionRecord {
  readonly id: string;
  /** All that comes of it belongs to it too. */
  readonly project: string;
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

/** How an execution begins in a service of many nodes. */
export interface NewExecutionOptions {
  /** Whether the node that creates it owns it at once; otherwise nobody does, until one claims it. Default true. */
  readonly owned?: boolean;
  /** Executions that may be unfinished at once, over all nodes, this one included; without it any number. */
  readonly maxUnfinished?: number;
}

/** What a list of executions is asked for. */
export interface ExecutionFilter {
  /** One of these; empty: any. */
  readonly statuses?: readonly ExecutionStatus[];
  readonly configId?: string;
  readonly tag?: string;
  readonly tagPrefix?: string;
  /** Each of these is in the tag or the config's name, or begins the id; in any case. */
  readonly words?: readonly string[];
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
  readonly project: string;
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

/** How much there is of a project. */
export interface ProjectCounts {
  readonly name: string;
  readonly configs: number;
  readonly executions: number;
  /** Executions that are not over. */
  readonly running: number;
  readonly triggers: number;
  readonly webhooks: number;
}

/**
 * Configs and executions as one who may see a project's alone finds them: others are not there. In the view of all
 * projects, a tag that names several executions names that of the project `default`, or none.
 */
export interface RecordsView {
  /** What an execution is called and where it stands, by id or tag: for those who come by the thousand. */
  findExecution(idOrTag: string): Promise<FoundExecution | null>;
  /** By id or tag. */
  getExecution(idOrTag: string): Promise<ExecutionRecord | null>;
  /** Their snapshots are without `config_yaml`, `document`, `outline` and `init_message`. */
  listExecutions(filter: ExecutionFilter): Promise<Page<ExecutionRecord>>;
  getConfig(id: string): Promise<ConfigRecord | null>;
  listConfigs(page: { limit: number; offset: number }): Promise<Page<ConfigRecord>>;
  /** None where there is no such config. */
  listConfigVersions(id: string, page: { limit: number; offset: number }): Promise<Page<ConfigVersionRecord>>;
  /** False where there was none. */
  deleteConfig(id: string): Promise<boolean>;
  /** Those that there is something of, by name. */
  projects(): Promise<ProjectCounts[]>;
}

/** @see RecordsView.findExecution */
export interface FoundExecution {
  readonly id: string;
  readonly project: string;
  readonly status: ExecutionStatus;
}

/** Configs and executions: by themselves those of all projects, which is for the service's own work. */
export interface Records extends RecordsView {
  /**
   * What there is of one project; null: of all. Whoever answers requests is given nothing but this, and cannot forget to
   * say whose request it is.
   */
  inProject(project: string | null): RecordsView;
  /**
   * Creates an execution with its `started` record and its first message or messages, all or nothing. An execution of the
   * same project with the same idempotency key is returned as it is, `created: false`.
   * @throws MillraceError TAG_TAKEN, IDEMPOTENCY_KEY_REUSED (the key belongs to another config), MESSAGE_NOT_FAILED, NOTHING_TO_REPLAY
   * (one that is to be copied, as a retry or else, is not there), TOO_MANY_EXECUTIONS
   */
  createExecution(
    execution: NewExecution,
    first: NewMessage | FirstMessages | null,
    options?: NewExecutionOptions,
  ): Promise<{ record: ExecutionRecord; created: boolean; firstSeq: number | null }>;
  /** The execution of a project that was started with the key; null where there is none. */
  getExecutionByIdempotencyKey(project: string, key: string): Promise<ExecutionRecord | null>;
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
  /** Ids of executions that were over before the given time and whose events, or kept messages, are still there. */
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

  /**
   * Creates a config, or (same id) its next version. `soleOfPath`: only where no other config of its project was loaded
   * from its file.
   * @throws MillraceError CONFIG_CHANGED where another process has stored that version, or loaded that file, meanwhile
   */
  putConfig(config: ConfigRecord, options?: { readonly soleOfPath?: boolean }): Promise<void>;
  /** The config of a project that was loaded from a file; null where there is none. */
  getConfigBySourcePath(project: string, sourcePath: string): Promise<ConfigRecord | null>;
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
  /** Of its bytes, in hexadecimal, where whoever writes it has it already. */
  readonly sha256?: string;
}

/** Objects as they are served. */
export interface ObjectReader {
  /** Null where there is none, or the key can be nobody's. Whoever opens it closes it, or reads it to its end. */
  open(key: string): Promise<OpenObject | null>;
}

/** An object that is open: its bytes stay as they are, whatever is written or deleted meanwhile. */
export interface OpenObject {
  /** Bytes. */
  readonly size: number;
  /** Of its bytes, in hexadecimal. */
  readonly sha256: string;
  readonly metadata: ObjectMetadata;
  /** Its bytes from `start` to `end`, both counted in. Closes it at the end, and when it is destroyed. Call it once. */
  read(range: { readonly start: number; readonly end: number }): Readable;
  close(): Promise<void>;
}

/** What a list of objects is asked for. */
export interface StoredObjectQuery {
  /** Those of executions of this project; null: of any. */
  readonly project: string | null;
  /** Keys begin so. */
  readonly prefix: string;
  /** In one of these stages; empty: in any. */
  readonly stages: readonly string[];
  /** Names end with a dot and one of these, in any case; empty: with anything. */
  readonly extensions: readonly string[];
  /** Whether what follows the prefix up to a slash is one folder. Stages and extensions do not go with it. */
  readonly folders: boolean;
  /** Only what sorts after this key or folder. */
  readonly after: string | null;
  readonly offset: number;
  readonly limit: number;
}

/** A page of a list of objects, in the order of keys. */
export interface StoredObjectPage {
  /** Objects that fit, in all pages and folders. */
  readonly total: number;
  readonly objects: readonly WrittenObject[];
  /** What keys go on with up to a slash, prefix and slash included. */
  readonly folders: readonly string[];
  /** The last key or folder of the page, where others follow; null on the last page. */
  readonly next: string | null;
}

/**
 * The objects' own journal: a `written` frame per object, in the order of commits, and the lifecycle records of
 * executions. Positions are those of the journal, so a cursor orders both.
 */
export type ObjectLog = Pick<Journal, "head" | "fault" | "onCommit" | "read" | "bounds" | "contains">;

/** What the object store holds, as far as it was written by messages: to be listed, and followed. */
export interface StoredObjects {
  readonly log: ObjectLog;
  /** Those of executions that are deleted are not in it. Lets others have their turn. */
  list(query: StoredObjectQuery): Promise<StoredObjectPage>;
  /** Those of the given keys that it knows. */
  known(keys: readonly string[]): Promise<ReadonlySet<string>>;
  /** Where there may be objects that it does not know of: `all` after an update, else in these executions. */
  readonly toLookThrough: ToLookThrough;
  /** Adds executions to those that are to be looked through, also by the next process if this one dies before it is done. */
  lookThrough(executionIds: readonly string[]): Promise<void>;
  /** Notes that all was looked through. */
  lookedThrough(): Promise<void>;
}

/** @see StoredObjects.toLookThrough */
export interface ToLookThrough {
  readonly all: boolean;
  readonly executionIds: readonly string[];
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
