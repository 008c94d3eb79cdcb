import type { DatabaseSync } from "node:sqlite";
import type { JournalEntry } from "@millrace/engine";
import { EventEncoder, MillraceError } from "@millrace/protocol";
import { type CommitObserver, countEvents } from "../journal/commit-observer.ts";
import { refusal, unavailable } from "../journal/unavailable.ts";
import { damaged, isDamage } from "./damage.ts";
import { Group } from "./group.ts";
import { JournalWrites } from "./journal-writes.ts";
import { MessageWrites } from "./message-writes.ts";
import { ObjectWrites } from "./objects/object-writes.ts";
import { reading } from "./reading.ts";
import { isStoreError } from "./write-errors.ts";

/**
 * The one writer. Whatever is asked for within a turn of the event loop is one SQLite transaction (a group), and is
 * told to the subscribers after its commit.
 *
 * States: idle → scheduled (something waits for the end of the turn) → committing → idle. A group that cannot be
 * committed is rolled back: the writers that may wait go back to the head of the line and are tried again with a
 * growing pause (state: faulty); those that may not are refused with SERVICE_UNAVAILABLE. Where it is one writer that
 * cannot be written, and not the store that is at fault, that writer is refused and the others are committed at once.
 * A file that turns out to be damaged, in a write or a read, is not written to any more (state: damaged, for good): a
 * write may take with it what could still be read.
 */
export class Committer {
  readonly #database: DatabaseSync;
  readonly #journal: JournalWrites;
  readonly #onRollback: () => void;
  readonly #observer: CommitObserver | null;
  readonly #encoder = new EventEncoder();
  readonly #messages: MessageWrites;
  readonly #objects: ObjectWrites;
  readonly #listeners = new Set<(entries: readonly JournalEntry[]) => void>();
  readonly #objectListeners = new Set<(entries: readonly JournalEntry[]) => void>();
  readonly #faultListeners = new Set<(fault: Error | null) => void>();
  #waiting: Job[] = [];
  #scheduled = false;
  #retryTimer: NodeJS.Timeout | undefined;
  #retryDelayMs = 0;
  #position: number;
  #seq: number;
  #backlog = 0;
  #fault: Error | null = null;
  #damaged = false;
  #closed = false;

  /** `onRollback` is told when what was written is undone: what was remembered of it has to be forgotten. */
  constructor(database: DatabaseSync, onRollback: () => void, observer: CommitObserver | null = null) {
    this.#database = database;
    this.#onRollback = onRollback;
    this.#observer = observer;
    this.#messages = new MessageWrites(database);
    this.#objects = new ObjectWrites(database);
    this.#journal = new JournalWrites(database);
    const head = database
      .prepare(
        "SELECT max(coalesce((SELECT max(last) FROM journal), 0), coalesce((SELECT max(position) FROM objects), 0), coalesce((SELECT value FROM meta WHERE key = 'position'), 0)) AS position, coalesce((SELECT max(seq) FROM messages), 0) AS seq",
      )
      .get();
    this.#position = Number(head?.position ?? 0);
    this.#seq = Number(head?.seq ?? 0);
  }

  /** The last position that is committed. */
  get head(): number {
    return this.#position;
  }

  /** Events that wait for their commit. */
  get backlog(): number {
    return this.#backlog;
  }

  /** Why the last commit failed; null while commits succeed. */
  get fault(): Error | null {
    return this.#fault;
  }

  onCommit(listener: (entries: readonly JournalEntry[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** As {@link onCommit}, with the entries of the objects' own journal. */
  onObjects(listener: (entries: readonly JournalEntry[]) => void): () => void {
    this.#objectListeners.add(listener);
    return () => this.#objectListeners.delete(listener);
  }

  /** @see Journal.onFault */
  onFault(listener: (fault: Error | null) => void): () => void {
    this.#faultListeners.add(listener);
    return () => this.#faultListeners.delete(listener);
  }

  /**
   * Runs `write` in the next group. `patient`: it waits while the store is at fault; otherwise it is refused then.
   * What `write` throws rejects the promise; the rest of the group is written without it. A MillraceError is a
   * refusal: `write` must throw it before its first statement that changes something. Anything else undoes the group,
   * which is then written again, so `write` may run more than once.
   */
  submit<T>(write: (group: Group) => T, options: { patient: boolean; weight: number }): Promise<T> {
    if (this.#closed) return Promise.reject(unavailable("The store is closed."));
    if (!options.patient && this.#fault !== null) return Promise.reject(refusal(this.#fault));
    return new Promise<T>((resolve, reject) => {
      this.#backlog += options.weight;
      this.#waiting.push({
        write,
        patient: options.patient,
        weight: options.weight,
        // The value comes from `write` of this very job.
        resolve: (value) => resolve(value as T),
        reject,
      });
      this.#schedule();
    });
  }

  /**
   * Runs a read of the same database.
   * @throws MillraceError SERVICE_UNAVAILABLE, STORE_DAMAGED
   */
  read<T>(read: () => T): Promise<T> {
    return reading(read, (damage) => this.stop(damage));
  }

  /** Commits what waits, and takes nothing more. */
  close(): void {
    if (this.#closed) return;
    clearTimeout(this.#retryTimer);
    this.#commit();
    this.#closed = true;
    clearTimeout(this.#retryTimer);
    for (const job of this.#waiting.splice(0)) job.reject(unavailable("The store is closed."));
  }

  #schedule(): void {
    // Whoever waits for the store keeps the process alive; that nobody waits any more does not.
    this.#retryTimer?.ref();
    if (this.#scheduled || this.#damaged || this.#retryTimer !== undefined) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#commit();
    });
  }

  #commit(): void {
    if (this.#waiting.length === 0 || this.#damaged || this.#closed) return;
    let jobs = this.#waiting;
    this.#waiting = [];
    const began = performance.now();
    let written = this.#write(jobs);
    while (written.kind === "refused") {
      const { job, error } = written;
      this.#backlog -= job.weight;
      job.reject(error);
      jobs = jobs.filter((other) => other !== job);
      written = this.#write(jobs);
    }
    if (written.kind === "faulty") {
      this.#observer?.failed();
      this.#recover(jobs, written.error);
      return;
    }
    const { group, outcomes } = written;
    this.#position = group.position;
    this.#seq = group.seq;
    this.#observer?.committed(performance.now() - began, countEvents(group.entries));
    this.#setFault(null);
    this.#retryDelayMs = 0;
    if (group.entries.length > 0) {
      const entries = group.entries.map(({ entry }) => entry);
      for (const listener of this.#listeners) listener(entries);
    }
    if (group.objectEntries.length > 0) {
      for (const listener of this.#objectListeners) listener(group.objectEntries);
    }
    for (let index = 0; index < jobs.length; index += 1) {
      const job = jobs[index];
      if (job === undefined) continue;
      this.#backlog -= job.weight;
      const outcome = outcomes[index];
      if (outcome instanceof Refusal) job.reject(outcome.error);
      else job.resolve(outcome);
    }
  }

  /**
   * One transaction: all of the group, or nothing. `singly`: what each job does to messages is written at once, and not
   * gathered, so that the one whose values SQLite does not take is known.
   */
  #write(jobs: readonly Job[], singly = false): Written {
    const group = new Group({ position: this.#position, seq: this.#seq }, this.#encoder, this.#messages);
    const outcomes: unknown[] = [];
    let current: Job | undefined;
    this.#messages.clear();
    try {
      this.#database.exec("BEGIN IMMEDIATE");
      for (const job of jobs) {
        current = job;
        outcomes.push(attempt(job, group));
        if (singly) group.flushMessages();
      }
      current = undefined;
      group.flushMessages();
      group.encode();
      for (const { entry, executionKey } of group.entries) this.#journal.write(executionKey, entry);
      for (const { executionKey, change, position } of group.objectChanges) {
        this.#objects.write(executionKey, change, position);
      }
      this.#database.exec("COMMIT");
      return { kind: "committed", group, outcomes };
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      this.#rollBack();
      if (isStoreError(error)) return { kind: "faulty", error };
      if (current !== undefined) return { kind: "refused", job: current, error };
      return singly ? { kind: "faulty", error } : this.#write(jobs, true);
    }
  }

  #rollBack(): void {
    this.#onRollback();
    try {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
    } catch {
      // A transaction that SQLite has rolled back by itself cannot be rolled back again.
    }
  }

  #recover(jobs: Job[], error: Error): void {
    this.#waiting = [...jobs, ...this.#waiting];
    if (isDamage(error)) {
      this.stop(damaged(error));
      return;
    }
    this.#setFault(error);
    this.#refuseImpatient(error);
    this.#retryDelayMs = Math.min(1_000, Math.max(20, this.#retryDelayMs * 2));
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = undefined;
      // Probes with an empty group where nobody waits any more, so that the fault is lifted when the store is back.
      if (this.#waiting.length === 0) this.#probe();
      else this.#commit();
    }, this.#retryDelayMs);
    if (this.#waiting.length === 0) this.#retryTimer.unref();
  }

  /** Writes nothing more, for good: the file was found to be damaged. */
  stop(damage: MillraceError): void {
    if (this.#damaged || this.#closed) return;
    this.#damaged = true;
    clearTimeout(this.#retryTimer);
    this.#setFault(damage);
    this.#refuseImpatient(damage);
  }

  #refuseImpatient(fault: Error): void {
    const patient: Job[] = [];
    for (const job of this.#waiting) {
      if (job.patient) patient.push(job);
      else {
        this.#backlog -= job.weight;
        job.reject(refusal(fault));
      }
    }
    this.#waiting = patient;
  }

  #setFault(fault: Error | null): void {
    const changed = this.#damaged || (this.#fault === null) !== (fault === null);
    this.#fault = fault;
    if (changed) for (const listener of this.#faultListeners) listener(fault);
  }

  #probe(): void {
    this.submit(() => undefined, { patient: true, weight: 0 }).catch(() => undefined);
  }
}

interface Job {
  readonly write: (group: Group) => unknown;
  readonly patient: boolean;
  readonly weight: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** The outcome of a job that was refused; that of any other is its value. */
class Refusal {
  readonly error: MillraceError;

  constructor(error: MillraceError) {
    this.error = error;
  }
}

/** How a transaction went: `refused` is one job that cannot be written, `faulty` the store. */
type Written =
  | { readonly kind: "committed"; readonly group: Group; readonly outcomes: readonly unknown[] }
  | { readonly kind: "refused"; readonly job: Job; readonly error: Error }
  | { readonly kind: "faulty"; readonly error: Error };

/** A refusal is an outcome; anything else goes on up. */
function attempt(job: Job, group: Group): unknown {
  try {
    return job.write(group);
  } catch (error) {
    if (error instanceof MillraceError) return new Refusal(error);
    throw error;
  }
}
