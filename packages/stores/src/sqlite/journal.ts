import type { DatabaseSync } from "node:sqlite";
import type {
  Committed,
  ExecutionRecord,
  Journal,
  JournalBounds,
  JournalEntry,
  Lifecycle,
  MessageChange,
  NewMessage,
  Position,
  Transition,
} from "@millrace/engine";
import { isTerminal } from "@millrace/protocol";
import type { Committer, Group } from "./committer.ts";
import type { ExecutionKeys } from "./execution-keys.ts";

/** The journal in SQLite: transitions go through the committer, reads are on the same connection. */
export class SqliteJournal implements Journal {
  readonly #committer: Committer;
  readonly #keys: ExecutionKeys;
  readonly #sql;

  constructor(database: DatabaseSync, committer: Committer, keys: ExecutionKeys) {
    this.#committer = committer;
    this.#keys = keys;
    this.#sql = {
      read: database.prepare(
        "SELECT first, last, count, lifecycle, frames FROM journal WHERE execution_key = ? AND last > ? ORDER BY last",
      ),
      lastEvent: database.prepare(
        "SELECT last FROM journal WHERE execution_key = ? AND lifecycle IS NULL ORDER BY last DESC LIMIT 1",
      ),
      lastLifecycle: database.prepare(
        "SELECT last FROM journal WHERE execution_key = ? AND lifecycle IS NOT NULL ORDER BY last DESC LIMIT 1",
      ),
      execution: database.prepare("SELECT status, start_position, trimmed_position FROM executions WHERE key = ?"),
      around: database.prepare(
        "SELECT first, lifecycle FROM journal WHERE execution_key = ? AND last >= ? ORDER BY last LIMIT 1",
      ),
      trimEvents: database.prepare("DELETE FROM journal WHERE execution_key = ? AND lifecycle IS NULL"),
      trimMark: database.prepare("UPDATE executions SET trimmed_position = ? WHERE key = ?"),
      insertMessage: database.prepare(
        "INSERT INTO messages (seq, execution_key, id, parent_id, route, payload, hops) VALUES (?, ?, ?, ?, ?, ?, ?)",
      ),
      settle: database.prepare("DELETE FROM messages WHERE seq = ?"),
      keep: database.prepare("UPDATE messages SET error = ? WHERE seq = ?"),
      retry: database.prepare("UPDATE messages SET attempt = ?, failures = ?, due_at = ? WHERE seq = ?"),
      emitted: database.prepare("UPDATE messages SET emitted_outputs = ?, emitted = ? WHERE seq = ?"),
      dropWaiting: database.prepare("DELETE FROM messages WHERE execution_key = ? AND error IS NULL"),
      status: database.prepare("UPDATE executions SET status = ? WHERE key = ?"),
      completedAt: database.prepare("UPDATE executions SET completed_at = ? WHERE key = ?"),
      errorInfo: database.prepare("UPDATE executions SET error_info = ? WHERE key = ?"),
      stopping: database.prepare("UPDATE executions SET stopping = ? WHERE key = ?"),
      progress: database.prepare("UPDATE executions SET progress = ? WHERE key = ?"),
    };
  }

  get backlog(): number {
    return this.#committer.backlog;
  }

  get fault(): Error | null {
    return this.#committer.fault;
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

  async read(executionIds: readonly string[], after: Position, maxBytes: number): Promise<JournalEntry[]> {
    const found: JournalEntry[] = [];
    // With several executions, a run that was cut bounds what may be returned of the others: order is by position.
    let bound = Number.POSITIVE_INFINITY;
    for (const executionId of executionIds) {
      const key = this.#keys.find(executionId);
      if (key === null) continue;
      let bytes = 0;
      for (const row of this.#sql.read.iterate(key, after)) {
        const entry = toEntry(executionId, row);
        if (entry.first > bound) break;
        found.push(entry);
        bytes += entry.kind === "events" ? entry.frames.length : 0;
        if (bytes >= maxBytes) {
          bound = Math.min(bound, entry.last);
          break;
        }
      }
    }
    if (executionIds.length === 1) return found;
    return found.filter((entry) => entry.last <= bound).sort((a, b) => a.first - b.first);
  }

  async bounds(executionId: string): Promise<JournalBounds | null> {
    const key = this.#keys.find(executionId);
    const execution = key === null ? undefined : this.#sql.execution.get(key);
    if (key === null || execution === undefined) return null;
    const start = Number(execution.start_position);
    const trimmed = execution.trimmed_position === null ? null : Number(execution.trimmed_position);
    // The column holds nothing but statuses.
    const over = isTerminal(execution.status as ExecutionRecord["status"]);
    return {
      start,
      trimmed,
      lastEvent: Number(this.#sql.lastEvent.get(key)?.last ?? trimmed ?? start),
      ended: over ? Number(this.#sql.lastLifecycle.get(key)?.last) : null,
    };
  }

  async contains(executionId: string, position: Position): Promise<boolean> {
    const key = this.#keys.find(executionId);
    const execution = key === null ? undefined : this.#sql.execution.get(key);
    if (key === null || execution === undefined) return false;
    if (position === execution.start_position) return true;
    if (execution.trimmed_position !== null && position <= Number(execution.trimmed_position)) {
      return position > Number(execution.start_position);
    }
    const row = this.#sql.around.get(key, position);
    return row !== undefined && row.lifecycle === null && Number(row.first) <= position;
  }

  trim(executionId: string): Promise<void> {
    return this.#committer.submit(
      () => {
        const key = this.#keys.find(executionId);
        const last = key === null ? undefined : this.#sql.lastEvent.get(key)?.last;
        if (key === null || last === undefined || last === null) return;
        this.#sql.trimMark.run(last, key);
        this.#sql.trimEvents.run(key);
      },
      { patient: false, weight: 0 },
    );
  }

  #write(group: Group, transition: Transition): Committed {
    const { executionId } = transition;
    const key = this.#keys.find(executionId);
    // Deleted while its last transition waited: there is nothing left to write to.
    if (key === null) return { seqs: [] };
    for (const change of transition.changes ?? []) this.#change(change);
    const seqs = (transition.enqueue ?? []).map((message) => this.#enqueue(group, key, message));
    group.add(executionId, key, transition.events, transition.lifecycle);
    const { record } = transition;
    if (record !== undefined) {
      if (record.status !== undefined) {
        this.#sql.status.run(record.status, key);
        if (isTerminal(record.status)) this.#sql.dropWaiting.run(key);
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

  #enqueue(group: Group, key: number, message: NewMessage): number {
    const seq = group.nextSeq();
    this.#sql.insertMessage.run(
      seq,
      key,
      message.id,
      message.parentId,
      message.route,
      message.payloadJson,
      message.hops,
    );
    return seq;
  }

  #change(change: MessageChange): void {
    switch (change.kind) {
      case "settled":
        this.#sql.settle.run(change.seq);
        break;
      case "kept":
        this.#sql.keep.run(change.errorJson, change.seq);
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

function toEntry(executionId: string, row: Record<string, unknown>): JournalEntry {
  const first = Number(row.first);
  const last = Number(row.last);
  if (typeof row.lifecycle === "string") {
    // Written by this class, from a value of that type.
    return { kind: "lifecycle", executionId, first, last, lifecycle: JSON.parse(row.lifecycle) as Lifecycle };
  }
  // The column is a BLOB: SQLite returns a Uint8Array, which Buffer can look at without copying.
  const frames = row.frames as Uint8Array;
  return {
    kind: "events",
    executionId,
    first,
    last,
    count: Number(row.count),
    frames: Buffer.from(frames.buffer, frames.byteOffset, frames.byteLength),
  };
}
