import type { JournalBounds, JournalEntry, Position } from "@millrace/engine";
import { type EndReason, type ExecutionStatus, encodeFrame, encodeRetry, HEARTBEAT } from "@millrace/protocol";
import { gapFrame } from "./cursor.ts";
import { FrameBytes, type Sink } from "./sink.ts";
import type { Timed } from "./timer-wheel.ts";

/** What a subscriber needs of the hub. */
export interface SubscriberHost {
  read(executionIds: readonly string[], after: Position, maxBytes: number): Promise<JournalEntry[]>;
  bounds(executionId: string): Promise<JournalBounds | null>;
  statusOf(executionId: string): Promise<ExecutionStatus | null>;
  reschedule(subscriber: Subscriber): void;
  detach(subscriber: Subscriber): void;
}

/** A stream that is to be served. */
export interface StreamRequest {
  /** One, or several for the stream over many runs. */
  readonly executionIds: readonly string[];
  /** Those of them whose end is still to be told: the stream closes after the last one's. */
  readonly openIds: readonly string[];
  /** Whether each `end` names its execution (contract: "Many runs, one connection"). */
  readonly many: boolean;
  /** Everything after it is sent. */
  readonly after: Position;
  /** The id that a frame without an event of its own carries until there is an event. */
  readonly lastId: Position;
  /** The longest that the stream stays open, in milliseconds. */
  readonly timeoutMs: number;
  /** What goes before the first event: a `gap`, where retention has removed events after the cursor. */
  readonly preface: string;
  /** The executions that it tells so of. */
  readonly gaps: readonly string[];
}

/** A quiet stream carries a heartbeat after so long (contract: "Quiet streams"). */
const HEARTBEAT_MS = 15_000;

/** Bytes of frames that are read at a time for a subscriber that is behind. */
const PAGE_BYTES = 256 * 1024;

/** A live subscriber with more than this waiting falls behind: it is not pushed to until the client has read. */
const MAX_PENDING_BYTES = 128 * 1024;

const HEARTBEAT_BYTES = FrameBytes.of(HEARTBEAT);

/**
 * One stream: a cursor in the journal.
 *
 * States: *reading* (behind: new, resumed, or slow; it takes pages of the journal as fast as the client reads) →
 * *live* (at the edge: commits are pushed to it) → *reading* (when the client is slower than the run) … → *ended*.
 * It goes live when a read finds nothing and no commit has passed since, so that there is neither hole nor double.
 */
export class Subscriber implements Timed {
  readonly request: StreamRequest;
  readonly #host: SubscriberHost;
  readonly #sink: Sink;
  readonly #deadline: number;
  /** Executions whose end has not been told. */
  readonly #open: Set<string>;
  /** Executions whose last word so far is that they are interrupted. */
  readonly #interrupted = new Set<string>();
  #state: "reading" | "live" | "ended" = "reading";
  #cursor: Position;
  #lastId: Position;
  /** The last position that was committed while it was reading. */
  #passed: Position = 0;
  #blocked = false;
  #lastWrite: number;

  constructor(host: SubscriberHost, request: StreamRequest, sink: Sink) {
    this.#host = host;
    this.#sink = sink;
    this.request = request;
    this.#cursor = request.after;
    this.#lastId = request.lastId;
    this.#open = new Set(request.openIds);
    this.#lastWrite = performance.now();
    this.#deadline = this.#lastWrite + request.timeoutMs;
    sink.onDrain(() => this.#drained());
  }

  /** @see Timed */
  get dueAt(): number {
    return Math.min(this.#deadline, this.#lastWrite + HEARTBEAT_MS);
  }

  /** Sends what goes before the first event, and begins to read. */
  start(): void {
    this.#write(FrameBytes.of(encodeRetry() + this.request.preface));
    this.#closeIfDone();
    this.#read();
  }

  /** @see Timed */
  tick(now: number): void {
    if (now >= this.#deadline) {
      this.finish("timeout");
      return;
    }
    // With bytes still waiting the connection is not quiet, only slow.
    if (now - this.#lastWrite >= HEARTBEAT_MS) {
      if (this.#sink.pending === 0) this.#write(HEARTBEAT_BYTES);
      else this.#lastWrite = now;
    }
    this.#host.reschedule(this);
  }

  /** A commit to one of its executions; `shared` holds the frames of `entries`, where there are events. */
  push(entries: readonly JournalEntry[], shared: FrameBytes | null): void {
    const last = entries.at(-1)?.last ?? 0;
    if (this.#state === "reading") this.#passed = Math.max(this.#passed, last);
    if (this.#state !== "live" || last <= this.#cursor) return;
    if (this.#sink.pending > MAX_PENDING_BYTES) {
      this.#state = "reading";
      this.#passed = last;
      this.#blocked = true;
      return;
    }
    if (shared === null || this.request.many) this.#sendPage(entries);
    else {
      // The hot path: the same bytes for every subscriber of the execution; an end comes after them.
      this.#write(shared);
      for (const entry of entries) if (entry.kind === "events") this.#lastId = entry.last;
      this.#sendPage(entries.filter((entry) => entry.kind === "lifecycle"));
    }
    this.#cursor = last;
    this.#endInterrupted();
  }

  /** Ends the stream ahead of its executions. The client's cursor stays good. */
  async finish(reason: EndReason): Promise<void> {
    if (this.#state === "ended") return;
    this.#state = "ended";
    const [executionId] = this.request.executionIds;
    const status = this.request.many || executionId === undefined ? null : await this.#host.statusOf(executionId);
    // After a shutdown all clients come back: spread anew.
    const retry = reason === "shutdown" ? encodeRetry() : "";
    this.#write(FrameBytes.of(retry + encodeFrame("end", JSON.stringify({ reason, status }), this.#lastId)));
    this.#close();
  }

  /** The client has gone. */
  drop(): void {
    this.#state = "ended";
    this.#host.detach(this);
  }

  async #read(): Promise<void> {
    try {
      while (this.#state === "reading" && !this.#blocked) {
        const entries = await this.#host.read(this.request.executionIds, this.#cursor, PAGE_BYTES);
        if (this.#state !== "reading") return;
        if (entries.length === 0) {
          if (this.#passed > this.#cursor) {
            // Committed after the read began: it will be there the next time.
            this.#passed = 0;
            continue;
          }
          await this.#forgetDeleted();
          if (this.#state !== "reading") return;
          if (this.#passed > this.#cursor) continue;
          this.#state = "live";
          this.#endInterrupted();
          return;
        }
        await this.#tellGaps(entries);
        if (this.#state !== "reading") return;
        this.#sendPage(entries);
        // Reading is synchronous in the embedded store: let the others have their turn.
        await new Promise((resolve) => setImmediate(resolve));
      }
    } catch {
      // The journal cannot be read: the client comes back with its cursor.
      this.#state = "ended";
      this.#close();
    }
  }

  /** Nothing more comes of an execution that was deleted while the client was behind: a new stream of it is a 404. */
  async #forgetDeleted(): Promise<void> {
    for (const executionId of this.#open) {
      if ((await this.#host.bounds(executionId)) === null) this.#open.delete(executionId);
    }
    this.#closeIfDone();
  }

  /** Retention removes events of executions that are over: one whose end is read here may have lost some meanwhile. */
  async #tellGaps(entries: readonly JournalEntry[]): Promise<void> {
    for (const entry of entries) {
      if (entry.kind !== "lifecycle" || entry.lifecycle.kind !== "ended") continue;
      if (this.request.gaps.includes(entry.executionId)) continue;
      const trimmed = (await this.#host.bounds(entry.executionId))?.trimmed ?? null;
      if (trimmed === null || trimmed <= this.#cursor || this.#state !== "reading") continue;
      // In a stream over several, events of another execution may lie before the gap's end.
      if (!this.request.many) this.#lastId = trimmed;
      this.#write(FrameBytes.of(gapFrame(entry.executionId, trimmed, this.#lastId)));
    }
  }

  /** Sends what follows the cursor, ends where they belong in the order, in one write. */
  #sendPage(entries: readonly JournalEntry[]): void {
    const parts: Buffer[] = [];
    for (const entry of entries) {
      if (entry.kind === "events") {
        const frames = entry.first > this.#cursor ? entry.frames : framesAfter(entry.frames, this.#cursor);
        if (frames.length > 0) parts.push(frames);
        this.#lastId = entry.last;
        this.#interrupted.delete(entry.executionId);
      } else if (entry.lifecycle.kind === "ended") {
        const end = this.#endOf(entry.executionId, entry.lifecycle.status);
        if (end !== null) parts.push(end);
      } else if (entry.lifecycle.kind === "interrupted") this.#interrupted.add(entry.executionId);
      else this.#interrupted.delete(entry.executionId);
      this.#cursor = Math.max(this.#cursor, entry.last);
    }
    const [only] = parts;
    if (only !== undefined && !this.#write(new FrameBytes(parts.length === 1 ? only : Buffer.concat(parts)))) {
      if (this.#state === "reading") this.#blocked = true;
    }
    this.#closeIfDone();
  }

  /** At the edge, an execution whose last word is that it is interrupted has ended for this stream. */
  #endInterrupted(): void {
    for (const executionId of this.#interrupted) {
      const end = this.#endOf(executionId, "interrupted");
      if (end !== null) this.#write(new FrameBytes(end));
    }
    this.#interrupted.clear();
    this.#closeIfDone();
  }

  /** The end of an execution; null where it has been told. */
  #endOf(executionId: string, reason: ExecutionStatus & EndReason): Buffer | null {
    if (!this.#open.delete(executionId)) return null;
    const data = { reason, status: reason, ...(this.request.many ? { execution_id: executionId } : {}) };
    return Buffer.from(encodeFrame("end", JSON.stringify(data), this.#lastId));
  }

  #closeIfDone(): void {
    if (this.#open.size > 0 || this.#state === "ended") return;
    this.#state = "ended";
    this.#close();
  }

  #drained(): void {
    if (!this.#blocked || this.#state !== "reading") return;
    this.#blocked = false;
    this.#read();
  }

  #write(frames: FrameBytes): boolean {
    this.#lastWrite = performance.now();
    return this.#sink.write(frames);
  }

  #close(): void {
    this.#host.detach(this);
    this.#sink.end();
  }
}

/** The frames after the one with the id `position`; frames are in the order of their ids. */
function framesAfter(frames: Buffer, position: Position): Buffer {
  const mark = `\nid: ${position}\n\n`;
  const at = frames.indexOf(mark);
  return at < 0 ? frames : frames.subarray(at + mark.length);
}
