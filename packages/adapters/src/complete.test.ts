import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { JsonObject, Usage } from "@millrace/protocol";
import { complete as makeComplete } from "./complete.ts";
import { adapterEnvironment, NO_GRANTS } from "./environment.ts";
import { FakeModel } from "./testing/fake-model.ts";
import { localEnvironment } from "./testing/local-environment.ts";
import { memoryCache } from "./testing/memory-cache.ts";
import { failure, problems, runOne } from "./testing/run-adapter.ts";

const complete = makeComplete(localEnvironment());

const configOf = (model: FakeModel, more: JsonObject = {}) => ({
  base_url: model.url,
  model: "test-chat",
  prompt: "Sum up: ${text}",
  ...more,
});

const SCHEMA = {
  type: "object",
  properties: { kind: { enum: ["question", "praise"] }, urgency: { type: "integer", minimum: 1, maximum: 5 } },
  required: ["kind", "urgency"],
  additionalProperties: false,
} satisfies JsonObject;

const whole = (message: JsonObject, reason: string) => ({ choices: [{ message, finish_reason: reason }] });

describe("complete", () => {
  test("asks no server of this machine that the service's operator has not allowed", async () => {
    await using model = await FakeModel.start();
    const strict = makeComplete(adapterEnvironment(NO_GRANTS));
    const failed = await failure(strict, configOf(model), { text: "x" });
    assert.equal(failed.code, "HTTP_ADDRESS_REFUSED");
    assert.match(failed.message, /127\.0\.0\.1 is no public address\. .*http_allow_hosts/);
    assert.equal(model.requests.length, 0);
  });

  test("stops at once when it is told to", async () => {
    await using model = await FakeModel.start({ fault: () => true });
    const controller = new AbortController();
    const running = runOne(complete, configOf(model), { text: "x" }, { signal: controller.signal });
    running.catch(() => undefined);
    while (model.requests.length < 1) await new Promise((resolve) => setImmediate(resolve));
    controller.abort(new DOMException("The execution was stopped.", "AbortError"));
    await assert.rejects(running, { name: "AbortError" });
    while (model.inFlight > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  test("asks what the prompt makes of the message, and adds the answer", async () => {
    await using model = await FakeModel.start({ answer: () => "Short." });
    const usage: Partial<Usage>[] = [];
    const config = configOf(model, {
      system: "You are ${who}.",
      max_tokens: 50,
      temperature: 0.5,
      price_per_million_tokens: { input: 1000, output: 10_000 },
    });
    const payload = { text: "A long one.", who: "brief" };
    assert.deepEqual(await runOne(complete, config, payload, { usage }), { ...payload, completion: "Short." });
    assert.deepEqual(model.requests[0]?.body, {
      model: "test-chat",
      messages: [
        { role: "system", content: "You are brief." },
        { role: "user", content: "Sum up: A long one." },
      ],
      max_tokens: 50,
      temperature: 0.5,
    });
    assert.equal(model.requests[0]?.path, "/v1/chat/completions");
    assert.deepEqual(usage, [{ requests: 1, input_tokens: 12, output_tokens: 3, cost: 0.042 }]);
  });

  test("with a schema the answer is JSON that fits it, also out of a code block, and the server is told", async () => {
    const answers = ['{"kind": "praise", "urgency": 2}', '```json\n{"kind": "praise", "urgency": 2}\n```'];
    for (const answer of answers) {
      await using model = await FakeModel.start({ answer: () => answer });
      const { label } = await runOne(complete, configOf(model, { schema: SCHEMA, field: "label" }), { text: "x" });
      assert.deepEqual(label, { kind: "praise", urgency: 2 });
      assert.deepEqual(model.requests[0]?.body.response_format, {
        type: "json_schema",
        json_schema: { name: "answer", schema: SCHEMA },
      });
    }
  });

  test("an answer that does not fit is sent back once with what is wrong, and the second counts", async () => {
    await using model = await FakeModel.start({
      answer: (_body, count) => (count === 1 ? '{"kind": "praise", "urgency": 9}' : '{"kind": "praise", "urgency": 5}'),
    });
    const usage: Partial<Usage>[] = [];
    const { completion } = await runOne(complete, configOf(model, { schema: SCHEMA }), { text: "x" }, { usage });
    assert.deepEqual(completion, { kind: "praise", urgency: 5 });
    const messages = model.requests[1]?.body.messages;
    assert.ok(Array.isArray(messages) && messages.length === 3);
    assert.match(JSON.stringify(messages[2]), /\/urgency must be <= 5/);
    assert.equal(usage.length, 2, "both are paid for");
  });

  test("an answer that is mended into another that does not fit fails, to be retried", async () => {
    await using model = await FakeModel.start({ answer: () => "I would rather not." });
    const failed = await failure(complete, configOf(model, { schema: SCHEMA }), { text: "x" });
    assert.equal(failed.code, "OUTPUT_INVALID, retryable");
    assert.match(failed.message, /it is no JSON/);
    assert.equal(model.requests.length, 2);
  });

  test("an answer that was cut, refused or none at all says so", async () => {
    const cases: [unknown, string][] = [
      [whole({ content: "and then" }, "length"), "COMPLETION_CUT"],
      [whole({ content: "" }, "content_filter"), "COMPLETION_REFUSED"],
      [whole({ content: null, refusal: "No." }, "stop"), "COMPLETION_REFUSED"],
      [{ choices: [] }, "MODEL_ANSWER_INVALID, retryable"],
      [{ choices: [{}] }, "MODEL_ANSWER_INVALID, retryable"],
    ];
    for (const [answer, code] of cases) {
      await using model = await FakeModel.start({ answer: () => answer });
      assert.equal((await failure(complete, configOf(model), { text: "x" })).code, code, JSON.stringify(answer));
    }
  });

  test("the same question is asked once, over all runs, unless the cache is off or a word of it differs", async () => {
    await using model = await FakeModel.start({ answer: (_body, count) => `Answer ${count}.` });
    const cache = memoryCache();
    const usage: Partial<Usage>[] = [];
    const ask = async (more: JsonObject = {}, text = "x") =>
      (await runOne(complete, configOf(model, more), { text }, { cache, usage })).completion;
    assert.deepEqual(
      [await ask(), await ask(), await ask({ field: "completion" })],
      ["Answer 1.", "Answer 1.", "Answer 1."],
    );
    assert.deepEqual(
      usage.map(({ cached = 0 }) => cached),
      [0, 1, 1],
    );
    assert.equal(await ask({}, "y"), "Answer 2.");
    assert.equal(await ask({ temperature: 1 }), "Answer 3.");
    assert.equal(await ask({ model: "other" }), "Answer 4.");
    assert.equal(await ask({ cache: false }), "Answer 5.");
  });

  test("what is kept is checked against the schema as it is now", async () => {
    await using model = await FakeModel.start({ answer: () => '{"kind": "praise", "urgency": 2}' });
    const cache = memoryCache();
    await runOne(complete, configOf(model, { schema: SCHEMA }), { text: "x" }, { cache });
    for (const key of cache.entries.keys()) cache.entries.set(key, Buffer.from('{"kind": "other"}'));
    const { completion } = await runOne(complete, configOf(model, { schema: SCHEMA }), { text: "x" }, { cache });
    assert.deepEqual(completion, { kind: "praise", urgency: 2 });
    assert.equal(model.requests.length, 2);
  });

  test("fields of the request can be added, replaced and taken out", async () => {
    await using model = await FakeModel.start();
    const options = { max_tokens: null, max_completion_tokens: 70, seed: 1 };
    await runOne(complete, configOf(model, { options, schema: {}, response_format: "none" }), { text: "1" }).catch(
      () => undefined,
    );
    const body = model.requests[0]?.body;
    assert.deepEqual(
      [body?.max_completion_tokens, body?.seed, body && "max_tokens" in body, body && "response_format" in body],
      [70, 1, false, false],
    );
  });

  test("a prompt that is too long, or selects nothing, is not sent; a schema that is none refuses the start", async () => {
    await using model = await FakeModel.start();
    const long = await failure(complete, configOf(model, { max_prompt_characters: 20 }), { text: "x".repeat(30) });
    assert.equal(long.code, "PROMPT_TOO_LARGE");
    assert.equal((await failure(complete, configOf(model), {})).code, "EXPRESSION_FAILED");
    assert.equal(model.requests.length, 0);
    const wrong = complete.config.parse(configOf(model, { schema: { type: "sandwich" } }));
    assert.throws(() => complete.prepare?.(wrong), /schema is no JSON Schema/);
    assert.equal(problems(complete, { model: "m" }).length, 1);
  });
});
