import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { jsonTransform } from "./json-transform.ts";
import { failure, problems, run } from "./testing/run-adapter.ts";

const transform = (expression: string, payload = {}) => run(jsonTransform, { expression }, payload);

describe("json_transform", () => {
  test("replaces the payload by the expression's value", async () => {
    const found = await transform('{ "name": $uppercase(name), "long": $length(name) > 3 }', { name: "Zoë", other: 1 });
    assert.deepEqual(found, [{ name: "ZOË", long: false }]);
  });

  test("gives one message for each element of a list, and none for an empty one or for nothing", async () => {
    assert.deepEqual(await transform("items", { items: [{ a: 1 }, 2, null, [3]] }), [
      { a: 1 },
      { value: 2 },
      { value: null },
      { value: [3] },
    ]);
    assert.deepEqual(await transform("items.a", { items: [{ a: 1 }, { a: 2 }] }), [{ value: 1 }, { value: 2 }]);
    assert.deepEqual(await transform("items", { items: [] }), []);
    assert.deepEqual(await transform("nothing"), []);
  });

  test("makes an object of a value that is none", async () => {
    for (const value of [0, "", false, null, "text"]) assert.deepEqual(await transform("v", { v: value }), [{ value }]);
  });

  test("does not share what it makes with the message that it came from", async () => {
    const inner = { a: 1 };
    const [found] = await transform("inner", { inner });
    assert.notEqual(found, inner);
  });

  test("an expression that cannot be evaluated fails without another try", async () => {
    assert.equal((await failure(jsonTransform, { expression: "$sum(a)" }, { a: "x" })).code, "EXPRESSION_FAILED");
    assert.deepEqual(problems(jsonTransform, { expression: "" }).length, 1);
  });
});
