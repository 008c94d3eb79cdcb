import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ModelLimiter, type Outcome } from "./model-limiter.ts";

const ANSWERED: Outcome = { kind: "answered" };
const signal = new AbortController().signal;

/** A limiter with a clock that a test sets. */
function limiterAt() {
  const clock = { now: 0 };
  return { clock, limiter: new ModelLimiter(() => clock.now) };
}

/** Takes as many turns as there are at once. */
async function fill(limiter: ModelLimiter): Promise<((outcome: Outcome) => void)[]> {
  const turns: ((outcome: Outcome) => void)[] = [];
  for (let count = limiter.window; count > 0; count -= 1) turns.push(await limiter.take(1000, signal));
  return turns;
}

describe("a model's limiter", () => {
  test("lets one more request go after each round of answers", async () => {
    const { limiter } = limiterAt();
    const seen = [limiter.window];
    for (let round = 0; round < 4; round += 1) {
      for (const end of await fill(limiter)) end(ANSWERED);
      seen.push(limiter.window);
    }
    // A round's later answers add a little less, so that a whole one takes a round and a bit.
    assert.equal(seen[0], 4);
    for (const [index, size] of seen.entries())
      if (index > 0) assert.ok(size - (seen[index - 1] ?? 0) <= 1, seen.join());
    assert.ok((seen.at(-1) ?? 0) >= 7, seen.join());
  });

  test("lets half as many go after a 429, once for a whole round that is refused, and one at least", async () => {
    const { clock, limiter } = limiterAt();
    const round = await fill(limiter);
    clock.now = 10;
    for (const end of round) end({ kind: "limited", retryAfterMs: 0 });
    assert.equal(limiter.window, 2);
    for (let time = 20; time < 60; time += 10) {
      const end = await limiter.take(1000, signal);
      clock.now = time;
      end({ kind: "limited", retryAfterMs: 0 });
    }
    assert.equal(limiter.window, 1);
    assert.equal(limiter.inFlight, 0);
  });

  test("lets nothing go for as long as the server asks for, then all that wait, in their order", async () => {
    const limiter = new ModelLimiter();
    (await limiter.take(8, signal))({ kind: "limited", retryAfterMs: 100 });
    const from = performance.now();
    const order: number[] = [];
    const waits = [1, 2, 3].map(async (name) => {
      const end = await limiter.take(8, signal);
      order.push(name);
      assert.ok(performance.now() - from >= 95, "it went before its time");
      end(ANSWERED);
    });
    await Promise.all(waits);
    assert.deepEqual(order, [1, 2, 3]);
  });

  test("waits longer after each 429 in a row that does not say how long", async () => {
    const clock = { now: 0 };
    const limiter = new ModelLimiter(() => clock.now);
    const pauses: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      const end = await limiter.take(8, signal);
      end({ kind: "limited", retryAfterMs: null });
      let waited = 0;
      for (let free = false; !free; ) {
        const controller = new AbortController();
        waited += 50;
        clock.now += 50;
        const turn = limiter.take(8, controller.signal);
        free = await Promise.race([
          turn.then(() => true),
          new Promise<false>((resolve) => setImmediate(resolve, false)),
        ]);
        if (free) (await turn)({ kind: "other" });
        else {
          turn.catch(() => undefined);
          // Asked anew: the timer of this one stands on another clock.
          controller.abort();
        }
      }
      pauses.push(waited);
    }
    for (const [index, pause] of pauses.entries()) {
      const full = 500 * 2 ** index;
      assert.ok(pause >= full / 2 - 50 && pause <= full + 50, pauses.join());
    }
  });

  test("takes no more than the config allows, and forgets one that is given up while it waits", async () => {
    const { limiter } = limiterAt();
    const end = await limiter.take(1, signal);
    const controller = new AbortController();
    const given = limiter.take(1, controller.signal);
    const next = limiter.take(1, signal);
    controller.abort(new Error("given up"));
    await assert.rejects(given, /given up/);
    assert.equal(limiter.inFlight, 1);
    end(ANSWERED);
    (await next)(ANSWERED);
    assert.equal(limiter.inFlight, 0);
  });
});
