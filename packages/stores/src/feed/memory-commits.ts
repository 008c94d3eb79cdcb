import type { JournalEntry, Position } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import type { CommitPage, CommitSource, CommittedGroup } from "./commit-feed.ts";

/** What one commit adds, in order: events of an execution (bytes of their frames, and how many), objects, or its end. */
export type Part =
  | { readonly kind: "events"; readonly executionId: string; readonly count: number; readonly bytes: number }
  | { readonly kind: "objects"; readonly executionId: string; readonly count: number; readonly bytes: number }
  | { readonly kind: "ended"; readonly executionId: string }
  /** Positions that nothing is left of, as of an execution that is deleted. */
  | { readonly kind: "hole" };

/** A store of commits in memory, for tests of feeds: any number of nodes write to it and read it. */
export class MemoryCommits implements CommitSource {
  readonly groups: CommittedGroup[] = [];
  /** How often the head was asked for, and pages were read. */
  asked = 0;
  reads = 0;
  /** Called before each read: it may wait, or throw. */
  beforeRead: () => Promise<void> = async () => {};

  get head(): Position {
    return this.groups.at(-1)?.last ?? 0;
  }

  /** Commits at once. */
  commit(parts: readonly Part[]): CommittedGroup {
    const prev = this.head;
    let last = prev;
    const entries: JournalEntry[] = [];
    const objectEntries: JournalEntry[] = [];
    for (const part of parts) {
      const first = last + 1;
      last += part.kind === "events" || part.kind === "objects" ? part.count : 1;
      if (part.kind === "hole") continue;
      const { executionId } = part;
      if (part.kind === "ended") {
        const lifecycle = { kind: "ended", at: "2026-03-01T12:00:00.000Z", status: "completed" } as const;
        const entry: JournalEntry = { kind: "lifecycle", executionId, first, last, lifecycle };
        entries.push(entry);
        objectEntries.push(entry);
        continue;
      }
      const frames = Buffer.alloc(part.bytes, `${executionId} ${first}-${last} `);
      const entry: JournalEntry = { kind: "events", executionId, first, last, count: part.count, frames };
      (part.kind === "events" ? entries : objectEntries).push(entry);
    }
    const group = { prev, last, entries, objectEntries };
    this.groups.push(group);
    return group;
  }

  async readHead(): Promise<Position> {
    this.asked += 1;
    await this.beforeRead();
    return this.head;
  }

  async readAfter(after: Position, maxBytes: number): Promise<CommitPage> {
    this.reads += 1;
    await this.beforeRead();
    const head = this.head;
    const rows = this.groups.flatMap(({ entries, objectEntries }) => [
      ...entries.map((entry) => ({ entry, events: true, objects: objectEntries.includes(entry) })),
      ...objectEntries
        .filter((entry) => !entries.includes(entry))
        .map((entry) => ({ entry, events: false, objects: true })),
    ]);
    const page = { entries: [] as JournalEntry[], objectEntries: [] as JournalEntry[], last: head };
    let bytes = 0;
    for (const { entry, events, objects } of rows.sort((a, b) => a.entry.first - b.entry.first)) {
      if (entry.first <= after) continue;
      const size = entry.kind === "events" ? entry.frames.length : 100;
      if (bytes > 0 && bytes + size > maxBytes) {
        page.last = entry.first - 1;
        break;
      }
      bytes += size;
      if (events) page.entries.push(entry);
      if (objects) page.objectEntries.push(entry);
    }
    return page;
  }
}

/** The store is away. */
export function away(): MillraceError {
  return new MillraceError("SERVICE_UNAVAILABLE", "The store cannot be read at present.");
}
