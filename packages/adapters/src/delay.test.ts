import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { delay } from "./delay.ts";
import { problems, run, runOne } from "./testing/run-adapter.ts";

describe("delay", () => {
  test("waits, and passes the message on as it is", async () => {
    const started = performance.now();
    assert.deepEqual(await runOne(delay, { seconds: 0.05 }, { a: [1] }), { a: [1] });
    // A timer may be early by less than a millisecond.
    assert.ok(performance.now() - started >= 49);
  });

  test("of no time passes the message on", async () => {
    assert.deepEqual(await runOne(delay, { seconds: 0 }, { a: 1 }), { a: 1 });
  });

  test("ends at once on cancel, also one that came before", { timeout: 60_000 }, async () => {
    const control = new AbortController();
    const waiting = run(delay, { seconds: 86_400 }, {}, { signal: control.signal });
    setImmediate(() => control.abort());
    await assert.rejects(waiting, { name: "AbortError" });
    await assert.rejects(run(delay, { seconds: 86_400 }, {}, { signal: control.signal }), { name: "AbortError" });
  });

  test("takes a time of none to a day, and must be given one", () => {
    for (const config of [{}, { seconds: -1 }, { seconds: 86_401 }, { seconds: "1" }, { seconds: Number.NaN }])
      assert.equal(problems(delay, config).length, 1, JSON.stringify(config));
    assert.deepEqual(problems(delay, { seconds: 86_400 }), []);
  });
});
