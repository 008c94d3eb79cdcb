import type { JournalEntry, Position } from "@millrace/engine";
import type { CommittedGroup } from "./commit-feed.ts";
import { sizeOfGroup } from "./notice.ts";

/** Commits that came ahead of others, until those are there: as many as fit into so much memory. */
export class HeldGroups {
  readonly #maxBytes: number;
  /** By what each of them follows. */
  readonly #byPrev = new Map<Position, CommittedGroup>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes that they take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps it, unless there is too much: those that come first are needed first. */
  put(group: CommittedGroup): void {
    const bytes = sizeOfGroup(group);
    if (this.#byPrev.has(group.prev) || this.#bytes + bytes > this.#maxBytes) return;
    this.#byPrev.set(group.prev, onItsOwn(group));
    this.#bytes += bytes;
  }

  /** Takes out the one that follows a position. */
  take(after: Position): CommittedGroup | undefined {
    const group = this.#byPrev.get(after);
    if (group !== undefined) this.#drop(group);
    return group;
  }

  /**
   * Drops all that is not after a position, and takes out the one that it lies within: its part after the position is
   * still to be told.
   */
  takeAround(position: Position): CommittedGroup | undefined {
    let around: CommittedGroup | undefined;
    for (const group of this.#byPrev.values()) {
      if (group.prev >= position) continue;
      this.#drop(group);
      if (group.last > position) around = group;
    }
    return around;
  }

  clear(): void {
    this.#byPrev.clear();
    this.#bytes = 0;
  }

  #drop(group: CommittedGroup): void {
    this.#byPrev.delete(group.prev);
    this.#bytes -= sizeOfGroup(group);
  }
}

/** Frames that came over a connection are parts of what was read of it at once, which would be kept along with them. */
function onItsOwn(group: CommittedGroup): CommittedGroup {
  const copy = (entry: JournalEntry): JournalEntry =>
    entry.kind === "events" ? { ...entry, frames: Buffer.copyBytesFrom(entry.frames) } : entry;
  return { ...group, entries: group.entries.map(copy), objectEntries: group.objectEntries.map(copy) };
}
