import type { EventType } from "@millrace/protocol";

const EVENT = Buffer.from("event: ");
const BLOCK_END = Buffer.from("\n\n");
/** Within JSON's text a quote is escaped, so this is nowhere but where an event names its route. */
const ROUTE = Buffer.from(',"route":"');
const LINE_END = 0x0a;
const QUOTE = 0x22;

/** Chooses frames: what is chosen is sent as it is. Ids are untouched, so a cursor of a filtered stream is one of the whole. */
export interface FrameFilter {
  /** The same for filters that choose the same. */
  readonly key: string;
  /** The chosen frames of `frames`; of no length where none is. */
  apply(frames: Buffer): Buffer;
}

/** The frames of `frames` for which `chooses` holds, which is told where each begins. */
export function chooseFrames(frames: Buffer, chooses: (frames: Buffer, at: number) => boolean): Buffer {
  const kept: Buffer[] = [];
  // Neighbours that are both kept are taken in one piece.
  let from = 0;
  for (let at = 0; at < frames.length; ) {
    const end = frames.indexOf(BLOCK_END, at) + BLOCK_END.length;
    if (end < BLOCK_END.length) break;
    if (!chooses(frames, at)) {
      if (at > from) kept.push(frames.subarray(from, at));
      from = end;
    }
    at = end;
  }
  if (from === 0) return frames;
  if (from < frames.length) kept.push(frames.subarray(from));
  return Buffer.concat(kept);
}

/** Chooses events by type and by route, on the bytes of their frames. */
export class EventFilter implements FrameFilter {
  readonly key: string;
  readonly #types: ReadonlySet<string> | null;
  readonly #routes: ReadonlySet<string> | null;

  private constructor(types: readonly string[] | null, routes: readonly string[] | null) {
    this.key = JSON.stringify([types, routes]);
    this.#types = types === null ? null : new Set(types);
    this.#routes = routes === null ? null : new Set(routes);
  }

  /** Null where everything is chosen. Empty lists choose everything. */
  static of(types: readonly EventType[], routes: readonly string[]): EventFilter | null {
    if (types.length === 0 && routes.length === 0) return null;
    return new EventFilter(sorted(types), sorted(routes));
  }

  /** @see FrameFilter */
  apply(frames: Buffer): Buffer {
    return chooseFrames(frames, this.#chooses);
  }

  readonly #chooses = (frames: Buffer, at: number): boolean => {
    if (this.#types !== null) {
      const start = at + EVENT.length;
      if (!this.#types.has(frames.toString("latin1", start, frames.indexOf(LINE_END, start)))) return false;
    }
    if (this.#routes === null) return true;
    const start = frames.indexOf(ROUTE, at) + ROUTE.length;
    return this.#routes.has(frames.toString("latin1", start, frames.indexOf(QUOTE, start)));
  };
}

/** What was asked for, each once; null where that is nothing. */
export function sorted(values: readonly string[]): readonly string[] | null {
  return values.length === 0 ? null : [...new Set(values)].sort();
}
