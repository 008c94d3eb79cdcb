import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AdapterError, type AnyAdapter, defineAdapter, type Message } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import { z } from "zod";
import { define, Rig } from "../../../test/support/engine-rig.ts";
import { dedupe } from "./dedupe.ts";
import { failure, problems, run } from "./testing/run-adapter.ts";

/** One step that payloads go through as messages of their own; says which of them go on. */
function step(config: JsonObject) {
  const prepared = dedupe.prepare?.(dedupe.config.parse(config));
  let count = 0;
  return {
    pass: async (payload: JsonObject, id = `message ${count++}`, piece = 0) =>
      (await run(dedupe, config, payload, { prepared, id, piece })).length === 1,
    fail: async (payload: JsonObject, id: string) => (await failure(dedupe, config, payload, { prepared, id })).code,
  };
}

const made = (type: string, process: (message: Message) => JsonObject | JsonObject[] | undefined | Promise<never>) =>
  defineAdapter({ type, description: type, config: z.any(), process }) as AnyAdapter;

describe("dedupe", () => {
  test("passes on the first of each key, and drops the others", async () => {
    const { pass } = step({ key: "${url}" });
    assert.deepEqual(
      [await pass({ url: "/a", n: 1 }), await pass({ url: "/b" }), await pass({ url: "/a", n: 2 })],
      [true, true, false],
    );
  });

  test("compares whole payloads where there is no key, whatever the order of their fields", async () => {
    const { pass } = step({});
    assert.equal(await pass({ a: 1, b: { c: [1, 2], d: null } }), true);
    assert.equal(await pass({ b: { d: null, c: [1, 2] }, a: 1 }), false);
    for (const other of [
      { a: 1, b: { c: [2, 1], d: null } },
      { a: "1", b: { c: [1, 2], d: null } },
      { a: 1, b: { c: [1, 2] } },
    ])
      assert.equal(await pass(other), true, JSON.stringify(other));
  });

  test("passes on the same message again on another attempt, and drops its second payload of the same key", async () => {
    const { pass } = step({ key: "${k}" });
    assert.equal(await pass({ k: 1 }, "m", 0), true);
    assert.equal(await pass({ k: 1 }, "m", 1), false);
    assert.equal(await pass({ k: 1 }, "m", 0), true);
    assert.equal(await pass({ k: 1 }, "n", 0), false);
  });

  test("remembers max_keys: then a new one fails without another try, or the oldest is forgotten", async () => {
    const full = step({ key: "${k}", max_keys: 2 });
    for (const k of [1, 2]) assert.equal(await full.pass({ k }), true);
    assert.equal(await full.fail({ k: 3 }, "c"), "DEDUPE_FULL");
    assert.equal(await full.pass({ k: 1 }), false, "known keys are still known");
    const forgets = step({ key: "${k}", max_keys: 2, when_full: "forget" });
    for (const k of [1, 2, 3]) assert.equal(await forgets.pass({ k }), true);
    assert.deepEqual([await forgets.pass({ k: 3 }), await forgets.pass({ k: 1 })], [false, true]);
  });

  test("near drops a text that is much like one before, and passes on one that is not", async () => {
    const { pass } = step({ mode: "near", key: "${text}" });
    const words = Array.from({ length: 200 }, (_, index) => `word${index}`);
    const text = words.join(" ");
    assert.equal(await pass({ text }), true);
    assert.equal(await pass({ text: `${text.toUpperCase()}!` }), false, "case and punctuation do not count");
    assert.equal(await pass({ text: text.replace("word77", "other") }), false);
    assert.equal(await pass({ text: words.slice(100).concat(words.slice(0, 40)).join(" ") }), true, "a part of it");
    assert.equal(await pass({ text: words.map((word) => `${word}x`).join(" ") }), true);
    assert.equal(await pass({ text: "!!!" }), true, "without words it is compared exactly");
    assert.equal(await pass({ text: "???" }), true);
    assert.equal(await pass({ text: "???" }), false);
  });

  test("near passes on the same message again, and forgets the oldest text when it is to", async () => {
    const { pass } = step({ mode: "near", key: "${text}", max_keys: 2, when_full: "forget" });
    const text = (name: string) => Array.from({ length: 50 }, (_, index) => `${name}${index}`).join(" ");
    assert.equal(await pass({ text: text("a") }, "m"), true);
    assert.equal(await pass({ text: text("a") }, "m"), true);
    assert.equal(await pass({ text: `${text("a")} more` }, "n"), false);
    assert.deepEqual([await pass({ text: text("b") }), await pass({ text: text("c") })], [true, true]);
    assert.equal(await pass({ text: `${text("a")} more` }, "n"), true);
  });

  test("refuses a config that cannot work, and a key that selects nothing fails without another try", async () => {
    for (const config of [{ key: "" }, { max_keys: 0 }, { when_full: "drop" }, { keys: "x" }])
      assert.equal(problems(dedupe, config).length, 1, JSON.stringify(config));
    assert.equal((await failure(dedupe, { key: "${no}" })).code, "EXPRESSION_FAILED");
  });

  test("a message that failed after it goes on when it is tried again", async () => {
    await using rig = new Rig();
    const seen: unknown[] = [];
    const { status } = await rig.complete(
      define({
        make: { steps: [{ adapter: made("make", () => [{ k: 1 }, { k: 2 }, { k: 1 }]) }], outbound: ["once"] },
        once: {
          steps: [
            { adapter: dedupe, config: dedupe.config.parse({ key: "${k}" }) },
            {
              adapter: made("flaky", ({ payload, attempt }) => {
                if (attempt === 1) throw new AdapterError("FLAKY", "Not yet.");
                seen.push(payload.k);
                return undefined;
              }),
            },
          ],
        },
      }),
    );
    assert.equal(status, "completed");
    assert.deepEqual(seen.sort(), [1, 2]);
  });

  test("a message that was in flight when the process died goes on after the restart", async () => {
    await using rig = new Rig();
    const reached = Promise.withResolvers<void>();
    const seen: unknown[] = [];
    let hold = true;
    const id = await rig.run(
      define({
        make: { steps: [{ adapter: made("make", () => [{ k: 1 }, { k: 1 }, { k: 2 }]) }], outbound: ["once"] },
        once: {
          concurrency: 3,
          steps: [
            { adapter: dedupe, config: dedupe.config.parse({ key: "${k}" }) },
            {
              adapter: made("holds", ({ payload }) => {
                if (hold) {
                  if (payload.k === 2) reached.resolve();
                  return new Promise<never>(() => undefined);
                }
                seen.push(payload.k);
                return undefined;
              }),
            },
          ],
        },
      }),
    );
    await reached.promise;
    hold = false;
    await rig.die();
    assert.ok(await rig.engine.wait(id, 60_000));
    assert.equal(await rig.status(id), "completed");
    assert.deepEqual(seen.sort(), [1, 2]);
  });
});
