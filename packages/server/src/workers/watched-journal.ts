import type { Journal, JournalBounds, JournalEntry, Position } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import type { MainCalls, WorkerCalls } from "./calls.ts";
import type { Channel } from "./channel.ts";
import { decodeGroup } from "./group-message.ts";

/** The part of the journal that a process can read by itself. */
export type JournalReader = Pick<Journal, "read" | "bounds" | "contains">;

/** The line to the main process. */
type Main = Pick<Channel<MainCalls, WorkerCalls>, "call">;

/**
 * The journal as a worker sees it: reads are its own, commits are what the main process sends of the executions that
 * are watched. An execution has a number, for as long as it is watched.
 */
export class WatchedJournal implements Pick<Journal, "head" | "fault" | "onCommit" | "read" | "bounds" | "contains"> {
  fault: Error | null = null;
  readonly #reader: JournalReader;
  readonly #main: Main;
  readonly #listeners = new Set<(entries: readonly JournalEntry[]) => void>();
  readonly #numbers = new Map<string, number>();
  readonly #executions = new Map<number, string>();
  #head: Position;
  #lastNumber = 0;
  /** Told that an execution's commits up to a position were not sent, and have to be read. Must not throw. */
  onUnread: (executionId: string, last: Position) => void = () => {};

  /** `head`: a position that is committed. */
  constructor(reader: JournalReader, main: Main, head: Position) {
    this.#reader = reader;
    this.#main = main;
    this.#head = head;
  }

  /** The last position that this process was told of. */
  get head(): Position {
    return this.#head;
  }

  onCommit(listener: (entries: readonly JournalEntry[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  read(executionIds: readonly string[], after: Position, maxBytes: number): Promise<JournalEntry[]> {
    const reading = this.#reader.read(executionIds, after, maxBytes);
    reading.catch((error) => {
      if (!(error instanceof MillraceError && error.code === "STORE_DAMAGED")) return;
      this.#main.call("damage", { executionIds, after, maxBytes }).catch(() => undefined);
    });
    return reading;
  }

  bounds(executionId: string): Promise<JournalBounds | null> {
    return this.#reader.bounds(executionId);
  }

  contains(executionId: string, position: Position): Promise<boolean> {
    return this.#reader.contains(executionId, position);
  }

  /** Resolves with the position after which the execution's commits are told; those before can be read. */
  async watch(executionId: string): Promise<Position> {
    this.#lastNumber += 1;
    const topic = this.#lastNumber;
    this.#numbers.set(executionId, topic);
    this.#executions.set(topic, executionId);
    const from = await this.#main.call("watch", { topic, executionId });
    this.#head = Math.max(this.#head, from);
    return from;
  }

  unwatch(executionId: string): void {
    const topic = this.#numbers.get(executionId);
    if (topic === undefined) return;
    this.#numbers.delete(executionId);
    this.#executions.delete(topic);
    // It fails only where the main process is gone, and this one with it.
    this.#main.call("unwatch", { topic }).catch(() => undefined);
  }

  /** A commit group's message. */
  receive(message: Buffer): void {
    const entries: JournalEntry[] = [];
    for (const sent of decodeGroup(message, (topic) => this.#executions.get(topic))) {
      if ("entry" in sent) entries.push(sent.entry);
      else this.onUnread(this.#executions.get(sent.topic) ?? "", sent.unread);
    }
    const last = entries.at(-1)?.last;
    if (last === undefined) return;
    this.#head = Math.max(this.#head, last);
    for (const listener of this.#listeners) listener(entries);
  }
}
