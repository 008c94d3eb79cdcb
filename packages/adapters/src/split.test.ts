import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { JsonObject } from "@millrace/protocol";
import { split } from "./split.ts";
import { failure, problems, run, stream } from "./testing/run-adapter.ts";

describe("split", () => {
  test("emits an object as it is and anything else as a value, each with its index", async () => {
    assert.deepEqual(await run(split, { field: "a" }, { a: [{ x: 1, index: "own" }, 2, null, "é", [3]], b: 1 }), [
      { x: 1, index: 0 },
      { value: 2, index: 1 },
      { value: null, index: 2 },
      { value: "é", index: 3 },
      { value: [3], index: 4 },
    ]);
  });

  test("of an empty list makes nothing", async () => {
    assert.deepEqual(await run(split, { field: "a" }, { a: [] }), []);
  });

  test("reaches into objects by a dotted path, unless a field has that very name", async () => {
    const payload = { a: { b: [1], list: [{ c: [2] }] }, "a.b": [3] };
    const values = async (field: string) => (await run(split, { field }, payload)).map(({ value }) => value);
    assert.deepEqual(await values("a.b"), [3]);
    assert.deepEqual(await values("a.list.0.c"), [2]);
  });

  test("what is no list, or not there, fails without another try and is named", async () => {
    const payload: JsonObject = { text: "abc", object: { 0: 1, length: 1 }, null: null, number: 1, list: [1] };
    for (const field of ["text", "object", "null", "number"]) {
      const { code, message } = await failure(split, { field }, payload);
      assert.deepEqual([code, message], ["NOT_AN_ARRAY", `The field "${field}" is not an array.`]);
    }
    for (const field of ["none", "text.length", "none.deeper", "constructor", "__proto__", "."]) {
      const { code, message } = await failure(split, { field }, payload);
      assert.deepEqual([code, message], ["NOT_AN_ARRAY", `The field "${field}" is missing.`], field);
    }
    assert.match((await failure(split, { field: "none" }, {})).message, /"none" is missing/);
    assert.equal(problems(split, { field: "" }).length, 1);
  });

  test("makes a message only when it is asked for", async () => {
    const messages = stream(split, { field: "a" }, { a: Array.from({ length: 1_000_000 }, () => 0) });
    assert.deepEqual((await messages.next()).value, { value: 0, index: 0 });
    await messages.return();
  });
});
