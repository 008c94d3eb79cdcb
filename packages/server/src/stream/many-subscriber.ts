import type { ServerResponse } from "node:http";
import type { JournalEntry, Position } from "@millrace/engine";
import { type ExecutionStatus, encodeFrame } from "@millrace/protocol";
import { FrameBytes } from "./frame-bytes.ts";
import type { FrameFilter } from "./frame-filter.ts";
import { countFrames, framesAfter } from "./page.ts";
import { Subscriber, type SubscriberHost } from "./subscriber.ts";
import { nextTurn } from "./turn.ts";

/** Where a stream over several executions begins. */
export interface ManyStart {
  readonly executionIds: readonly string[];
  /** Those of them whose end is still to be told: the stream closes after the last one's. */
  readonly openIds: readonly string[];
  /** Everything after it is sent. */
  readonly after: Position;
  readonly lastId: Position;
  /** The executions of which it was told that retention has removed events. */
  readonly gaps: ReadonlyMap<string, Position>;
  readonly filter: FrameFilter | null;
  readonly timeoutMs: number;
  /** Whether it stays open when all has been told. */
  readonly keepOpen: boolean;
}

/** What a stream over several executions needs of the hub besides. */
export interface ManyHost extends SubscriberHost {
  /** Puts it into the row of those that are live. */
  join(subscriber: ManySubscriber): void;
  leave(subscriber: ManySubscriber): void;
  release(subscriber: ManySubscriber): void;
}

/**
 * The stream of several executions in one connection (contract: "Many runs, one connection"): one cursor in the journal
 * of them all, in the order of positions.
 */
export class ManySubscriber extends Subscriber {
  readonly executionIds: readonly string[];
  /** Its place in the hub's row; -1 while it is not live. */
  place = -1;
  readonly #host: ManyHost;
  readonly #filter: FrameFilter | null;
  /** Executions whose end has not been told. */
  readonly #open: Set<string>;
  /** Executions whose last word so far is that they are interrupted. */
  readonly #interrupted = new Set<string>();
  readonly #gaps: Map<string, Position>;
  readonly #keepOpen: boolean;
  /** What was committed before is in the journal, and may not have been told to its topics. */
  readonly #from: Position;
  #cursor: Position;

  /** `from`: commits of all its executions after this position are delivered. */
  constructor(host: ManyHost, response: ServerResponse, start: ManyStart, from: Position) {
    super(host, response, start.lastId, start.timeoutMs);
    this.#host = host;
    this.executionIds = start.executionIds;
    this.#filter = start.filter;
    this.#open = new Set(start.openIds);
    this.#gaps = new Map(start.gaps);
    this.#keepOpen = start.keepOpen;
    this.#cursor = start.after;
    this.#from = from;
  }

  /** Commits to its executions, in the order of positions. */
  deliver(entries: readonly JournalEntry[]): void {
    if (this.full) {
      this.goReading();
      return;
    }
    this.#send(entries);
    this.#endInterrupted();
  }

  /** What was committed up to `last` has to be read from the journal. */
  fallBehind(last: Position): void {
    if (last > this.#cursor) this.goReading();
  }

  /** @see Subscriber */
  release(): void {
    this.#host.release(this);
  }

  /** @see Subscriber */
  readonly kind = "many";

  /** @see Subscriber */
  get lag(): Position {
    return this.live ? 0 : Math.max(0, this.#host.edge - this.#cursor);
  }

  /** @see Subscriber */
  get cursor(): Position {
    return this.#cursor;
  }

  protected leave(): void {
    this.#host.leave(this);
  }

  protected async finalStatus(): Promise<null> {
    return null;
  }

  protected async read(): Promise<void> {
    try {
      this.#closeIfDone();
      while (this.reading) {
        const edge = this.#host.edge;
        if (edge < this.#from) {
          await nextTurn();
          continue;
        }
        if (this.#cursor >= edge) {
          this.goLive();
          this.#host.join(this);
          this.#endInterrupted();
          return;
        }
        const { shelf } = this.#host;
        const entries = await shelf.read(this.executionIds, this.#cursor, shelf.pageBytes);
        if (!this.reading) return;
        const page = entries.filter((entry) => entry.first <= edge);
        if (page.length === 0) {
          await this.#forgetDeleted();
          this.#cursor = edge;
        } else {
          await this.#tellGaps(page);
          if (!this.reading) return;
          this.#send(page);
          if (this.full) this.block();
          await nextTurn();
        }
      }
    } catch {
      // The journal cannot be read: the client comes back with its cursor.
      this.close();
    }
  }

  /** Nothing more comes of an execution that was deleted while the client was behind: a new stream of it is a 404. */
  async #forgetDeleted(): Promise<void> {
    for (const executionId of this.#open) {
      if ((await this.host.bounds(executionId)) === null) this.#open.delete(executionId);
    }
    this.#closeIfDone();
  }

  /** Retention removes events of executions that are over: one whose end is read here may have lost some meanwhile. */
  async #tellGaps(entries: readonly JournalEntry[]): Promise<void> {
    for (const entry of entries) {
      if (entry.kind !== "lifecycle" || entry.lifecycle.kind !== "ended") continue;
      if (this.#gaps.has(entry.executionId)) continue;
      const trimmed = (await this.host.bounds(entry.executionId))?.trimmed ?? null;
      if (trimmed === null || trimmed <= this.#cursor || !this.reading) continue;
      this.#gaps.set(entry.executionId, trimmed);
      this.tellGap(entry.executionId, trimmed);
    }
  }

  /** Sends what follows the cursor, ends where they belong in the order, in one write. */
  #send(entries: readonly JournalEntry[]): void {
    const parts: Buffer[] = [];
    let events = 0;
    for (const entry of entries) {
      // It may have begun at an event that was not delivered yet, or have read it meanwhile.
      if (entry.last <= this.#cursor) continue;
      if (entry.kind === "events") {
        const frames = entry.first > this.#cursor ? entry.frames : framesAfter(entry.frames, this.#cursor);
        const chosen = this.#filter === null ? frames : this.#filter.apply(frames);
        if (chosen.length > 0) parts.push(chosen);
        events += chosen === entry.frames ? entry.count : countFrames(chosen);
        this.lastId = entry.last;
        this.#interrupted.delete(entry.executionId);
      } else if (entry.lifecycle.kind === "ended") {
        // All that came before is sent: what was removed of it does not have to be told of again.
        this.lastId = Math.max(this.lastId, this.#gaps.get(entry.executionId) ?? 0);
        const end = this.#endOf(entry.executionId, entry.lifecycle.status);
        if (end !== null) parts.push(end);
      } else if (entry.lifecycle.kind === "interrupted") this.#interrupted.add(entry.executionId);
      else this.#interrupted.delete(entry.executionId);
      this.#cursor = Math.max(this.#cursor, entry.last);
    }
    if (parts.length > 0) this.write(FrameBytes.join(parts, events));
    this.#closeIfDone();
  }

  /** At the edge, an execution whose last word is that it is interrupted has ended for this stream. */
  #endInterrupted(): void {
    for (const executionId of this.#interrupted) {
      const end = this.#endOf(executionId, "interrupted");
      if (end !== null) this.write(FrameBytes.join([end]));
    }
    this.#interrupted.clear();
    this.#closeIfDone();
  }

  /** The end of an execution; null where it has been told. */
  #endOf(executionId: string, reason: ExecutionStatus): Buffer | null {
    if (!this.#open.delete(executionId)) return null;
    const data = JSON.stringify({ reason, status: reason, execution_id: executionId });
    return Buffer.from(encodeFrame("end", data, this.lastId));
  }

  #closeIfDone(): void {
    if (this.#open.size === 0 && !this.#keepOpen) this.close();
  }
}
