import type {
  Failures,
  Journal,
  JournalEntry,
  KeptError,
  KeptMessages,
  NewExecution,
  NewMessage,
  Position,
  Records,
  StoredMessage,
  Transition,
  WorkQueue,
} from "@millrace/engine";
import { eventsOf } from "@millrace/engine";
import { type CompletedEvent, DEFAULT_PROJECT, type ExecutionEvent } from "@millrace/protocol";

/** The ports of a store that are written in one transition. */
export interface StorePorts {
  readonly journal: Journal;
  readonly work: WorkQueue;
  readonly failures: Failures;
  readonly kept: KeptMessages;
  readonly records: Records;
}

/** A store that a suite is run over: its ports, over one place that outlives them. */
export interface StoreUnderTest extends StorePorts, AsyncDisposable {
  /** Goes down, and comes up again over the same place. The ports are new ones then. */
  reopen(): Promise<void>;
}

/** Makes an empty store of its own for each test. */
export type StoreFactory = () => Promise<StoreUnderTest>;

const AT = "2026-03-01T12:00:00.000Z";

let made = 0;

/** An id that no other has. */
export function newId(prefix = "id"): string {
  made += 1;
  return `${prefix}-${made}`;
}

/** A new execution: plain, but for what is given. */
export function newExecution(fields: Partial<NewExecution> = {}): NewExecution {
  const id = fields.id ?? newId("execution");
  return {
    id,
    project: DEFAULT_PROJECT,
    configId: null,
    startedAt: AT,
    parentExecutionId: null,
    replaySource: null,
    tag: null,
    configSnapshot: { name: "a pipeline" },
    rootCorrelationId: `${id}-root`,
    metadata: {},
    idempotencyKey: null,
    ...fields,
  };
}

/** A message to be enqueued: plain, but for what is given. */
export function newMessage(fields: Partial<NewMessage> = {}): NewMessage {
  return { id: newId("message"), parentId: null, route: "work", payloadJson: "{}", hops: 0, ...fields };
}

/** An event that can be told from others by its message's id. */
export function newEvent(
  executionId: string,
  messageId = newId("message"),
  fields: Partial<CompletedEvent> = {},
): CompletedEvent {
  return {
    execution_id: executionId,
    message_id: messageId,
    parent_message_id: null,
    correlation_id: messageId,
    root_correlation_id: "root",
    route: "work",
    timestamp: AT,
    attempt: 1,
    type: "completed",
    duration_ms: 1.5,
    emitted: {},
    ...fields,
  };
}

/** Why a message failed for good. */
export function newKeptError(fields: Partial<KeptError> = {}): KeptError {
  return { code: "X", message: "it did", retryable: false, adapter: "a", adapter_index: 0, failed_at: AT, ...fields };
}

/** The transition that ends an execution. */
export function ending(executionId: string, at = AT, events: ExecutionEvent[] = []): Transition {
  return {
    executionId,
    events,
    lifecycle: { kind: "ended", at, status: "completed" },
    record: { status: "completed", completedAt: at },
  };
}

/** Creates an execution without a first message, and returns its id. */
export async function start(store: StorePorts, fields: Partial<NewExecution> = {}): Promise<string> {
  const { record } = await store.records.createExecution(newExecution(fields), null);
  return record.id;
}

/** Enqueues messages, and returns their numbers in the queue. */
export async function enqueue(
  store: StorePorts,
  executionId: string,
  messages: readonly NewMessage[],
): Promise<readonly number[]> {
  const { seqs } = await store.journal.append({ executionId, events: [], enqueue: messages });
  return seqs;
}

/** All that waits in a route for its first attempt. */
export function waiting(store: StorePorts, executionId: string, route = "work"): Promise<StoredMessage[]> {
  return store.work.take(executionId, route, 0, 1_000_000, Number.POSITIVE_INFINITY);
}

/** The whole of what is left of the journal of some executions. */
export function readAll(
  store: StorePorts,
  executionIds: readonly string[],
  after: Position = 0,
): Promise<JournalEntry[]> {
  return store.journal.read(executionIds, after, Number.POSITIVE_INFINITY);
}

/** The ids of the messages that the entries' events are about, in order. */
export function messagesOf(entries: readonly JournalEntry[]): string[] {
  return entries.flatMap((entry) => [...eventsOf(entry)].map((event) => event.message_id));
}

/** An entry's events, each with its position, as a client that parses the frames sees them. */
export function framesOf(entry: JournalEntry): { position: Position; event: ExecutionEvent }[] {
  if (entry.kind !== "events") return [];
  const events = [...eventsOf(entry)];
  const ids = [...entry.frames.toString("utf8").matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));
  return events.map((event, index) => ({ position: ids[index] ?? Number.NaN, event }));
}
