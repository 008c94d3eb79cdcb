import { EventEncoder } from "@millrace/protocol";
import type { CommittedGroup } from "../feed/commit-feed.ts";
import { type CommitObserver, countEvents } from "../journal/commit-observer.ts";
import { refusal, unavailable } from "../journal/unavailable.ts";
import type { Row } from "./columns.ts";
import type { Session, Statement } from "./connection.ts";
import { ExecutionStates } from "./execution-states.ts";
import type { ExecutionJob, Job, OtherJob } from "./jobs.ts";
import { messageOf } from "./postgres-errors.ts";
import { Refusal, type Written, type WrittenGroup, writeGroup } from "./write-group.ts";

/** A group ends with the job that fills so many events, or bytes: other nodes wait for its commit. */
const MAX_GROUP_EVENTS = 10_000;
const MAX_GROUP_BYTES = 8 * 1024 * 1024;

/** What a job takes beside its content, in bytes. */
const JOB_BYTES = 200;

/** Milliseconds between attempts while the store is at fault: the first, and the longest. */
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1_000;

/** Attempts in a row that other transactions were in the way of, after which it is a fault. */
const MAX_AGAIN = 20;

/** What the committer needs of the node that it writes for. */
export interface WritingNode {
  /** In `nodes`. */
  readonly id: string;
  /**
   * A node that was declared gone is to become another, unless it has already. Rejects while the database cannot be
   * reached.
   */
  replace(goneId: string): Promise<void>;
}

/** How a job is to be written. */
export interface JobOptions {
  /** Whether it waits while the store is at fault; otherwise it is refused then with SERVICE_UNAVAILABLE. */
  readonly patient: boolean;
  /** Events that it adds, for {@link Committer.backlog}. */
  readonly weight: number;
  /** About so many bytes are written. Default 0. */
  readonly bytes?: number;
}

/**
 * This node's one writer. What is asked for within a turn of the event loop is one transaction of PostgreSQL (a group);
 * what is asked for while that is under way is the next.
 *
 * States: idle → scheduled (something waits for the end of the turn) → committing → idle. What can go wrong:
 * - One job's values cannot be written: the group is halved until that job is alone, which is refused; the others commit.
 * - The database cannot be reached, or written: those who may wait go back to the head of the line, and are tried again
 *   with a growing pause (state: faulty); those who may not are refused.
 * - The connection is lost during the commit (state: in doubt): the group is neither tried again nor given up before the
 *   database has said, by the group's number, whether it has it. Also those who may not wait do so until then.
 * - Another node has declared this one gone: the node becomes another, that owns nothing. What was to be written to
 *   executions is refused with EXECUTION_MOVED; the rest is written.
 */
export class Committer {
  readonly states = new ExecutionStates();
  readonly #session: Session;
  readonly #node: WritingNode;
  readonly #encoder = new EventEncoder();
  readonly #onGroup: (group: CommittedGroup) => Promise<void>;
  readonly #observer: CommitObserver | null;
  readonly #faultListeners = new Set<(fault: Error | null) => void>();
  #waiting: Job[] = [];
  #isRunning = false;
  #retryTimer: NodeJS.Timeout | undefined;
  #pauseMs = 0;
  /** Of the node that the executions are remembered of. */
  #nodeId: string;
  #number = 0;
  /** Few while one is looked for whose values cannot be written. */
  #maxJobs = Number.POSITIVE_INFINITY;
  #inDoubt: Doubt | null = null;
  #backlog = 0;
  #fault: Error | null = null;
  /** Why nothing is to be committed although the store could; null: there is no such reason. */
  #held: Error | null = null;
  #isClosed = false;
  /** Jobs of committed groups are told of their outcomes in the order of commits, after the feed was. */
  #told: Promise<void> = Promise.resolve();
  #idle: Promise<void> = Promise.resolve();

  /** `onGroup` is told of each group that has entries, in the order of commits; never rejects. */
  constructor(
    session: Session,
    node: WritingNode,
    onGroup: (group: CommittedGroup) => Promise<void>,
    observer: CommitObserver | null = null,
  ) {
    this.#session = session;
    this.#node = node;
    this.#nodeId = node.id;
    this.#onGroup = onGroup;
    this.#observer = observer;
  }

  get encoder(): EventEncoder {
    return this.#encoder;
  }

  /** Events that wait for their commit, or to be told. */
  get backlog(): number {
    return this.#backlog;
  }

  /** Why the last commit failed, or nothing is committed; null while commits succeed. */
  get fault(): Error | null {
    return this.#fault;
  }

  /** Commits nothing while `fault` is one; what is under way comes to its end. With null it goes on. */
  hold(fault: Error | null): void {
    this.#held = fault;
    if (this.#isClosed) return;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    this.#pauseMs = 0;
    if (fault !== null) this.#recover([], fault);
    else this.#schedule();
  }

  /** @see Journal.onFault */
  onFault(listener: (fault: Error | null) => void): () => void {
    this.#faultListeners.add(listener);
    return () => this.#faultListeners.delete(listener);
  }

  /** Writes to one execution in the next group. @throws MillraceError EXECUTION_MOVED, SERVICE_UNAVAILABLE */
  writeTo<T>(job: Omit<ExecutionJob<T>, "kind">, options: JobOptions): Promise<T> {
    return this.#submit({ kind: "execution", ...job }, options);
  }

  /**
   * Writes anything else in the next group, in its place between the jobs before it and behind it.
   * @throws what `write` throws; MillraceError SERVICE_UNAVAILABLE
   */
  submit<T>(write: OtherJob<T>["write"], options: JobOptions): Promise<T> {
    return this.#submit({ kind: "other", write }, options);
  }

  /** Finds out whether the store can be written, where there is reason to doubt it. */
  probe(): void {
    if (this.#fault === null) this.submit(async () => {}, { patient: false, weight: 0 }).catch(() => undefined);
  }

  /** Commits what waits, as far as it can be at once, and takes nothing more. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    while (this.#isRunning) await this.#idle;
    clearTimeout(this.#retryTimer);
    if (this.#waiting.length > 0 || this.#inDoubt !== null) await this.#run();
    clearTimeout(this.#retryTimer);
    await this.#told;
    for (const job of [...(this.#inDoubt?.jobs ?? []), ...this.#waiting.splice(0)]) {
      this.#settle(job, new Refusal(unavailable("The store is closed.")));
    }
    this.#inDoubt = null;
  }

  #submit<T>(work: ExecutionJob<T> | OtherJob<T>, { patient, weight, bytes = 0 }: JobOptions): Promise<T> {
    if (this.#isClosed) return Promise.reject(unavailable("The store is closed."));
    if (!patient && this.#fault !== null) return Promise.reject(refusal(this.#fault));
    return new Promise<T>((resolve, reject) => {
      this.#backlog += weight;
      // The value comes from this very job.
      this.#waiting.push({ work, patient, weight, bytes, resolve: (value) => resolve(value as T), reject });
      this.#schedule();
    });
  }

  #schedule(): void {
    // Whoever waits for the store keeps the process alive; that nobody waits any more does not.
    this.#retryTimer?.ref();
    if (this.#isRunning || this.#retryTimer !== undefined) return;
    this.#isRunning = true;
    this.#idle = new Promise<void>((resolve) => {
      setImmediate(() => {
        void this.#run().finally(() => {
          this.#isRunning = false;
          // Asked for since it was last looked whether anything waits.
          if (this.#waiting.length > 0) this.#schedule();
          resolve();
        });
      });
    });
  }

  /** Commits group after group, until nothing waits or the store is at fault. */
  async #run(): Promise<void> {
    do {
      if (this.#inDoubt !== null && !(await this.#resolveDoubt(this.#inDoubt))) return;
      const jobs = this.#nextGroup();
      if (jobs.length === 0 && this.#fault === null) return;
      // With no job it is a probe, by which the fault is lifted when the store is back.
      if (!(await this.#commit(jobs))) return;
      // Whoever goes on after this commit comes along in the next, with those who have waited: otherwise each half would
      // wait for the other's commit, for ever.
      await new Promise((resolve) => setImmediate(resolve));
    } while (this.#waiting.length > 0 || this.#inDoubt !== null);
  }

  #nextGroup(): Job[] {
    let [events, bytes, count] = [0, 0, 0];
    for (const job of this.#waiting) {
      if (count >= this.#maxJobs) break;
      if (events >= MAX_GROUP_EVENTS || bytes >= MAX_GROUP_BYTES) break;
      events += job.weight;
      bytes += job.bytes + JOB_BYTES;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  /** False where the store is at fault: what is left of the jobs waits again. */
  async #commit(jobs: readonly Job[]): Promise<boolean> {
    if (this.#held !== null && !this.#isClosed) return this.#recover(jobs, this.#held);
    const began = performance.now();
    for (let attempts = 1; ; attempts += 1) {
      this.#number += 1;
      if (this.#nodeId !== this.#node.id) {
        this.#nodeId = this.#node.id;
        this.states.forgetAll();
      }
      const written = await writeGroup(jobs, {
        session: this.#session,
        encoder: this.#encoder,
        states: this.states,
        nodeId: this.#nodeId,
        number: this.#number,
      });
      switch (written.kind) {
        case "committed":
          this.#observer?.committed(performance.now() - began, countEvents(written.group.entries));
          this.#finish(jobs, written);
          return true;
        case "again":
          if (attempts < MAX_AGAIN) continue;
          return this.#recover(jobs, new Error("other transactions were in the way each time"));
        case "fenced":
          try {
            await this.#node.replace(this.#nodeId);
          } catch (error) {
            return this.#recover(jobs, asError(error));
          }
          continue;
        case "invalid":
          this.#divide(jobs, written.error);
          return true;
        case "unknown":
          this.#inDoubt = { jobs, written };
          return this.#recover([], written.error);
        case "faulty":
          return this.#recover(jobs, written.error);
      }
    }
  }

  /** One of the jobs has a value that cannot be written: the next groups are half as large, until it is alone. */
  #divide(jobs: readonly Job[], error: Error): void {
    const [only] = jobs;
    if (jobs.length > 1) {
      this.#waiting.unshift(...jobs);
      this.#maxJobs = Math.ceil(jobs.length / 2);
      return;
    }
    this.#maxJobs = Number.POSITIVE_INFINITY;
    if (only !== undefined) this.#settle(only, new Refusal(error));
  }

  /** Whether the group that was being committed when the connection was lost is there. False where that cannot be said yet. */
  async #resolveDoubt({ jobs, written }: Doubt): Promise<boolean> {
    let row: Row | undefined;
    try {
      // Waits for the transaction, where the database still has it.
      [row] = (await this.#session.query(LAST_GROUP, [written.nodeId])).rows;
    } catch (error) {
      this.#session.drop();
      return this.#recover([], asError(error));
    }
    this.#inDoubt = null;
    if (row?.last_group === written.number) this.#finish(jobs, written.group);
    else this.#waiting.unshift(...jobs);
    return true;
  }

  #finish(jobs: readonly Job[], { group, outcomes, positions }: WrittenGroup): void {
    group.remember();
    this.#pauseMs = 0;
    this.#setFault(null);
    const told =
      positions === null
        ? null
        : this.#onGroup({
            ...positions,
            entries: group.entries.map(({ entry }) => entry),
            objectEntries: group.objectEntries,
          });
    this.#told = this.#told.then(async () => {
      await told;
      for (const [index, job] of jobs.entries()) this.#settle(job, outcomes[index]);
    });
  }

  #settle(job: Job, outcome: unknown): void {
    this.#backlog -= job.weight;
    if (outcome instanceof Refusal) job.reject(outcome.error);
    else job.resolve(outcome);
  }

  #recover(jobs: readonly Job[], error: Error): false {
    this.#observer?.failed();
    this.#waiting.unshift(...jobs);
    const fault = new Error(messageOf(error), { cause: error });
    this.#setFault(fault);
    const impatient = this.#waiting.filter(({ patient }) => !patient);
    this.#waiting = this.#waiting.filter(({ patient }) => patient);
    for (const job of impatient) this.#settle(job, new Refusal(refusal(fault)));
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, this.#pauseMs * 2));
    if (this.#isClosed) return false;
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = undefined;
      this.#schedule();
    }, this.#pauseMs);
    if (this.#waiting.length === 0 && this.#inDoubt === null) this.#retryTimer.unref();
    return false;
  }

  #setFault(fault: Error | null): void {
    const changed = (this.#fault === null) !== (fault === null);
    this.#fault = fault;
    if (changed) for (const listener of this.#faultListeners) listener(fault);
  }
}

/** A group of which it is not known whether it is committed. */
interface Doubt {
  readonly jobs: readonly Job[];
  readonly written: Extract<Written, { kind: "unknown" }>;
}

const LAST_GROUP: Statement = {
  name: "group_last",
  text: "SELECT last_group FROM node_writes WHERE node_id = $1 FOR UPDATE",
};

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
