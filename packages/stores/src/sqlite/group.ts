import type { JournalEntry, Lifecycle } from "@millrace/engine";
import { type ExecutionEvent, encodeEvent, encodeFrame } from "@millrace/protocol";

/** Frames of one row: pages that are read later are made of whole rows. */
const MAX_ROW_EVENTS = 1_000;

interface EncodedEvent {
  readonly type: ExecutionEvent["type"];
  readonly data: string;
}

/** What a group adds to the journal: positions are given out when it is encoded, each execution's in one run. */
export class Group {
  position: number;
  seq: number;
  readonly entries: { executionKey: number; entry: JournalEntry }[] = [];
  readonly #byExecution = new Map<string, { key: number; parts: (EncodedEvent[] | Lifecycle)[] }>();

  constructor(position: number, seq: number) {
    this.position = position;
    this.seq = seq;
  }

  /** The number of the next message. */
  nextSeq(): number {
    this.seq += 1;
    return this.seq;
  }

  /**
   * Adds events, or a lifecycle record, to an execution's journal, after what the group has for it already. The events
   * become JSON here, so that one that cannot fails the transition that it belongs to.
   */
  add(executionId: string, key: number, added: readonly ExecutionEvent[], lifecycle: Lifecycle | undefined): void {
    const events = added.map((event) => ({ type: event.type, data: encodeEvent(event) }));
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

  /** Takes out what it has for an execution that is deleted. Positions that were given out stay used. */
  drop(executionId: string): void {
    this.#byExecution.delete(executionId);
    for (let index = this.entries.length - 1; index >= 0; index -= 1) {
      if (this.entries[index]?.entry.executionId === executionId) this.entries.splice(index, 1);
    }
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
        for (const { type, data } of part) {
          this.position += 1;
          text += encodeFrame(type, data, this.position);
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
