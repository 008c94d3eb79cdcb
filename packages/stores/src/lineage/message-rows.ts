import type { DatabaseSync } from "node:sqlite";
import type { LineageMessage, LineageStage, StageStatus } from "@millrace/protocol";
import { type Row, text } from "../sqlite/columns.ts";

/** Message numbers that are remembered: parents are looked up once for many children. */
const REMEMBERED = 100_000;

/** Writes folded messages of one execution, and reads back those that are not settled. */
export class MessageRows {
  readonly #key: number;
  readonly #sql;
  /** Messages that have a row and are not settled: how many stages and attempts they had when they were written. */
  readonly #written = new Map<string, { readonly stages: number; readonly attempts: number }>();
  readonly #places = new Map<string, Place>();
  readonly #nextNo: () => number;

  /** `nextNo` gives out the numbers of messages, to all executions. */
  constructor(database: DatabaseSync, executionKey: number, nextNo: () => number) {
    this.#key = executionKey;
    this.#nextNo = nextNo;
    this.#sql = {
      place: database.prepare("SELECT no, depth FROM messages WHERE id = ? AND execution_key = ?"),
      insert: database.prepare(
        "INSERT INTO messages (no, execution_key, id, parent_id, parent_no, route, depth, status, attempts, started_at, completed_at, duration_ms, error, emitted, batched_into_no) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      ),
      update: database.prepare(
        "UPDATE messages SET status = ?, attempts = ?, started_at = ?, completed_at = ?, duration_ms = ?, error = ?, emitted = ?, batched_into_no = ? WHERE no = ?",
      ),
      stage: database.prepare(
        "INSERT OR REPLACE INTO stages (message_no, place, execution_key, route, attempt, adapter, adapter_index, status, started_at, completed_at, error, will_retry) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      ),
      open: database.prepare("SELECT * FROM messages WHERE execution_key = ? AND completed_at IS NULL ORDER BY no"),
      settled: database.prepare(
        "SELECT * FROM messages WHERE id = ? AND execution_key = ? AND completed_at IS NOT NULL",
      ),
      stages: database.prepare("SELECT * FROM stages WHERE message_no = ? ORDER BY place"),
    };
  }

  /** The messages that were not settled when they were written last. */
  open(): Map<string, LineageMessage> {
    const open = new Map<string, LineageMessage>();
    for (const row of this.#sql.open.all(this.#key)) {
      const message = this.#load(row);
      open.set(message.id, message);
    }
    return open;
  }

  /** A message that was settled when it was written; null where there is none. */
  settled(id: string): LineageMessage | null {
    const row = this.#sql.settled.get(id, this.#key);
    return row === undefined ? null : this.#load(row);
  }

  #load(row: Row): LineageMessage {
    const id = String(row.id);
    const stages = this.#sql.stages.all(Number(row.no)).map(
      (stage): LineageStage => ({
        attempt: Number(stage.attempt),
        adapter: text(stage.adapter),
        adapterIndex: stage.adapter_index === null ? null : Number(stage.adapter_index),
        // The columns hold what this class has written.
        status: stage.status as StageStatus,
        startedAt: stage.started_at === null ? null : Number(stage.started_at),
        completedAt: stage.completed_at === null ? null : Number(stage.completed_at),
        error: stage.error === null ? null : JSON.parse(String(stage.error)),
        willRetry: stage.will_retry === 1,
      }),
    );
    const message: LineageMessage = {
      id,
      parentId: text(row.parent_id),
      route: String(row.route),
      status: row.status as StageStatus,
      attempts: Number(row.attempts),
      startedAt: Number(row.started_at),
      completedAt: null,
      durationMs: row.duration_ms === null ? null : Number(row.duration_ms),
      error: row.error === null ? null : JSON.parse(String(row.error)),
      emitted: null,
      batchedInto: null,
      stages,
    };
    this.#written.set(id, { stages: stages.length, attempts: Number(row.attempts) });
    this.#remember(id, { no: Number(row.no), depth: Number(row.depth) });
    return message;
  }

  /** Writes what became of the messages, in the order in which they began. */
  write(messages: Iterable<LineageMessage>): void {
    const all = [...messages];
    // Numbers first: a batch may have gone on as a message that began after this one.
    for (const message of all) if (!this.#written.has(message.id)) this.#number(message);
    for (const message of all) this.#writeOne(message);
  }

  #number({ id, parentId }: LineageMessage): void {
    const parent = parentId === null ? null : this.#find(parentId);
    this.#remember(id, { no: this.#nextNo(), depth: parent === null ? 0 : parent.depth + 1 });
  }

  #writeOne(message: LineageMessage): void {
    const { id, parentId, route, status, attempts, startedAt, completedAt, durationMs, stages } = message;
    const place = this.#find(id);
    if (place === null) return;
    const error = message.error === null ? null : JSON.stringify(message.error);
    const emitted = message.emitted === null ? null : JSON.stringify(message.emitted);
    const batch = message.batchedInto === null ? null : (this.#find(message.batchedInto)?.no ?? null);
    const written = this.#written.get(id);
    if (written === undefined) {
      const parentNo = parentId === null ? null : (this.#find(parentId)?.no ?? null);
      this.#sql.insert.run(
        place.no,
        this.#key,
        id,
        parentId,
        parentNo,
        route,
        place.depth,
        status,
        attempts,
        startedAt,
        completedAt,
        durationMs,
        error,
        emitted,
        batch,
      );
    } else {
      this.#sql.update.run(status, attempts, startedAt, completedAt, durationMs, error, emitted, batch, place.no);
    }
    for (const [index, stage] of stages.entries()) {
      // Stages of attempts that were over then are as they were.
      if (written !== undefined && index < written.stages && stage.attempt < written.attempts) continue;
      this.#sql.stage.run(
        place.no,
        index,
        this.#key,
        route,
        stage.attempt,
        stage.adapter,
        stage.adapterIndex,
        stage.status,
        stage.startedAt,
        stage.completedAt,
        stage.error === null ? null : JSON.stringify(stage.error),
        stage.willRetry ? 1 : 0,
      );
    }
    if (completedAt === null) this.#written.set(id, { stages: stages.length, attempts });
    else this.#written.delete(id);
  }

  #find(id: string): Place | null {
    const known = this.#places.get(id);
    if (known !== undefined) return known;
    const row = this.#sql.place.get(id, this.#key);
    if (row === undefined) return null;
    const place = { no: Number(row.no), depth: Number(row.depth) };
    this.#remember(id, place);
    return place;
  }

  /** Forgets only between writes, as what is numbered and not yet written is nowhere else. */
  forgetSome(): void {
    if (this.#places.size > REMEMBERED) this.#places.clear();
  }

  #remember(id: string, place: Place): void {
    this.#places.set(id, place);
  }
}

interface Place {
  readonly no: number;
  readonly depth: number;
}
