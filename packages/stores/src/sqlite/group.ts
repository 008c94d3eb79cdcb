import type { JournalEntry, Lifecycle, NewMessage, ObjectChange, WrittenObject } from "@millrace/engine";
import type { EventEncoder, ExecutionEvent } from "@millrace/protocol";
import type { MessageWrites } from "./message-writes.ts";
import { toObjectEntry } from "./objects/object-row.ts";

/**
 * A row of frames ends at about so many characters: whoever is behind reads whole rows, so they bound what a slow reader
 * takes. Beyond a few pages of the database a longer row is no cheaper to write.
 */
const MAX_ROW_LENGTH = 64 * 1024;

/** Frames of one row on their way: all but their ids. */
interface Frames {
  readonly starts: string[];
  length: number;
}

/** What a frame's id and the lines around it take at most: `\nid: `, sixteen digits, `\n\n`. */
const ID_LENGTH = 23;

/** What a group adds to the journal: positions are given out when it is encoded, each execution's in one run. */
export class Group {
  position: number;
  seq: number;
  readonly entries: { executionKey: number; entry: JournalEntry }[] = [];
  /** The objects' own journal: what was written, and the lifecycle records. */
  readonly objectEntries: JournalEntry[] = [];
  /** What was done to the object store, in order; `position` where it was written. */
  readonly objectChanges: { executionKey: number; change: ObjectChange; position: number }[] = [];
  readonly #encoder: EventEncoder;
  readonly #messages: MessageWrites;
  readonly #byExecution = new Map<string, { key: number; objects: ObjectChange[]; parts: (Frames | Lifecycle)[] }>();

  constructor(start: { position: number; seq: number }, encoder: EventEncoder, messages: MessageWrites) {
    this.position = start.position;
    this.seq = start.seq;
    this.#encoder = encoder;
    this.#messages = messages;
  }

  /** Puts a message into its queue; returns its number. */
  enqueue(key: number, message: NewMessage): number {
    this.seq += 1;
    this.#messages.put(this.seq, key, message);
    return this.seq;
  }

  /** Removes a message from its queue; `keep`: it stays, with its payload, to be replayed. */
  settle(seq: number, keep: boolean): void {
    this.#messages.settle(seq, keep);
  }

  /** To be called before a statement that reads or changes messages in any other way. */
  flushMessages(): void {
    this.#messages.flush();
  }

  /**
   * Adds events, or a lifecycle record, to an execution's journal, after what the group has for it already. The events
   * become JSON here, so that one that cannot fails the transition that it belongs to.
   */
  add(executionId: string, key: number, events: readonly ExecutionEvent[], lifecycle: Lifecycle | undefined): void {
    const { parts } = this.#of(executionId, key);
    let open = parts.at(-1);
    for (const event of events) {
      const start = this.#encoder.encode(event);
      const length = start.length + ID_LENGTH;
      if (open === undefined || !("starts" in open) || open.length + length > MAX_ROW_LENGTH) {
        open = { starts: [start], length };
        parts.push(open);
      } else {
        open.starts.push(start);
        open.length += length;
      }
    }
    if (lifecycle !== undefined) parts.push(lifecycle);
  }

  /** Adds what was done to the object store: it comes before all events of the group, which stay in one piece. */
  addObjects(executionId: string, key: number, changes: readonly ObjectChange[]): void {
    if (changes.length > 0) this.#of(executionId, key).objects.push(...changes);
  }

  /** Gives out the position of a lifecycle record at once, ahead of {@link encode}: for an execution's first record. */
  addNow(executionId: string, key: number, lifecycle: Lifecycle): number {
    this.position += 1;
    const entry = { kind: "lifecycle", executionId, first: this.position, last: this.position, lifecycle } as const;
    this.entries.push({ executionKey: key, entry });
    this.objectEntries.push(entry);
    return this.position;
  }

  /** Takes out what it has for an execution that is deleted. Positions that were given out stay used. */
  drop(executionId: string): void {
    this.#byExecution.delete(executionId);
    for (let index = this.entries.length - 1; index >= 0; index -= 1) {
      if (this.entries[index]?.entry.executionId === executionId) this.entries.splice(index, 1);
    }
    for (let index = this.objectEntries.length - 1; index >= 0; index -= 1) {
      if (this.objectEntries[index]?.executionId === executionId) this.objectEntries.splice(index, 1);
    }
  }

  /** Gives out positions and encodes the frames: once, for every reader there will ever be. */
  encode(): void {
    for (const [executionId, { key, objects, parts }] of this.#byExecution) {
      this.#encodeObjects(executionId, key, objects);
      for (const part of parts) {
        const first = this.position + 1;
        if (!("starts" in part)) {
          this.position = first;
          const entry = { kind: "lifecycle", executionId, first, last: first, lifecycle: part } as const;
          this.entries.push({ executionKey: key, entry });
          this.objectEntries.push(entry);
          continue;
        }
        // One string and one copy of it to bytes per row.
        let text = "";
        for (const start of part.starts) {
          this.position += 1;
          text += `${start}\nid: ${this.position}\n\n`;
        }
        this.entries.push({
          executionKey: key,
          entry: {
            kind: "events",
            executionId,
            first,
            last: this.position,
            count: part.starts.length,
            frames: Buffer.from(text),
          },
        });
      }
    }
    this.#byExecution.clear();
  }

  #encodeObjects(executionId: string, executionKey: number, changes: readonly ObjectChange[]): void {
    const first = this.position + 1;
    const written: WrittenObject[] = [];
    for (const change of changes) {
      if (change.kind === "written") {
        this.position += 1;
        written.push(change.object);
      }
      this.objectChanges.push({ executionKey, change, position: this.position });
    }
    if (written.length > 0) this.objectEntries.push(toObjectEntry(executionId, first, written));
  }

  #of(executionId: string, key: number): { objects: ObjectChange[]; parts: (Frames | Lifecycle)[] } {
    let execution = this.#byExecution.get(executionId);
    if (execution === undefined) {
      execution = { key, objects: [], parts: [] };
      this.#byExecution.set(executionId, execution);
    }
    return execution;
  }
}
