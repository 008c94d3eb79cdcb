import type { JournalEntry, Lifecycle, ObjectChange, WrittenObject } from "@millrace/engine";
import type { EventEncoder, ExecutionEvent } from "@millrace/protocol";
import { toObjectEntry } from "./object-entry.ts";

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

/** What an execution's part of a group consists of: runs of frames, and lifecycle records between them. */
interface Part {
  readonly key: number;
  readonly objects: ObjectChange[];
  readonly parts: (Frames | Lifecycle)[];
}

/**
 * What a group of transitions adds to the journal, whichever store it is in: positions are given out when it is encoded,
 * each execution's in one run.
 */
export class JournalGroup {
  /** The last position that was given out. */
  position: number;
  readonly entries: { executionKey: number; entry: JournalEntry }[] = [];
  /** The objects' own journal: what was written, and the lifecycle records. */
  readonly objectEntries: JournalEntry[] = [];
  /** What was done to the object store, in order; `position` where it was written. */
  readonly objectChanges: { executionKey: number; change: ObjectChange; position: number }[] = [];
  readonly #encoder: EventEncoder;
  readonly #byExecution = new Map<string, Part>();

  constructor(position: number, encoder: EventEncoder) {
    this.position = position;
    this.#encoder = encoder;
  }

  /** Positions that {@link encode} will give out. */
  get awaited(): number {
    let count = 0;
    for (const { objects, parts } of this.#byExecution.values()) {
      for (const change of objects) if (change.kind === "written") count += 1;
      for (const part of parts) count += "starts" in part ? part.starts.length : 1;
    }
    return count;
  }

  /**
   * Adds events, or a lifecycle record, to an execution's journal, after what the group has for it already. The events
   * become JSON here, so that one that cannot fails the transition that it belongs to.
   */
  add(executionId: string, key: number, events: readonly ExecutionEvent[], lifecycle: Lifecycle | undefined): void {
    const { parts } = this.#of(executionId, key);
    for (const event of events) addFrame(parts, this.#encoder.encode(event));
    if (lifecycle !== undefined) parts.push(lifecycle);
  }

  /** As {@link add}, of events that are encoded already (`EventEncoder.encode`). */
  addEncoded(executionId: string, key: number, starts: readonly string[], lifecycle: Lifecycle | undefined): void {
    const { parts } = this.#of(executionId, key);
    for (const start of starts) addFrame(parts, start);
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

  #of(executionId: string, key: number): Part {
    let execution = this.#byExecution.get(executionId);
    if (execution === undefined) {
      execution = { key, objects: [], parts: [] };
      this.#byExecution.set(executionId, execution);
    }
    return execution;
  }
}

/** Adds a frame to the row that is open, or to a new one where that is full. */
function addFrame(parts: (Frames | Lifecycle)[], start: string): void {
  const length = start.length + ID_LENGTH;
  const open = parts.at(-1);
  if (open === undefined || !("starts" in open) || open.length + length > MAX_ROW_LENGTH) {
    parts.push({ starts: [start], length });
  } else {
    open.starts.push(start);
    open.length += length;
  }
}
