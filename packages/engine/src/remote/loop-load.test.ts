import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../../../../test/support/eventually.ts";
import { LoopLoad } from "./loop-load.ts";

test("a process that does nothing but compute is under load, and one that waits is not", async () => {
  const load = new LoopLoad();
  await eventually(() => {
    const until = performance.now() + 300;
    while (performance.now() < until);
    assert.equal(load.isLoaded, true);
  });
  await eventually(() => assert.equal(load.isLoaded, false));
});
