import type { Position } from "@millrace/engine";

/** One is noted per so long, in milliseconds: what is told by them is as exact. */
const EVERY_MS = 250;

/** So many are kept: ten minutes of a journal that grows all the time. */
const KEPT = 2_400;

/** When the journal had grown to which position, so that it is known how old an event is that a stream was not sent. */
export class HeadTimes {
  readonly #positions: Position[] = [];
  readonly #times: number[] = [];
  #next = 0;

  /** The journal has grown to `head`, at `now`. */
  note(head: Position, now: number): void {
    const last = this.#times[(this.#next + KEPT - 1) % KEPT];
    if (last !== undefined && now - last < EVERY_MS) return;
    this.#positions[this.#next] = head;
    this.#times[this.#next] = now;
    this.#next = (this.#next + 1) % KEPT;
  }

  /** When what follows the position was committed, at the latest; null where that is longer ago than is known, or not noted. */
  after(position: Position): number | null {
    const count = this.#positions.length;
    const oldest = count < KEPT ? 0 : this.#next;
    const at = (index: number) => (oldest + index) % KEPT;
    // By halves: positions only grow.
    let [low, high] = [0, count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#positions[at(middle)] ?? 0) > position) high = middle;
      else low = middle + 1;
    }
    // Of what came before the first that is known, nothing is.
    if (low === 0) return null;
    // What came after the last is no older than that.
    return this.#times[at(Math.min(low, count - 1))] ?? null;
  }
}
