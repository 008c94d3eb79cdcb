import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { generate } from "./generate.ts";
import { problems, run, stream } from "./testing/run-adapter.ts";

describe("generate", () => {
  test("emits so many messages, each with its index", async () => {
    assert.deepEqual(await run(generate, { count: 3 }), [{ index: 0 }, { index: 1 }, { index: 2 }]);
    assert.deepEqual(await run(generate, { count: 0 }), []);
  });

  test("adds the payload, whose own index does not count, and begins at `start`", async () => {
    const config = { count: 2, start: -1, payload: { a: "é", index: "mine" } };
    assert.deepEqual(await run(generate, config, { given: true }), [
      { a: "é", index: -1 },
      { a: "é", index: 0 },
    ]);
  });

  test("makes a message only when it is asked for, so that a thousand million take no memory", async () => {
    const messages = stream(generate, { count: 1_000_000_000 }, {});
    assert.deepEqual((await messages.next()).value, { index: 0 });
    assert.deepEqual((await messages.next()).value, { index: 1 });
    await messages.return();
  });

  test("takes a whole count of none to a thousand million, and an object", () => {
    for (const config of [{}, { count: -1 }, { count: 1.5 }, { count: 1_000_000_001 }, { count: "3" }])
      assert.equal(problems(generate, config).length, 1, JSON.stringify(config));
    for (const payload of [[], "text", null]) assert.equal(problems(generate, { count: 1, payload }).length, 1);
  });
});
