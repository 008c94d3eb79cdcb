import type { Journal, JournalBounds, JournalEntry, Lifecycle, Position } from "@millrace/engine";
import { type EventType, encodeFrame } from "@millrace/protocol";
import { nextTurn } from "../turn.ts";

/** An event as a test writes it. */
export interface NewEvent {
  readonly type: EventType;
  readonly route: string;
  /** What else its data says: of any length, any text. */
  readonly text: string;
}

/** An event as it stands in the journal. */
export interface WrittenEvent extends NewEvent {
  readonly executionId: string;
  readonly id: Position;
  readonly frame: string;
}

/** What one execution gets in a commit: events, then a lifecycle record. */
export interface Write {
  readonly executionId: string;
  readonly events: readonly NewEvent[];
  readonly lifecycle?: Lifecycle;
}

/** A journal in memory, whose answers may come some turns late. What it was given can be looked at from outside. */
export class MemoryJournal implements Pick<Journal, "head" | "fault" | "onCommit" | "read" | "bounds" | "contains"> {
  head: Position = 0;
  readonly fault = null;
  readonly entries: JournalEntry[] = [];
  readonly events: WrittenEvent[] = [];
  readonly starts = new Map<string, Position>();
  /** Turns that a read takes: before it looks, and after. */
  turnsBefore = 0;
  turnsAfter = 0;
  reads = 0;
  readonly #listeners = new Set<(entries: readonly JournalEntry[]) => void>();
  readonly #ends = new Map<string, Position>();

  /** Commits, and tells `told` of it, or everybody who listens. */
  commit(writes: readonly Write[], told: (entry: JournalEntry) => boolean = () => true): void {
    const entries = writes.flatMap((write) => this.#write(write));
    this.entries.push(...entries);
    const tell = entries.filter(told);
    if (tell.length > 0) for (const listener of this.#listeners) listener(tell);
  }

  onCommit(listener: (entries: readonly JournalEntry[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async read(executionIds: readonly string[], after: Position, maxBytes: number): Promise<JournalEntry[]> {
    this.reads += 1;
    await turns(this.turnsBefore);
    const page: JournalEntry[] = [];
    let bytes = 0;
    for (const entry of this.entries) {
      if (entry.last <= after || !executionIds.includes(entry.executionId)) continue;
      page.push(entry);
      bytes += entry.kind === "events" ? entry.frames.length : 0;
      if (bytes >= maxBytes) break;
    }
    await turns(this.turnsAfter);
    return page;
  }

  async bounds(executionId: string): Promise<JournalBounds | null> {
    const start = this.starts.get(executionId);
    if (start === undefined) return null;
    const lastEvent = this.events.findLast((event) => event.executionId === executionId)?.id ?? start;
    return { start, lastEvent, trimmed: null, ended: this.#ends.get(executionId) ?? null };
  }

  async contains(executionId: string, position: Position): Promise<boolean> {
    if (this.starts.get(executionId) === position) return true;
    return this.events.some((event) => event.executionId === executionId && event.id === position);
  }

  #write({ executionId, events, lifecycle }: Write): JournalEntry[] {
    const entries: JournalEntry[] = [];
    if (events.length > 0) {
      const first = this.head + 1;
      const written = events.map((event) => this.#event(executionId, event));
      this.events.push(...written);
      const frames = Buffer.from(written.map(({ frame }) => frame).join(""));
      entries.push({ kind: "events", executionId, first, last: this.head, count: events.length, frames });
    }
    if (lifecycle !== undefined) {
      this.head += 1;
      if (lifecycle.kind === "started") this.starts.set(executionId, this.head);
      if (lifecycle.kind === "ended") this.#ends.set(executionId, this.head);
      entries.push({ kind: "lifecycle", executionId, first: this.head, last: this.head, lifecycle });
    }
    return entries;
  }

  #event(executionId: string, event: NewEvent): WrittenEvent {
    this.head += 1;
    const data = JSON.stringify({
      execution_id: executionId,
      route: event.route,
      type: event.type,
      error: { message: event.text },
    });
    return { ...event, executionId, id: this.head, frame: encodeFrame(event.type, data, this.head) };
  }
}

/** Lets so many turns of the event loop go by. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await nextTurn();
}
