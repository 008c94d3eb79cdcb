import type { DatabaseSync } from "node:sqlite";
import type {
  Committed,
  ExecutionRecord,
  Journal,
  JournalBounds,
  JournalEntry,
  Lifecycle,
  MessageChange,
  Position,
  Recovery,
  Transition,
} from "@millrace/engine";
import { isTerminal } from "@millrace/protocol";
import { verify } from "../journal/checksum.ts";
import type { Committer } from "./committer.ts";
import type { ExecutionKeys } from "./execution-keys.ts";
import type { Group } from "./group.ts";
import { mergePages } from "./merge-pages.ts";
import { Trimming } from "./trimming.ts";

/** The journal in SQLite: transitions go through the committer, reads are on the same connection. */
export class SqliteJournal implements Journal {
  readonly #committer: Committer;
  readonly #keys: ExecutionKeys;
  readonly #trimming: Trimming;
  readonly #sql;

  constructor(database: DatabaseSync, committer: Committer, keys: ExecutionKeys) {
    this.#committer = committer;
    this.#keys = keys;
    this.#trimming = new Trimming(database, committer, keys);
    this.#sql = {
      read: database.prepare(
        "SELECT first, last, count, lifecycle, frames, checksum FROM journal WHERE execution_key = ? AND last > ? ORDER BY last",
      ),
      lastEvent: database.prepare(
        "SELECT last FROM journal WHERE execution_key = ? AND lifecycle IS NULL ORDER BY last DESC LIMIT 1",
      ),
      lastLifecycle: database.prepare(
        "SELECT last, lifecycle, checksum FROM journal WHERE execution_key = ? AND lifecycle IS NOT NULL ORDER BY last DESC LIMIT 1",
      ),
      recoveries: database.prepare(
        "SELECT last, lifecycle, checksum FROM journal WHERE execution_key = ? AND lifecycle IS NOT NULL AND lifecycle ->> 'kind' = 'resumed' ORDER BY last DESC LIMIT ?",
      ),
      execution: database.prepare("SELECT status, start_position, trimmed_position FROM executions WHERE key = ?"),
      around: database.prepare(
        "SELECT first, lifecycle FROM journal WHERE execution_key = ? AND last >= ? ORDER BY last LIMIT 1",
      ),
      keep: database.prepare("UPDATE messages SET error = ?, failed_before = NULL WHERE seq = ?"),
      requeue: database.prepare(
        "UPDATE messages SET error = NULL, failed_before = error, attempt = attempt + 1, failures = 0, interruptions = 0, emitted = NULL, due_at = ?, payload = coalesce(?, payload) WHERE seq = ? AND error IS NOT NULL",
      ),
      keepAgain: database.prepare(
        "UPDATE messages SET error = failed_before, failed_before = NULL, attempt = attempt - 1 WHERE execution_key = ? AND error IS NULL AND settled = 0 AND failed_before IS NOT NULL",
      ),
      retry: database.prepare("UPDATE messages SET attempt = ?, failures = ?, due_at = ? WHERE seq = ?"),
      emitted: database.prepare("UPDATE messages SET emitted_outputs = ?, emitted = ? WHERE seq = ?"),
      dropWaiting: database.prepare(
        "DELETE FROM messages WHERE execution_key = ? AND error IS NULL AND settled = 0 AND route NOT IN (SELECT value FROM json_each(?))",
      ),
      status: database.prepare("UPDATE executions SET status = ? WHERE key = ?"),
      completedAt: database.prepare("UPDATE executions SET completed_at = ? WHERE key = ?"),
      errorInfo: database.prepare("UPDATE executions SET error_info = ? WHERE key = ?"),
      stopping: database.prepare("UPDATE executions SET stopping = ? WHERE key = ?"),
      progress: database.prepare("UPDATE executions SET progress = ? WHERE key = ?"),
    };
  }

  get head(): Position {
    return this.#committer.head;
  }

  get backlog(): number {
    return this.#committer.backlog;
  }

  get fault(): Error | null {
    return this.#committer.fault;
  }

  onFault(listener: (fault: Error | null) => void): () => void {
    return this.#committer.onFault(listener);
  }

  append(transition: Transition): Promise<Committed> {
    return this.#committer.submit((group) => this.#write(group, transition), {
      patient: true,
      weight: transition.events.length,
    });
  }

  onCommit(listener: (entries: readonly JournalEntry[]) => void): () => void {
    return this.#committer.onCommit(listener);
  }

  read(executionIds: readonly string[], after: Position, maxBytes: number): Promise<JournalEntry[]> {
    return this.#committer.read(() =>
      mergePages(executionIds, maxBytes, (executionId) => this.#entries(executionId, after)),
    );
  }

  bounds(executionId: string): Promise<JournalBounds | null> {
    return this.#committer.read(() => {
      const key = this.#keys.find(executionId);
      const execution = key === null ? undefined : this.#sql.execution.get(key);
      if (key === null || execution === undefined) return null;
      const start = Number(execution.start_position);
      const trimmed = execution.trimmed_position === null ? null : Number(execution.trimmed_position);
      return {
        start,
        trimmed,
        lastEvent: Number(this.#sql.lastEvent.get(key)?.last ?? trimmed ?? start),
        ended: this.#isOver(key) ? Number(this.#sql.lastLifecycle.get(key)?.last) : null,
      };
    });
  }

  lastLifecycle(executionId: string): Promise<Lifecycle | null> {
    return this.#committer.read(() => {
      const key = this.#keys.find(executionId);
      const row = key === null ? undefined : this.#sql.lastLifecycle.get(key);
      return row === undefined ? null : toLifecycle(row);
    });
  }

  recoveries(executionId: string, limit: number): Promise<Recovery[]> {
    return this.#committer.read(() => {
      const key = this.#keys.find(executionId);
      const rows = key === null ? [] : this.#sql.recoveries.all(key, limit);
      return rows
        .map(toLifecycle)
        .flatMap((lifecycle) =>
          lifecycle.kind === "resumed"
            ? [{ at: lifecycle.at, redone: lifecycle.redone, interruption: lifecycle.interruption ?? null }]
            : [],
        )
        .reverse();
    });
  }

  contains(executionId: string, position: Position): Promise<boolean> {
    return this.#committer.read(() => {
      const key = this.#keys.find(executionId);
      const execution = key === null ? undefined : this.#sql.execution.get(key);
      if (key === null || execution === undefined) return false;
      if (position === execution.start_position) return true;
      if (execution.trimmed_position !== null && position <= Number(execution.trimmed_position)) {
        return position > Number(execution.start_position);
      }
      const row = this.#sql.around.get(key, position);
      return row !== undefined && row.lifecycle === null && Number(row.first) <= position;
    });
  }

  trim(executionId: string): Promise<void> {
    return this.#trimming.trim(executionId, (key) => this.#isOver(key));
  }

  *#entries(executionId: string, after: Position): Generator<JournalEntry> {
    const key = this.#keys.find(executionId);
    if (key === null) return;
    for (const row of this.#sql.read.iterate(key, after)) yield toEntry(executionId, row);
  }

  #isOver(key: number): boolean {
    // The column holds nothing but statuses.
    return isTerminal(this.#sql.execution.get(key)?.status as ExecutionRecord["status"]);
  }

  #write(group: Group, transition: Transition): Committed {
    const { executionId } = transition;
    const key = this.#keys.find(executionId);
    // Deleted while its last transition waited: there is nothing left to write to.
    if (key === null) return { seqs: [] };
    if (transition.changes !== undefined) for (const change of transition.changes) this.#change(group, change);
    const seqs: number[] = [];
    if (transition.enqueue !== undefined) {
      for (const message of transition.enqueue) seqs.push(group.enqueue(key, message));
    }
    if (transition.objects !== undefined) group.addObjects(executionId, key, transition.objects);
    group.add(executionId, key, transition.events, transition.lifecycle ?? this.#endAgain(key, transition));
    const { record } = transition;
    if (record !== undefined) {
      if (record.status !== undefined) {
        this.#sql.status.run(record.status, key);
        if (isTerminal(record.status)) {
          group.flushMessages();
          this.#sql.keepAgain.run(key);
          this.#sql.dropWaiting.run(key, JSON.stringify(transition.keepWaiting ?? []));
        }
      }
      if (record.completedAt !== undefined) this.#sql.completedAt.run(record.completedAt, key);
      if (record.errorInfo !== undefined) {
        this.#sql.errorInfo.run(record.errorInfo === null ? null : JSON.stringify(record.errorInfo), key);
      }
      if (record.stopping !== undefined) this.#sql.stopping.run(record.stopping, key);
      if (record.progressJson !== undefined) this.#sql.progress.run(record.progressJson, key);
    }
    return { seqs };
  }

  /** Objects that are found when their execution is over have its end behind them: readers of them stop there. */
  #endAgain(key: number, { objects = [] }: Transition): Lifecycle | undefined {
    if (!objects.some(({ kind }) => kind === "written") || !this.#isOver(key)) return undefined;
    const row = this.#sql.lastLifecycle.get(key);
    const last = row === undefined ? null : toLifecycle(row);
    return last?.kind === "ended" ? last : undefined;
  }

  #change(group: Group, change: MessageChange): void {
    if (change.kind === "settled") {
      group.settle(change.seq, change.keep === true);
      return;
    }
    group.flushMessages();
    switch (change.kind) {
      case "kept":
        this.#sql.keep.run(JSON.stringify(change.error), change.seq);
        break;
      case "requeued":
        this.#sql.requeue.run(change.dueAt, change.payloadJson, change.seq);
        break;
      case "retry":
        this.#sql.retry.run(change.attempt, change.failures, change.dueAt, change.seq);
        break;
      case "emitted":
        this.#sql.emitted.run(change.outputs, JSON.stringify(change.emitted), change.seq);
        break;
    }
  }
}

function toLifecycle({ last, lifecycle, checksum }: Record<string, unknown>): Lifecycle {
  const text = String(lifecycle);
  verify(Number(last), text, checksum);
  // Written by this class, from a value of that type.
  return JSON.parse(text) as Lifecycle;
}

/** A row of the journal. */
export function toEntry(executionId: string, row: Record<string, unknown>): JournalEntry {
  const first = Number(row.first);
  const last = Number(row.last);
  if (typeof row.lifecycle === "string") {
    return { kind: "lifecycle", executionId, first, last, lifecycle: toLifecycle(row) };
  }
  // The column is a BLOB: SQLite returns a Uint8Array, which Buffer can look at without copying.
  const frames = row.frames as Uint8Array;
  verify(last, frames, row.checksum);
  return {
    kind: "events",
    executionId,
    first,
    last,
    count: Number(row.count),
    frames: Buffer.from(frames.buffer, frames.byteOffset, frames.byteLength),
  };
}
