import assert from "node:assert/strict";
import { test } from "node:test";
import { HeadTimes } from "./head-times.ts";

test("it is known when what follows a position was committed, to a quarter of a second", () => {
  const times = new HeadTimes();
  assert.equal(times.after(0), null);
  for (let index = 0; index < 100; index += 1) times.note(index * 10, index * 1_000);
  assert.equal(times.after(-1), null, "before what is known");
  assert.equal(times.after(500), 51_000);
  assert.equal(times.after(505), 51_000);
  assert.equal(times.after(10_000), 99_000, "at the edge");
  times.note(1_000, 99_100);
  assert.equal(times.after(995), 99_000, "too soon to be noted by itself");
});

test("what is longer ago than it keeps is not known any more", () => {
  const times = new HeadTimes();
  for (let index = 0; index < 3_000; index += 1) times.note(index, index * 1_000);
  assert.equal(times.after(599), null);
  assert.equal(times.after(600), 601_000);
  assert.equal(times.after(2_998), 2_999_000);
  assert.equal(times.after(5_000), 2_999_000);
});
