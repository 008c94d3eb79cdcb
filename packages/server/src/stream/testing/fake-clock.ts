import type { TestContext } from "node:test";

/** Stands in for the monotonic clock, the time of day, and timers, which go off when a test moves it on. */
export class FakeClock {
  now = 1_000;
  /** Milliseconds that go by at each look at the clock: work that takes long. */
  perLook = 0;
  readonly #timers = new Map<object, { at: number; every: number | null; call: () => void }>();

  /** Puts one in place until the test is over. */
  static install(t: TestContext): FakeClock {
    const clock = new FakeClock();
    t.mock.method(performance, "now", () => {
      clock.now += clock.perLook;
      return clock.now;
    });
    t.mock.method(Date, "now", () => 1_700_000_000_000 + clock.now);
    t.mock.method(globalThis, "setTimeout", (call: () => void, ms: number) => clock.#add(call, ms, null));
    t.mock.method(globalThis, "setInterval", (call: () => void, ms: number) => clock.#add(call, ms, ms));
    const clear = (timer: object | undefined) => {
      if (timer !== undefined) clock.#timers.delete(timer);
    };
    t.mock.method(globalThis, "clearTimeout", clear);
    t.mock.method(globalThis, "clearInterval", clear);
    return clock;
  }

  /** Timers that are set. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Moves on by `ms`; what falls due on the way goes off in its order. */
  advance(ms: number): void {
    const until = this.now + ms;
    while (true) {
      const [next] = [...this.#timers].sort(([, a], [, b]) => a.at - b.at);
      if (next === undefined || next[1].at > until) break;
      const [key, timer] = next;
      this.now = Math.max(this.now, timer.at);
      if (timer.every === null) this.#timers.delete(key);
      else timer.at += timer.every;
      timer.call();
    }
    this.now = Math.max(this.now, until);
  }

  #add(call: () => void, ms: number, every: number | null): object {
    const timer = { unref: () => timer, ref: () => timer };
    this.#timers.set(timer, { at: this.now + Math.max(1, ms), every, call });
    return timer;
  }
}
