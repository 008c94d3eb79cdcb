import assert from "node:assert/strict";
import { test } from "node:test";
import { nextTurn } from "./turn.ts";
import { Turnstile } from "./turnstile.ts";

test("so many pass in a turn, in the order in which they came, and nobody is left waiting", async () => {
  const turnstile = new Turnstile(3);
  const passed: number[] = [];
  const pass = async (who: number) => {
    await turnstile.pass();
    passed.push(who);
  };
  const all: Promise<void>[] = [];
  for (let who = 0; who < 8; who += 1) all.push(pass(who));
  for (let turn = 1; turn < 6; turn += 1) {
    await nextTurn();
    assert.ok(passed.length <= 3 * (turn + 1), `${passed.length} in ${turn} turns`);
    // Who comes later goes behind those that wait.
    if (turn === 1) all.push(pass(8), pass(9));
  }
  await Promise.all(all);
  assert.deepEqual(passed, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("after a rest the first to come pass at once", async () => {
  const turnstile = new Turnstile(2);
  await Promise.all([turnstile.pass(), turnstile.pass(), turnstile.pass()]);
  await nextTurn();
  await nextTurn();
  let passed = false;
  turnstile.pass().then(() => {
    passed = true;
  });
  await Promise.resolve();
  await Promise.resolve();
  assert.ok(passed);
});
