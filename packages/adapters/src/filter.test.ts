import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { filter } from "./filter.ts";
import { failure, problems, run } from "./testing/run-adapter.ts";

describe("filter", () => {
  test("passes on what `when` is true for, as it is, and drops the rest", async () => {
    assert.deepEqual(await run(filter, { when: "n > 1" }, { n: 2, other: "é" }), [{ n: 2, other: "é" }]);
    assert.deepEqual(await run(filter, { when: "n > 1" }, { n: 1 }), []);
  });

  test("takes nothing, null, 0, empty text, lists and objects for false", async () => {
    for (const value of [null, 0, "", [], {}, false, [0, ""], undefined])
      assert.deepEqual(await run(filter, { when: "value" }, value === undefined ? {} : { value }), [], String(value));
    for (const value of [1, -1, "0", "false", [0, 1], { a: 0 }])
      assert.equal((await run(filter, { when: "value" }, { value })).length, 1, JSON.stringify(value));
  });

  test("an expression that cannot be evaluated fails without another try, and is shown", async () => {
    const { code, message } = await failure(filter, { when: "$number(text) > 1" }, { text: "many" });
    assert.equal(code, "EXPRESSION_FAILED");
    assert.match(message, /\$number\(text\) > 1/);
  });

  test("must be given an expression", () => {
    for (const config of [{}, { when: "" }, { when: true }]) assert.equal(problems(filter, config).length, 1);
  });
});
