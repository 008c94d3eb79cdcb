import { hash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { eventsOf } from "@millrace/engine";
import { foldLineage, type LineageMessage } from "@millrace/protocol";
import { verify } from "../../journal/checksum.ts";
import { MessageRows } from "./message-rows.ts";

/**
 * Rows of the journal that are read between two turns of the thread's loop, and written in one commit: each holds up to
 * 64 KiB of frames. Ids are spread over the whole of their index, so that each commit writes much of it: few are cheaper.
 */
const SLICE_ROWS = 256;

/** Rows that are removed between two turns of the event loop. */
const REMOVED_AT_ONCE = 5_000;

/** An execution as the store keeps it. */
export interface ProjectedExecution {
  readonly key: number;
  readonly id: string;
  readonly rootId: string;
  readonly parentExecutionId: string | null;
}

/**
 * Brings what is known of executions up to date with their journals, slice by slice, each in a transaction together with
 * how far it has come: whenever the process dies, it goes on from there.
 */
export class Projector {
  readonly #file: DatabaseSync;
  readonly #sql;
  readonly #running = new Map<number, Promise<void>>();
  #lastNo = 0;

  /** `store` is the journal's database, opened for reading; `file` is this class's own. */
  constructor(store: DatabaseSync, file: DatabaseSync) {
    this.#file = file;
    this.#sql = {
      head: store.prepare(
        "SELECT last FROM journal WHERE execution_key = ? AND lifecycle IS NULL ORDER BY last DESC LIMIT 1",
      ),
      rows: store.prepare(
        "SELECT first, last, count, frames, checksum FROM journal WHERE execution_key = ? AND last > ? AND lifecycle IS NULL ORDER BY last LIMIT ?",
      ),
      row: store.prepare("SELECT frames FROM journal WHERE last = ? AND execution_key = ?"),
      exists: store.prepare("SELECT 1 FROM executions WHERE key = ? AND id = ?"),
      lastNo: file.prepare("SELECT max(no) AS no FROM messages"),
      mark: file.prepare("SELECT execution_id, position, tail_hash FROM projections WHERE execution_key = ?"),
      begin: file.prepare(
        "INSERT INTO projections (execution_key, execution_id, root_id, parent_execution_id, position, tail_hash) VALUES (?, ?, ?, ?, 0, '')",
      ),
      advance: file.prepare("UPDATE projections SET position = ?, tail_hash = ? WHERE execution_key = ?"),
      marks: file.prepare("SELECT execution_key, execution_id FROM projections"),
      forget: file.prepare("DELETE FROM projections WHERE execution_key = ?"),
      removeMessages: file.prepare(
        "DELETE FROM messages WHERE no IN (SELECT no FROM messages WHERE execution_key = ? LIMIT ?)",
      ),
      removeStages: file.prepare(
        "DELETE FROM stages WHERE (message_no, place) IN (SELECT message_no, place FROM stages WHERE execution_key = ? LIMIT ?)",
      ),
    };
  }

  /** Resolves when all that is in the execution's journal now is known. Calls for the same execution share the work. */
  update(execution: ProjectedExecution): Promise<void> {
    const { key } = execution;
    const running = this.#running.get(key);
    // One that runs has looked at the journal's end before: what came since is not in it.
    if (running !== undefined) return running.then(() => this.update(execution));
    if (this.isCurrent(key)) return Promise.resolve();
    const work = this.#update(execution).finally(() => this.#running.delete(key));
    this.#running.set(key, work);
    return work;
  }

  /** Whether nothing was appended to the execution's journal since it was read. */
  isCurrent(key: number): boolean {
    const mark = this.#sql.mark.get(key);
    return mark !== undefined && Number(mark.position) === this.#head(key);
  }

  /** Removes what is known of executions that are not in the store any more. */
  async sweep(): Promise<void> {
    for (const mark of this.#sql.marks.all()) {
      const key = Number(mark.execution_key);
      if (this.#running.has(key) || this.#sql.exists.get(key, String(mark.execution_id)) !== undefined) continue;
      await this.#remove(key);
    }
  }

  async #update(execution: ProjectedExecution): Promise<void> {
    const { key, id } = execution;
    const head = this.#head(key);
    const mark = this.#sql.mark.get(key);
    let position = Number(mark?.position ?? 0);
    if (mark !== undefined && (mark.execution_id !== id || !this.#follows(key, position, String(mark.tail_hash)))) {
      await this.#remove(key);
      position = 0;
    }
    if (this.#sql.mark.get(key) === undefined) {
      this.#sql.begin.run(key, id, execution.rootId, execution.parentExecutionId);
    }
    if (position >= head) return;
    const rows = new MessageRows(this.#file, key, () => {
      this.#lastNo += 1;
      return this.#lastNo;
    });
    const open = rows.open();
    while (position < head) {
      const last = this.#slice(execution, rows, open, position);
      if (last === null) return;
      position = last;
      await nextTurn();
    }
  }

  /** Reads one slice, and returns its end; null where there is nothing any more. */
  #slice(
    { key, id }: ProjectedExecution,
    rows: MessageRows,
    open: Map<string, LineageMessage>,
    position: number,
  ): number | null {
    const touched = new Map<string, LineageMessage>();
    let last: number | null = null;
    let tail: Buffer | null = null;
    for (const row of this.#sql.rows.iterate(key, position, SLICE_ROWS)) {
      const frames = bytesOf(row.frames);
      last = Number(row.last);
      verify(last, frames, row.checksum);
      tail = frames;
      const entry = {
        kind: "events",
        executionId: id,
        first: Number(row.first),
        last,
        count: Number(row.count),
        frames,
      } as const;
      for (const event of eventsOf(entry)) {
        if (event.attempt > 1 && !open.has(event.message_id)) {
          // It had failed for good, and is taken up again.
          const before = touched.get(event.message_id) ?? rows.settled(event.message_id);
          if (before !== null) open.set(before.id, before);
        }
        const message = foldLineage(open, event);
        touched.set(message.id, message);
      }
    }
    if (last === null || tail === null) return null;
    this.#file.exec("BEGIN IMMEDIATE");
    try {
      // A thread that was told to end may have got on with it meanwhile.
      if (Number(this.#sql.mark.get(key)?.position) !== position) throw new Error("The lineage was written twice.");
      this.#lastNo = Number(this.#sql.lastNo.get()?.no ?? 0);
      rows.write(touched.values());
      this.#sql.advance.run(last, hash("sha1", tail), key);
      this.#file.exec("COMMIT");
    } catch (error) {
      if (this.#file.isTransaction) this.#file.exec("ROLLBACK");
      throw error;
    }
    rows.forgetSome();
    return last;
  }

  #head(key: number): number {
    return Number(this.#sql.head.get(key)?.last ?? 0);
  }

  /** Whether the journal is still the one that was read: it is another after a backup was put in its place. */
  #follows(key: number, position: number, tailHash: string): boolean {
    if (position === 0) return true;
    const row = this.#sql.row.get(position, key);
    return row !== undefined && hash("sha1", bytesOf(row.frames)) === tailHash;
  }

  async #remove(key: number): Promise<void> {
    while (Number(this.#sql.removeStages.run(key, REMOVED_AT_ONCE).changes) > 0) await nextTurn();
    while (Number(this.#sql.removeMessages.run(key, REMOVED_AT_ONCE).changes) > 0) await nextTurn();
    this.#sql.forget.run(key);
  }
}

/** The column is a BLOB: SQLite returns a Uint8Array, which Buffer can look at without copying. */
function bytesOf(frames: unknown): Buffer {
  return frames instanceof Uint8Array
    ? Buffer.from(frames.buffer, frames.byteOffset, frames.byteLength)
    : Buffer.alloc(0);
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
