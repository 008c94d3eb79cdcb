/** Something that wants to be called at a time of its own. */
export interface Timed {
  /** Milliseconds of the monotonic clock at which {@link tick} is due next; it may be later by now than when it was scheduled. */
  readonly dueAt: number;
  /** Called when it is due. */
  tick(now: number): void;
}

/** How late a call may come, in milliseconds. */
const TICK_MS = 25;

/**
 * One timer for any number of deadlines: they are sorted into slots of {@link TICK_MS}, and a slot that comes up asks
 * each of its own whether it is really due. So moving a deadline further away costs nothing until the old one comes up.
 */
export class TimerWheel {
  readonly #slots = new Map<number, Set<Timed>>();
  readonly #slotOf = new Map<Timed, number>();
  #timer: NodeJS.Timeout | undefined;
  #next = 0;

  /** How many wait. */
  get size(): number {
    return this.#slotOf.size;
  }

  /** Puts in `timed`, or moves it to the slot of its `dueAt`. */
  schedule(timed: Timed): void {
    const slot = Math.max(this.#next, Math.ceil(timed.dueAt / TICK_MS));
    if (this.#timer === undefined) {
      this.#next = Math.floor(performance.now() / TICK_MS);
      this.#timer = setInterval(() => this.#turn(), TICK_MS);
      this.#timer.unref();
    }
    this.remove(timed, false);
    let members = this.#slots.get(slot);
    if (members === undefined) {
      members = new Set();
      this.#slots.set(slot, members);
    }
    members.add(timed);
    this.#slotOf.set(timed, slot);
  }

  /** Takes out `timed`; the timer stops with the last one. */
  remove(timed: Timed, stop = true): void {
    const slot = this.#slotOf.get(timed);
    if (slot === undefined) return;
    this.#slotOf.delete(timed);
    const members = this.#slots.get(slot);
    members?.delete(timed);
    if (members?.size === 0) this.#slots.delete(slot);
    if (stop && this.#slotOf.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  #turn(): void {
    const now = performance.now();
    for (const last = Math.floor(now / TICK_MS); this.#next <= last; this.#next += 1) {
      const members = this.#slots.get(this.#next);
      if (members === undefined) continue;
      for (const timed of members) {
        if (timed.dueAt <= now) timed.tick(now);
        // Neither gone nor moved by its own call: its deadline is further away by now.
        if (this.#slotOf.get(timed) === this.#next) this.#defer(timed);
      }
      this.#slots.delete(this.#next);
    }
  }

  #defer(timed: Timed): void {
    const slot = Math.max(this.#next + 1, Math.ceil(timed.dueAt / TICK_MS));
    let members = this.#slots.get(slot);
    if (members === undefined) {
      members = new Set();
      this.#slots.set(slot, members);
    }
    members.add(timed);
    this.#slotOf.set(timed, slot);
  }
}
