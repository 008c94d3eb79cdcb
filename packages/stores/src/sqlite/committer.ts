import type { DatabaseSync } from "node:sqlite";
import type { JournalEntry, Lifecycle } from "@millrace/engine";
import { type ExecutionEvent, MillraceError } from "@millrace/protocol";

/**
 * The one writer. Whatever is asked for within a turn of the event loop is one SQLite transaction (a group), and is
 * told to the subscribers after its commit.
 *
 * States: idle → scheduled (something waits for the end of the turn) → committing → idle. A group that cannot be
 * committed is rolled back: the writers that may wait go back to the head of the line and are tried again with a
 * growing pause (state: faulty); those that may not are refused with SERVICE_UNAVAILABLE.
 */
export class Committer {
  readonly #database: DatabaseSync;
  readonly #insertEntry;
  readonly #listeners = new Set<(entries: readonly JournalEntry[]) => void>();
  #waiting: Job[] = [];
  #scheduled = false;
  #retryTimer: NodeJS.Timeout | undefined;
  #retryDelayMs = 0;
  #position: number;
  #seq: number;
  #backlog = 0;
  #fault: Error | null = null;
  #closed = false;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#insertEntry = database.prepare(
      "INSERT INTO journal (last, first, execution_key, count, lifecycle, frames) VALUES (?, ?, ?, ?, ?, ?)",
    );
    const head = database
      .prepare(
        "SELECT max(coalesce((SELECT max(last) FROM journal), 0), coalesce((SELECT value FROM meta WHERE key = 'position'), 0)) AS position, coalesce((SELECT max(seq) FROM messages), 0) AS seq",
      )
      .get();
    this.#position = Number(head?.position ?? 0);
    this.#seq = Number(head?.seq ?? 0);
  }

  /** Events that wait for their commit. */
  get backlog(): number {
    return this.#backlog;
  }

  /** Why the last commit failed; null while commits succeed. */
  get fault(): Error | null {
    return this.#fault;
  }

  /** The last position that was given out. */
  get position(): number {
    return this.#position;
  }

  onCommit(listener: (entries: readonly JournalEntry[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Runs `write` in the next group. `patient`: it waits while the store is at fault; otherwise it is refused then.
   * `write` must do all its checks before its first statement that changes something: what it throws rejects the
   * promise and does not undo the rest of the group.
   */
  submit<T>(write: (group: Group) => T, options: { patient: boolean; weight: number }): Promise<T> {
    if (this.#closed) return Promise.reject(unavailable("The store is closed."));
    if (!options.patient && this.#fault !== null) return Promise.reject(unavailable(this.#fault.message));
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
    if (this.#scheduled || this.#retryTimer !== undefined) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#commit();
    });
  }

  #commit(): void {
    if (this.#waiting.length === 0 || this.#closed) return;
    const jobs = this.#waiting;
    this.#waiting = [];
    const position = this.#position;
    const seq = this.#seq;
    const group = new Group(position, seq);
    const outcomes: { value?: unknown; error?: unknown }[] = [];
    try {
      this.#database.exec("BEGIN IMMEDIATE");
      for (const job of jobs) {
        try {
          outcomes.push({ value: job.write(group) });
        } catch (error) {
          if (isStoreError(error)) throw error;
          outcomes.push({ error });
        }
      }
      group.encode();
      for (const { entry, executionKey } of group.entries) {
        if (entry.kind === "events") {
          this.#insertEntry.run(entry.last, entry.first, executionKey, entry.count, null, entry.frames);
        } else {
          this.#insertEntry.run(entry.last, entry.first, executionKey, 0, JSON.stringify(entry.lifecycle), null);
        }
      }
      this.#database.exec("COMMIT");
    } catch (error) {
      this.#recover(jobs, error instanceof Error ? error : new Error(String(error)));
      return;
    }
    this.#position = group.position;
    this.#seq = group.seq;
    this.#fault = null;
    this.#retryDelayMs = 0;
    if (group.entries.length > 0) {
      const entries = group.entries.map(({ entry }) => entry);
      for (const listener of this.#listeners) listener(entries);
    }
    for (const [index, job] of jobs.entries()) {
      this.#backlog -= job.weight;
      const outcome = outcomes[index];
      if (outcome !== undefined && "error" in outcome) job.reject(outcome.error);
      else job.resolve(outcome?.value);
    }
  }

  #recover(jobs: Job[], error: Error): void {
    try {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
    } catch {
      // A transaction that SQLite has rolled back by itself cannot be rolled back again.
    }
    this.#fault = error;
    const patient: Job[] = [];
    for (const job of jobs) {
      if (job.patient) patient.push(job);
      else {
        this.#backlog -= job.weight;
        job.reject(unavailable(error.message));
      }
    }
    this.#waiting = [...patient, ...this.#waiting];
    this.#retryDelayMs = Math.min(1_000, Math.max(20, this.#retryDelayMs * 2));
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = undefined;
      // Probes with an empty group where nobody waits any more, so that the fault is lifted when the store is back.
      if (this.#waiting.length === 0) this.#probe();
      else this.#commit();
    }, this.#retryDelayMs);
    this.#retryTimer.unref();
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

/** Frames of one row: pages that are read later are made of whole rows. */
const MAX_ROW_EVENTS = 1_000;

/** What a group adds to the journal: positions are given out when it is encoded, each execution's in one run. */
export class Group {
  position: number;
  seq: number;
  readonly entries: { executionKey: number; entry: JournalEntry }[] = [];
  readonly #byExecution = new Map<string, { key: number; parts: (ExecutionEvent[] | Lifecycle)[] }>();

  constructor(position: number, seq: number) {
    this.position = position;
    this.seq = seq;
  }

  /** The number of the next message. */
  nextSeq(): number {
    this.seq += 1;
    return this.seq;
  }

  /** Adds events, or a lifecycle record, to an execution's journal, after what the group has for it already. */
  add(executionId: string, key: number, events: readonly ExecutionEvent[], lifecycle: Lifecycle | undefined): void {
    let execution = this.#byExecution.get(executionId);
    if (execution === undefined) {
      execution = { key, parts: [] };
      this.#byExecution.set(executionId, execution);
    }
    if (events.length > 0) {
      const open = execution.parts.at(-1);
      if (Array.isArray(open) && open.length + events.length <= MAX_ROW_EVENTS) open.push(...events);
      else
        for (let at = 0; at < events.length; at += MAX_ROW_EVENTS)
          execution.parts.push(events.slice(at, at + MAX_ROW_EVENTS));
    }
    if (lifecycle !== undefined) execution.parts.push(lifecycle);
  }

  /** Gives out the position of a lifecycle record at once, ahead of {@link encode}: for an execution's first record. */
  addNow(executionId: string, key: number, lifecycle: Lifecycle): number {
    this.position += 1;
    this.entries.push({
      executionKey: key,
      entry: { kind: "lifecycle", executionId, first: this.position, last: this.position, lifecycle },
    });
    return this.position;
  }

  /** Gives out positions and encodes the frames: once, for every reader there will ever be. */
  encode(): void {
    for (const [executionId, { key, parts }] of this.#byExecution) {
      for (const part of parts) {
        const first = this.position + 1;
        if (!Array.isArray(part)) {
          this.position = first;
          this.entries.push({
            executionKey: key,
            entry: { kind: "lifecycle", executionId, first, last: first, lifecycle: part },
          });
          continue;
        }
        let text = "";
        for (const event of part) {
          this.position += 1;
          text += `event: ${event.type}\ndata: ${JSON.stringify(event)}\nid: ${this.position}\n\n`;
        }
        this.entries.push({
          executionKey: key,
          entry: {
            kind: "events",
            executionId,
            first,
            last: this.position,
            count: part.length,
            frames: Buffer.from(text),
          },
        });
      }
    }
    this.#byExecution.clear();
  }
}

/** Errors of SQLite make the whole group fail; others concern the one job that threw them. */
function isStoreError(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_SQLITE_ERROR";
}

function unavailable(reason: string): MillraceError {
  return new MillraceError(
    "SERVICE_UNAVAILABLE",
    `The store cannot be written at present (${reason}). Try again shortly.`,
  );
}
