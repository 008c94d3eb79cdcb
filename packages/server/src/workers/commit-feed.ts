import type { Journal, JournalEntry, Position } from "@millrace/engine";
import { encodeGroup, type Sent } from "./group-message.ts";

/** A worker that is too slow has at most so many bytes waiting for it, and one commit group beyond. */
const MAX_PENDING_BYTES = 8 * 1024 * 1024;

/** The line to a worker, as far as commits need it. */
export interface GroupSink {
  /** Bytes that wait for the worker to read. */
  readonly pending: number;
  sendGroup(parts: readonly Buffer[]): void;
}

/** An execution that a worker watches. */
interface Watch {
  readonly worker: GroupSink;
  readonly topic: number;
  readonly executionId: string;
  /** The last position of what was not sent, because the worker was too slow; null where all was sent. */
  unread: Position | null;
}

/**
 * Tells each worker, once per commit, what was committed to the executions that it watches. One that is too slow is told
 * no more than up to where it has to read the journal instead, as soon as it has taken what it was sent.
 */
export class CommitFeed {
  readonly #journal: Pick<Journal, "head">;
  readonly #byExecution = new Map<string, Set<Watch>>();
  readonly #byWorker = new Map<GroupSink, Map<number, Watch>>();
  /** Those of which something is unread. */
  readonly #late = new Map<GroupSink, Set<Watch>>();
  readonly #maxPendingBytes: number;
  readonly #stop: () => void;

  constructor(journal: Pick<Journal, "onCommit" | "head">, maxPendingBytes: number = MAX_PENDING_BYTES) {
    this.#journal = journal;
    this.#maxPendingBytes = maxPendingBytes;
    this.#stop = journal.onCommit((entries) => this.#publish(entries));
  }

  /** What is committed after the position that it returns is sent. */
  watch(worker: GroupSink, topic: number, executionId: string): Position {
    const watch: Watch = { worker, topic, executionId, unread: null };
    const own = this.#byWorker.get(worker);
    if (own === undefined) this.#byWorker.set(worker, new Map([[topic, watch]]));
    else own.set(topic, watch);
    const others = this.#byExecution.get(executionId);
    if (others === undefined) this.#byExecution.set(executionId, new Set([watch]));
    else others.add(watch);
    return this.#journal.head;
  }

  unwatch(worker: GroupSink, topic: number): void {
    const own = this.#byWorker.get(worker);
    const watch = own?.get(topic);
    if (own === undefined || watch === undefined) return;
    own.delete(topic);
    this.#late.get(worker)?.delete(watch);
    this.#forget(watch);
  }

  /** The worker has taken all that it was sent. */
  drained(worker: GroupSink): void {
    const late = [...(this.#late.get(worker) ?? [])];
    if (late.length === 0) return;
    const group: Sent[] = [];
    for (const watch of late) this.#catchUp(watch, group);
    worker.sendGroup(encodeGroup(group));
  }

  /** The worker has gone. */
  drop(worker: GroupSink): void {
    for (const watch of this.#byWorker.get(worker)?.values() ?? []) this.#forget(watch);
    this.#byWorker.delete(worker);
    this.#late.delete(worker);
  }

  close(): void {
    this.#stop();
  }

  #forget(watch: Watch): void {
    const others = this.#byExecution.get(watch.executionId);
    others?.delete(watch);
    if (others?.size === 0) this.#byExecution.delete(watch.executionId);
  }

  #publish(entries: readonly JournalEntry[]): void {
    if (this.#byExecution.size === 0) return;
    const groups = new Map<GroupSink, Sent[]>();
    for (const entry of entries) {
      for (const watch of this.#byExecution.get(entry.executionId) ?? []) {
        const { worker, topic } = watch;
        if (worker.pending > this.#maxPendingBytes) {
          this.#fallBehind(watch, entry.last);
          continue;
        }
        let group = groups.get(worker);
        if (group === undefined) {
          group = [];
          groups.set(worker, group);
        }
        this.#catchUp(watch, group);
        group.push({ topic, entry });
      }
    }
    for (const [worker, group] of groups) worker.sendGroup(encodeGroup(group));
  }

  #fallBehind(watch: Watch, last: Position): void {
    watch.unread = last;
    const late = this.#late.get(watch.worker);
    if (late === undefined) this.#late.set(watch.worker, new Set([watch]));
    else late.add(watch);
  }

  /** Tells the worker of what is unread, if anything is. */
  #catchUp(watch: Watch, group: Sent[]): void {
    if (watch.unread === null) return;
    group.push({ topic: watch.topic, unread: watch.unread });
    watch.unread = null;
    this.#late.get(watch.worker)?.delete(watch);
  }
}
