import { hash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { eventsOf } from "@millrace/engine";
import { foldLineage, type LineageMessage } from "@millrace/protocol";
import type { EventRow, LineageSource, ProjectedExecution } from "./lineage-source.ts";
import { MessageRows } from "./message-rows.ts";

/**
 * Rows of the journal that are read between two turns of the thread's loop, and written in one commit: each holds up to
 * 64 KiB of frames. Ids are spread over the whole of their index, so that each commit writes much of it: few are cheaper.
 */
const SLICE_ROWS = 256;

/** Executions that are asked for at once. */
export const LOOKED_UP_AT_ONCE = 500;

/** Rows that are removed between two turns of the event loop. */
const REMOVED_AT_ONCE = 5_000;

/**
 * Brings what is known of executions up to date with their journals, slice by slice, each in a transaction together with
 * how far it has come: whenever the process dies, it goes on from there.
 */
export class Projector {
  readonly #source: LineageSource;
  readonly #file: DatabaseSync;
  readonly #sql;
  readonly #running = new Map<number, { readonly work: Promise<void>; next: Promise<void> | null }>();
  #lastNo = 0;

  /** `file` is this class's own. */
  constructor(source: LineageSource, file: DatabaseSync) {
    this.#source = source;
    this.#file = file;
    this.#sql = {
      lastNo: file.prepare("SELECT max(no) AS no FROM messages"),
      mark: file.prepare("SELECT execution_id, position, tail_hash FROM projections WHERE execution_key = ?"),
      begin: file.prepare(
        "INSERT INTO projections (execution_key, execution_id, project, root_id, parent_execution_id, position, tail_hash) VALUES (?, ?, ?, ?, ?, 0, '')",
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
    if (running !== undefined) {
      // It has looked at the journal's end before: what came since is not in it, but in the next, for all who ask.
      running.next ??= running.work.then(() => this.update(execution));
      return running.next;
    }
    const work = this.#update(execution).finally(() => this.#running.delete(key));
    this.#running.set(key, { work, next: null });
    return work;
  }

  /** Those of the executions to whose journals something was appended since they were read, or that were not read. */
  async behind(executions: readonly ProjectedExecution[]): Promise<ProjectedExecution[]> {
    const heads = await this.#source.heads(executions.map(({ key }) => key));
    return executions.filter(({ key }) => {
      const mark = this.#sql.mark.get(key);
      return mark === undefined || Number(mark.position) !== (heads.get(key) ?? 0);
    });
  }

  /** Removes what is known of executions that are not in the store any more. */
  async sweep(): Promise<void> {
    const marks = this.#sql.marks.all();
    for (let at = 0; at < marks.length; at += LOOKED_UP_AT_ONCE) {
      const some = marks.slice(at, at + LOOKED_UP_AT_ONCE);
      const ids = await this.#source.ids(some.map((mark) => Number(mark.execution_key)));
      for (const mark of some) {
        const key = Number(mark.execution_key);
        if (!this.#running.has(key) && ids.get(key) !== mark.execution_id) await this.#remove(key);
      }
    }
  }

  async #update(execution: ProjectedExecution): Promise<void> {
    const { key, id } = execution;
    const head = (await this.#source.heads([key])).get(key) ?? 0;
    const mark = this.#sql.mark.get(key);
    let position = Number(mark?.position ?? 0);
    if (mark !== undefined && position === head) return;
    if (
      mark !== undefined &&
      (mark.execution_id !== id || !(await this.#follows(key, position, String(mark.tail_hash))))
    ) {
      await this.#remove(key);
      position = 0;
    }
    if (this.#sql.mark.get(key) === undefined) {
      this.#sql.begin.run(key, id, execution.project, execution.rootId, execution.parentExecutionId);
    }
    if (position >= head) return;
    const rows = new MessageRows(this.#file, key, () => {
      this.#lastNo += 1;
      return this.#lastNo;
    });
    const open = rows.open();
    while (position < head) {
      const slice = await this.#source.rows(key, position, SLICE_ROWS);
      const last = slice.at(-1)?.last;
      if (last === undefined) return;
      this.#write(execution, rows, open, slice, position);
      position = last;
      await nextTurn();
    }
  }

  /** Writes what the events of one slice of the journal, after a position, say of messages. */
  #write(
    { key, id }: ProjectedExecution,
    rows: MessageRows,
    open: Map<string, LineageMessage>,
    slice: readonly EventRow[],
    position: number,
  ): void {
    const touched = new Map<string, LineageMessage>();
    for (const row of slice) {
      const entry = { kind: "events", executionId: id, ...row } as const;
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
    const tail = slice.at(-1);
    if (tail === undefined) return;
    this.#file.exec("BEGIN IMMEDIATE");
    try {
      // A thread that was told to end may have got on with it meanwhile.
      if (Number(this.#sql.mark.get(key)?.position) !== position) throw new Error("The lineage was written twice.");
      this.#lastNo = Number(this.#sql.lastNo.get()?.no ?? 0);
      rows.write(touched.values());
      this.#sql.advance.run(tail.last, hash("sha1", tail.frames), key);
      this.#file.exec("COMMIT");
    } catch (error) {
      if (this.#file.isTransaction) this.#file.exec("ROLLBACK");
      throw error;
    }
    rows.forgetSome();
  }

  /** Whether the journal is still the one that was read: it is another after a backup was put in its place. */
  async #follows(key: number, position: number, tailHash: string): Promise<boolean> {
    if (position === 0) return true;
    const frames = await this.#source.framesAt(key, position);
    return frames !== null && hash("sha1", frames) === tailHash;
  }

  async #remove(key: number): Promise<void> {
    while (Number(this.#sql.removeStages.run(key, REMOVED_AT_ONCE).changes) > 0) await nextTurn();
    while (Number(this.#sql.removeMessages.run(key, REMOVED_AT_ONCE).changes) > 0) await nextTurn();
    this.#sql.forget.run(key);
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
