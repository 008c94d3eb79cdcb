import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRange } from "./byte-range.ts";

test("a range is what RFC 9110 says it is: from the front, from the back, and never beyond the object", () => {
  const cases: readonly (readonly [header: string, size: number, expected: readonly [number, number]])[] = [
    ["bytes=0-0", 10, [0, 0]],
    ["bytes=0-9", 10, [0, 9]],
    ["bytes=2-", 10, [2, 9]],
    ["bytes=9-9", 10, [9, 9]],
    ["bytes=2-99999999999999999999999999", 10, [2, 9]],
    ["bytes=-1", 10, [9, 9]],
    ["bytes=-10", 10, [0, 9]],
    ["bytes=-11", 10, [0, 9]],
    ["bytes=-99999999999999999999999999", 10, [0, 9]],
    ["Bytes= 1-2", 10, [1, 2]],
    ["bytes=,1-2,", 10, [1, 2]],
  ];
  for (const [header, size, [start, end]] of cases) assert.deepEqual(parseRange(header, size), { start, end }, header);
});

test("a range without a byte of the object is refused", () => {
  for (const [header, size] of [
    ["bytes=10-", 10],
    ["bytes=10-20", 10],
    ["bytes=99999999999999999999999999-", 10],
    ["bytes=-0", 10],
    ["bytes=0-", 0],
    ["bytes=-5", 0],
    ["bytes=20-30,40-", 10],
  ] as const) {
    assert.equal(parseRange(header, size), "unsatisfiable", header);
  }
});

test("a range that is malformed, in another unit, or one of several, is answered with the whole", () => {
  for (const header of [
    "bytes=5-2",
    "bytes=-",
    "bytes=",
    "bytes",
    "bytes=a-b",
    "bytes=1-2x",
    "bytes=1.5-2",
    "bytes=+1-2",
    "bytes=1-2-3",
    "bytes=--1",
    "bytes=0x1-2",
    "items=0-1",
    "",
    "bytes=0-1,3-4",
    "bytes=0-1,20-",
    "bytes=0-1,x",
    `bytes=${"0-1,".repeat(10_000)}`,
  ]) {
    assert.equal(parseRange(header, 10), null, header.slice(0, 30));
  }
});
