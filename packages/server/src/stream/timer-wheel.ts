/** Something that wants to be called at a time of its own. */
export interface Timed {
  /** Milliseconds of the monotonic clock at which {@link tick} is due next; it may be later by now than when it was scheduled. */
  readonly dueAt: number;
  /** Called when it is due. */
  tick(now: number): void;
  /** The wheel's own: the slot that it is in, and its place there. Begins as {@link UNSCHEDULED}. */
  wheelSlot: number;
  wheelIndex: number;
}

/** The slot of what is in no wheel. */
export const UNSCHEDULED = -1;

/** How late a call may come, in milliseconds, while there are not too many at once. */
const TICK_MS = 25;

/**
 * Calls in one go: at four microseconds for a heartbeat, some two milliseconds. The rest is due in the next turn, so
 * that ten thousand streams that fell silent together do not stop everything for a moment together.
 */
const MAX_CALLS = 500;

/**
 * One timer for any number of deadlines: they are sorted into slots of {@link TICK_MS}, and a slot that comes up asks
 * each of its own whether it is really due. So moving a deadline further away costs nothing until the old one comes up.
 */
export class TimerWheel {
  readonly #slots = new Map<number, Timed[]>();
  #timer: NodeJS.Timeout | undefined;
  #next = 0;
  #size = 0;

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  /** Puts in `timed`, or moves it to the slot of its `dueAt`. */
  schedule(timed: Timed): void {
    if (this.#timer === undefined) {
      this.#next = Math.floor(performance.now() / TICK_MS);
      this.#timer = setInterval(() => this.#turn(), TICK_MS);
      this.#timer.unref();
    }
    this.#takeOut(timed);
    this.#put(timed, Math.max(this.#next, Math.ceil(timed.dueAt / TICK_MS)));
  }

  /** Takes out `timed`; the timer stops with the last one. */
  remove(timed: Timed): void {
    this.#takeOut(timed);
    if (this.#size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #put(timed: Timed, slot: number): void {
    let members = this.#slots.get(slot);
    if (members === undefined) {
      members = [];
      this.#slots.set(slot, members);
    }
    timed.wheelSlot = slot;
    timed.wheelIndex = members.push(timed) - 1;
    this.#size += 1;
  }

  #takeOut(timed: Timed): void {
    const members = this.#slots.get(timed.wheelSlot);
    if (members === undefined) return;
    const last = members.pop();
    if (last !== undefined && last !== timed) {
      members[timed.wheelIndex] = last;
      last.wheelIndex = timed.wheelIndex;
    }
    if (members.length === 0) this.#slots.delete(timed.wheelSlot);
    timed.wheelSlot = UNSCHEDULED;
    this.#size -= 1;
  }

  #turn(): void {
    const now = performance.now();
    let calls = 0;
    for (const last = Math.floor(now / TICK_MS); this.#next <= last; this.#next += 1) {
      // Looked up anew each time: a call may put something in that is due at once.
      const first = () => this.#slots.get(this.#next)?.at(-1);
      for (let timed = first(); timed !== undefined; timed = first()) {
        if (calls === MAX_CALLS) return;
        calls += 1;
        this.#takeOut(timed);
        // Back first: the call may take it out, or move it.
        if (timed.dueAt > now) this.#put(timed, Math.max(this.#next + 1, Math.ceil(timed.dueAt / TICK_MS)));
        else {
          this.#put(timed, this.#next + 1);
          timed.tick(now);
          if (timed.wheelSlot === this.#next + 1) {
            this.#takeOut(timed);
            this.#put(timed, Math.max(this.#next + 1, Math.ceil(timed.dueAt / TICK_MS)));
          }
        }
      }
    }
  }
}
