import type { ServerResponse } from "node:http";
import type { Journal, JournalBounds, JournalEntry, Position, Records } from "@millrace/engine";
import type { ExecutionStatus } from "@millrace/protocol";
import { FrameBytes, openSink } from "./sink.ts";
import { type StreamRequest, Subscriber, type SubscriberHost } from "./subscriber.ts";
import { TimerWheel } from "./timer-wheel.ts";

/** What the hub stands on. */
export interface HubParts {
  readonly journal: Journal;
  readonly records: Records;
  /** Streams that may be open at once. */
  readonly maxSubscribers: number;
}

/**
 * Every open stream of this process, by the executions that it watches. A commit's frames are joined once per
 * execution, and every live subscriber is written the same bytes.
 */
export class StreamHub implements SubscriberHost {
  readonly #parts: HubParts;
  readonly #topics = new Map<string, Set<Subscriber>>();
  readonly #subscribers = new Set<Subscriber>();
  readonly #wheel = new TimerWheel();
  readonly #stopListening: () => void;
  #closing = false;

  constructor(parts: HubParts) {
    this.#parts = parts;
    this.#stopListening = parts.journal.onCommit((entries) => this.#publish(entries));
  }

  /** Streams that are open. */
  get size(): number {
    return this.#subscribers.size;
  }

  /** Null, or why no stream can be opened at present, for the client. */
  get unavailable(): "closing" | "fault" | "full" | null {
    if (this.#closing) return "closing";
    if (this.#parts.journal.fault !== null) return "fault";
    return this.#subscribers.size >= this.#parts.maxSubscribers ? "full" : null;
  }

  /** Serves a stream on a response whose head has been written. It is freed when either side ends it. */
  attach(request: StreamRequest, response: ServerResponse): void {
    const subscriber = new Subscriber(this, request, openSink(response));
    this.#subscribers.add(subscriber);
    for (const executionId of request.executionIds) {
      const topic = this.#topics.get(executionId);
      if (topic === undefined) this.#topics.set(executionId, new Set([subscriber]));
      else topic.add(subscriber);
    }
    response.once("close", () => subscriber.drop());
    response.on("error", () => subscriber.drop());
    this.#wheel.schedule(subscriber);
    if (response.destroyed) subscriber.drop();
    else subscriber.start();
  }

  /** Ends every stream with reason `shutdown`, and takes no more. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#stopListening();
    await Promise.all([...this.#subscribers].map((subscriber) => subscriber.finish("shutdown")));
  }

  /** @see SubscriberHost */
  read(executionIds: readonly string[], after: Position, maxBytes: number): Promise<JournalEntry[]> {
    return this.#parts.journal.read(executionIds, after, maxBytes);
  }

  /** @see SubscriberHost */
  bounds(executionId: string): Promise<JournalBounds | null> {
    return this.#parts.journal.bounds(executionId);
  }

  /** @see SubscriberHost */
  async statusOf(executionId: string): Promise<ExecutionStatus | null> {
    try {
      return (await this.#parts.records.getExecution(executionId))?.status ?? null;
    } catch {
      return null;
    }
  }

  /** @see SubscriberHost */
  reschedule(subscriber: Subscriber): void {
    if (this.#subscribers.has(subscriber)) this.#wheel.schedule(subscriber);
  }

  /** @see SubscriberHost */
  detach(subscriber: Subscriber): void {
    if (!this.#subscribers.delete(subscriber)) return;
    this.#wheel.remove(subscriber);
    for (const executionId of subscriber.request.executionIds) {
      const topic = this.#topics.get(executionId);
      topic?.delete(subscriber);
      if (topic?.size === 0) this.#topics.delete(executionId);
    }
  }

  #publish(entries: readonly JournalEntry[]): void {
    if (this.#topics.size === 0) return;
    const several = new Map<Subscriber, JournalEntry[]>();
    for (const [executionId, own] of byExecution(entries)) {
      const topic = this.#topics.get(executionId);
      if (topic === undefined) continue;
      const shared = framesOf(own);
      for (const subscriber of topic) {
        if (!subscriber.request.many) this.#push(subscriber, own, shared);
        else if (several.has(subscriber)) several.get(subscriber)?.push(...own);
        else several.set(subscriber, [...own]);
      }
    }
    for (const [subscriber, own] of several) this.#push(subscriber, own, framesOf(own));
  }

  /** A subscriber's failure ends that subscriber, and nothing else. */
  #push(subscriber: Subscriber, entries: readonly JournalEntry[], shared: FrameBytes | null): void {
    try {
      subscriber.push(entries, shared);
    } catch {
      subscriber.drop();
    }
  }
}

/** Groups a commit's entries by execution; each execution's are in the order of their positions. */
function byExecution(entries: readonly JournalEntry[]): Map<string, JournalEntry[]> {
  const groups = new Map<string, JournalEntry[]>();
  for (const entry of entries) {
    const group = groups.get(entry.executionId);
    if (group === undefined) groups.set(entry.executionId, [entry]);
    else group.push(entry);
  }
  return groups;
}

function framesOf(entries: readonly JournalEntry[]): FrameBytes | null {
  const frames = entries.flatMap((entry) => (entry.kind === "events" ? [entry.frames] : []));
  const [only] = frames;
  if (only === undefined) return null;
  return new FrameBytes(frames.length === 1 ? only : Buffer.concat(frames));
}
