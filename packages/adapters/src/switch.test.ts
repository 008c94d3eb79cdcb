import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Routed } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import { switchAdapter } from "./switch.ts";
import { failure, problems, stream } from "./testing/run-adapter.ts";

const cases = [
  { when: "n > 10", to: "large" },
  { when: "n > 1", to: "small" },
];

/** The routes that a message goes to, with what goes there. */
async function routes(config: unknown, payload: JsonObject): Promise<[string, JsonObject][]> {
  const emits = await Array.fromAsync(stream(switchAdapter, config, payload));
  return emits.map((emit) => {
    assert.ok(emit instanceof Routed);
    return [emit.route, emit.payload];
  });
}

describe("switch", () => {
  test("sends a message as it is to the first route that matches, and to no other", async () => {
    assert.deepEqual(await routes({ cases, default: "rest" }, { n: 11 }), [["large", { n: 11 }]]);
    assert.deepEqual(await routes({ cases, default: "rest" }, { n: 2, é: 1 }), [["small", { n: 2, é: 1 }]]);
  });

  test("sends what matches no case to the default", async () => {
    assert.deepEqual(await routes({ cases, default: "rest" }, { n: 0 }), [["rest", { n: 0 }]]);
    assert.deepEqual(await routes({ cases, default: "rest" }, {}), [["rest", {}]]);
  });

  test("without a default, what matches no case ends here", async () => {
    assert.deepEqual(await routes({ cases }, { n: 0 }), []);
  });

  test("names its routes, with their places, so that a wrong one is found before anything runs", () => {
    const config = switchAdapter.config.parse({ cases, default: "rest" });
    assert.deepEqual(switchAdapter.references?.(config).routes, [
      { route: "large", path: ["cases", 0, "to"] },
      { route: "small", path: ["cases", 1, "to"] },
      { route: "rest", path: ["default"] },
    ]);
    assert.equal(switchAdapter.references?.(switchAdapter.config.parse({ cases })).routes?.length, 2);
  });

  test("an expression that cannot be evaluated fails without another try, not to the default", async () => {
    const config = { cases: [{ when: "$number(n)", to: "a" }], default: "rest" };
    assert.equal((await failure(switchAdapter, config, { n: "many" })).code, "EXPRESSION_FAILED");
  });

  test("must have a case, and each a condition and a route", () => {
    for (const config of [
      {},
      { cases: [] },
      { cases: [{ to: "a" }] },
      { cases: [{ when: "a" }] },
      { cases, default: "" },
    ])
      assert.equal(problems(switchAdapter, config).length, 1, JSON.stringify(config));
  });
});
