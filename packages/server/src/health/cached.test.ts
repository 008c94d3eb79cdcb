import assert from "node:assert/strict";
import { test } from "node:test";
import { Cached } from "./cached.ts";

test("however many ask, it is looked once, and again only when the answer is old", async () => {
  let looks = 0;
  const look = () => Promise.resolve(++looks);
  const kept = new Cached(look, { keepMs: 3_600_000, patienceMs: 60_000 });
  const answers = await Promise.all([kept.read(), kept.read(), kept.read()]);
  assert.deepEqual(answers, Array(3).fill({ value: 1, fault: null }));
  assert.deepEqual(await kept.read(), { value: 1, fault: null });
  const fresh = new Cached(look, { keepMs: 0, patienceMs: 60_000 });
  assert.deepEqual([(await fresh.read()).value, (await fresh.read()).value], [2, 3]);
});

test("a look that fails, or does not come back, is a fault in words; one that comes late counts for whoever asks then", async () => {
  const failing = new Cached(() => Promise.reject(new Error("connect ECONNREFUSED")), {
    keepMs: 0,
    patienceMs: 60_000,
  });
  assert.deepEqual(await failing.read(), { value: null, fault: "connect ECONNREFUSED" });
  const { promise, resolve } = Promise.withResolvers<string>();
  const slow = new Cached(() => promise, { keepMs: 3_600_000, patienceMs: 1 });
  assert.deepEqual(await slow.read(), { value: null, fault: "no answer within 0.001 s" });
  resolve("there");
  await promise;
  assert.deepEqual(await slow.read(), { value: "there", fault: null });
});

test("who asks while a look takes too long already is told so at once, and does not begin to wait anew", async () => {
  let finish: (value: string) => void = () => {};
  const slow = new Cached(
    () =>
      new Promise<string>((resolve) => {
        finish = resolve;
      }),
    { keepMs: 3_600_000, patienceMs: 300 },
  );
  await slow.read();
  const answers: string[] = [];
  await Promise.race([
    slow.read().then(({ fault }) => answers.push(fault ?? "none")),
    // As long as the first one has waited, less a little.
    new Promise((resolve) => setTimeout(resolve, 250)),
  ]);
  assert.deepEqual(answers, ["no answer within 0.3 s"]);
  finish("there");
});
