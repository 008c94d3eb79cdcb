import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { JsonObject, Usage } from "@millrace/protocol";
import { define, Rig } from "../../../test/support/engine-rig.ts";
import { embed as makeEmbed } from "./embed.ts";
import { adapterEnvironment, NO_GRANTS } from "./environment.ts";
import { generate } from "./generate.ts";
import { answerError, FakeModel, vectorOf } from "./testing/fake-model.ts";
import { localEnvironment } from "./testing/local-environment.ts";
import { memoryCache } from "./testing/memory-cache.ts";
import { failure, problems, type RunOptions, run, stream } from "./testing/run-adapter.ts";

const CANARY = "sk-canary-7f3a91d2";
process.env.TEST_MODEL_KEY = CANARY;

const items = (...texts: unknown[]) => ({ items: texts.map((text) => ({ text })) }) as JsonObject;

const embed = makeEmbed(localEnvironment());

const configOf = (model: FakeModel, more: JsonObject = {}) => ({
  base_url: model.url,
  model: "test-embed",
  api_key_env: "TEST_MODEL_KEY",
  max_wait_seconds: 2,
  ...more,
});

describe("embed", () => {
  test("adds each text's vector, in the texts' order, whatever order the server answers in", async () => {
    await using model = await FakeModel.start();
    const texts = ["one fish", "two fish", "red fish"];
    const emitted = await run(embed, configOf(model), items(...texts));
    assert.deepEqual(
      emitted,
      texts.map((text) => ({ text, vector: vectorOf(text, 8) })),
    );
    assert.equal(model.requests.length, 1);
    const [request] = model.requests;
    assert.deepEqual(request?.body, { model: "test-embed", input: texts, encoding_format: "float" });
    assert.equal(request?.path, "/v1/embeddings");
    assert.equal(request?.headers.authorization, `Bearer ${CANARY}`);
  });

  test("takes the field, the prefix, the dimensions and the vector's field from its config", async () => {
    await using model = await FakeModel.start();
    const config = configOf(model, { field: "body", prefix: "passage: ", dimensions: 4, vector_field: "v" });
    const [emitted] = await run(embed, config, { items: [{ body: "a b", kept: 1 }] });
    assert.deepEqual(emitted, { body: "a b", kept: 1, v: vectorOf("passage: a b", 4) });
    assert.equal(model.requests[0]?.body.dimensions, 4);
  });

  test("counts tokens and costs, asks once for a text that comes twice, and splits what is too much for one request", async () => {
    await using model = await FakeModel.start();
    const usage: Partial<Usage>[] = [];
    const config = configOf(model, { max_request_characters: 10, price_per_million_tokens: { input: 1000 } });
    const emitted = await run(embed, config, items("aaaa bb", "cccc dd", "aaaa bb", "e"), { usage });
    assert.equal(emitted.length, 4);
    assert.deepEqual(model.requests.map(({ body }) => body.input).sort(), [["aaaa bb"], ["cccc dd", "e"]]);
    const sum = (name: keyof Usage) => usage.reduce((total, used) => total + (used[name] ?? 0), 0);
    assert.deepEqual([sum("requests"), sum("input_tokens"), sum("cost")], [2, 5, 0.005]);
  });

  test("asks for no text again that the cache has, whichever run it was of, unless the cache is off", async () => {
    await using model = await FakeModel.start();
    const cache = memoryCache();
    const usage: Partial<Usage>[] = [];
    const first = await run(embed, configOf(model), items("a third 0.1", "b"), { cache });
    const again = await run(embed, configOf(model), items("b", "a third 0.1", "c"), { cache, usage });
    assert.deepEqual([again[0], again[1]], [first[1], first[0]]);
    assert.deepEqual(
      model.requests.map(({ body }) => body.input),
      [["a third 0.1", "b"], ["c"]],
    );
    assert.equal(usage[0]?.cached, 2);
    await run(embed, configOf(model, { model: "other" }), items("b"), { cache });
    await run(embed, configOf(model, { dimensions: 3 }), items("b"), { cache });
    await run(embed, configOf(model, { cache: false }), items("b"), { cache });
    assert.equal(model.requests.length, 5);
    assert.ok(!JSON.stringify([...cache.entries]).includes(CANARY));
  });

  test("waits for as long as a 429 says, and goes on", async () => {
    const times: number[] = [];
    await using model = await FakeModel.start({
      fault: (response, _request, count) => {
        times.push(performance.now());
        return count === 1 && answerError(response, 429, "Slow down.", { "retry-after": "1" });
      },
    });
    assert.equal((await run(embed, configOf(model), items("a"))).length, 1);
    assert.ok((times[1] ?? 0) - (times[0] ?? 0) >= 990, `${times}`);
  });

  test("goes on after 429 without Retry-After, 500, a broken connection and JSON that is cut off", async () => {
    const faults: ((response: import("node:http").ServerResponse) => boolean)[] = [
      (response) => answerError(response, 429, "Slow down."),
      (response) => answerError(response, 500, "Oops."),
      (response) => {
        response.destroy();
        return true;
      },
      (response) => {
        response.end('{"data": [');
        return true;
      },
    ];
    await using model = await FakeModel.start({
      fault: (response, _request, count) => faults[count - 1]?.(response) ?? false,
    });
    assert.equal((await run(embed, configOf(model), items("a"))).length, 1);
    assert.equal(model.requests.length, 5);
  });

  test("gives up after max_tries with what the server said, so that the message is retried", async () => {
    await using model = await FakeModel.start({ fault: (response) => answerError(response, 503, "Overloaded") });
    const failed = await failure(embed, configOf(model, { max_tries: 2 }), items("a"));
    assert.equal(failed.code, "MODEL_UNAVAILABLE, retryable");
    assert.match(failed.message, /answered 503 for the model "test-embed": Overloaded\.$/);
    assert.equal(model.requests.length, 2);
  });

  test("does not wait for a Retry-After beyond max_wait_seconds", async () => {
    await using model = await FakeModel.start({
      fault: (response) => answerError(response, 429, "Later.", { "retry-after": "3600" }),
    });
    const failed = await failure(embed, configOf(model, { max_wait_seconds: 0 }), items("a"));
    assert.equal(failed.code, "MODEL_RATE_LIMITED, retryable");
    assert.equal(model.requests.length, 1);
  });

  test("asks no server of this machine that the service's operator has not allowed, and says what to set", async () => {
    await using model = await FakeModel.start();
    const { host } = new URL(model.url);
    const strict = makeEmbed(adapterEnvironment(NO_GRANTS));
    for (const base_url of [model.url, model.url.replace("127.0.0.1", "localhost")]) {
      const failed = await failure(strict, configOf(model, { base_url }), items("a"));
      assert.equal(failed.code, "HTTP_ADDRESS_REFUSED");
      assert.ok(failed.message.includes(`http_allow_hosts: ["${new URL(base_url).host}"]`), failed.message);
    }
    assert.equal(model.requests.length, 0);
    const allowing = makeEmbed(adapterEnvironment({ ...NO_GRANTS, httpAllowHosts: [host] }));
    assert.equal((await run(allowing, configOf(model), items("a"))).length, 1);
  });

  test("a server that answers 429 holds up no other request to its host", async () => {
    await using model = await FakeModel.start({
      fault: (response) => answerError(response, 429, "Later.", { "retry-after": "3600" }),
    });
    const environment = localEnvironment();
    const other = configOf(model, { api_key_env: "TEST_MODEL_KEY", max_wait_seconds: 0 });
    assert.equal((await failure(makeEmbed(environment), other, items("a"))).code, "MODEL_RATE_LIMITED, retryable");
    assert.equal(environment.http.pace.intervalOf(new URL(model.url).host), 0, "its key is limited, not the host");
  });

  test("reads an answer that is packed, and no more of it than allowed", async () => {
    const whole = JSON.stringify({ data: [{ embedding: [1, 2, 3], index: 0 }], more: "x".repeat(1000) });
    await using model = await FakeModel.start({
      fault: (response) => {
        response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(whole));
        return true;
      },
    });
    assert.deepEqual((await run(embed, configOf(model), items("a")))[0]?.vector, [1, 2, 3]);
    const small = await failure(embed, configOf(model, { max_bytes: 1024 }), items("a"));
    assert.equal(small.code, "MODEL_ANSWER_TOO_LARGE");
  });

  test("fails without another try where another would not help", async () => {
    const cases: [number, string, string][] = [
      [400, "Too long.", "MODEL_REFUSED"],
      [404, "No such model.", "MODEL_REFUSED"],
      [307, "", "MODEL_REFUSED"],
      [401, `Incorrect API key provided: ${CANARY}`, "MODEL_UNAUTHORIZED"],
    ];
    for (const [status, said, code] of cases) {
      await using model = await FakeModel.start({
        fault: (response) => answerError(response, status, said, { location: "http://127.0.0.1:1/" }),
      });
      assert.equal((await failure(embed, configOf(model), items("a"))).code, code, said);
      assert.equal(model.requests.length, 1);
    }
  });

  test("says the key nowhere: not in an error, a log line or a payload, whatever the server says", async () => {
    await using model = await FakeModel.start({
      fault: (response, _request, count) =>
        count === 1 && answerError(response, 401, `Bad key ${CANARY}, header "Bearer ${CANARY}"`),
    });
    const lines: string[] = [];
    const failed = await failure(embed, configOf(model), items("a"), { lines });
    assert.match(failed.message, /Is the key in TEST_MODEL_KEY right\?/);
    const emitted = await run(embed, configOf(model), items("a"), { lines });
    assert.ok(!JSON.stringify([failed, lines, emitted]).includes(CANARY));
    process.env.TEST_BROKEN_KEY = `${CANARY}\nx`;
    for (const name of ["TEST_BROKEN_KEY", "TEST_NO_SUCH_KEY"]) {
      assert.throws(
        () => embed.prepare?.(embed.config.parse(configOf(model, { api_key_env: name }))),
        (error: Error) => error.message.includes(name) && !error.message.includes(CANARY),
      );
    }
  });

  test("refuses vectors of other dimensions, too few of them, and answers that are none or too large", async () => {
    const answers: [unknown, string][] = [
      [{ data: [{ embedding: [1, 2], index: 0 }] }, "DIMENSIONS_MISMATCH"],
      [{ data: [] }, "MODEL_ANSWER_INVALID, retryable"],
      [{ data: [{ embedding: ["x"], index: 0 }] }, "MODEL_ANSWER_INVALID, retryable"],
      [{ data: [{ embedding: [1, 2, 1e300], index: 0 }] }, "MODEL_ANSWER_INVALID, retryable"],
      [{ data: [{ embedding: [1, 2, 3], index: 7 }] }, "MODEL_ANSWER_INVALID, retryable"],
      [{ hello: 1 }, "MODEL_ANSWER_INVALID, retryable"],
      [{ data: [{ embedding: [1, 2, 3], index: 0 }], more: "x".repeat(4000) }, "MODEL_ANSWER_TOO_LARGE"],
    ];
    for (const [answer, code] of answers) {
      await using model = await FakeModel.start({
        fault: (response) => {
          response.end(JSON.stringify(answer));
          return true;
        },
      });
      const config = configOf(model, { dimensions: 3, max_bytes: 2048 });
      assert.equal((await failure(embed, config, items("a"))).code, code, JSON.stringify(answer).slice(0, 80));
    }
  });

  test("gives a slow server up after its time-out, and stops at once when it is told to", async () => {
    await using model = await FakeModel.start({ fault: () => true });
    const config = configOf(model, { timeout_seconds: 0.05, max_tries: 1 });
    assert.equal((await failure(embed, config, items("a"))).code, "MODEL_TIMEOUT, retryable");
    const controller = new AbortController();
    const options: RunOptions = { signal: controller.signal };
    const running = Array.fromAsync(stream(embed, configOf(model), items("a"), options));
    running.catch(() => undefined);
    while (model.requests.length < 2) await new Promise((resolve) => setImmediate(resolve));
    controller.abort(new DOMException("The execution was stopped.", "AbortError"));
    await assert.rejects(running, { name: "AbortError" });
    while (model.inFlight > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  test("a message without a text fails its batch, or goes to the route for such ones", async () => {
    await using model = await FakeModel.start();
    const failed = await failure(embed, configOf(model), items("a", ""));
    assert.equal(failed.code, "TEXT_MISSING");
    assert.match(failed.message, /^Message 2 of a batch of 2 has no text in "text"/);
    const emitted = await Array.fromAsync(stream(embed, configOf(model, { broken_to: "bad" }), items("a", 7, "b")));
    assert.deepEqual(
      emitted.map((emit) => ("route" in emit ? [emit.route, emit.payload] : Object.keys(emit))),
      [
        ["text", "vector"],
        ["bad", { text: 7 }],
        ["text", "vector"],
      ],
    );
  });

  test("refuses a config that cannot work", () => {
    const ok = { model: "m" };
    for (const more of [
      { base_url: "ftp://x/v1" },
      { base_url: "https://user:pass@x/v1" },
      { base_url: "https://x/v1?key=1" },
      { api_key_env: "sk-1234 5678" },
      { api_keys: "x" },
      { batch_size: 0 },
      { dimensions: 0 },
    ])
      assert.equal(problems(embed, { ...ok, ...more }).length, 1, JSON.stringify(more));
    assert.deepEqual(problems(embed, ok), []);
  });

  test("gathers the messages of its route, and each goes on with its own vector and the run's statistics", async () => {
    await using model = await FakeModel.start();
    await using rig = new Rig();
    const seen: JsonObject[] = [];
    const config = embed.config.parse(configOf(model, { batch_size: 10, batch_seconds: 60, field: "index_text" }));
    const { events, status } = await rig.complete(
      define({
        make: { steps: [{ adapter: generate, config: generate.config.parse({ count: 25 }) }], outbound: ["embed"] },
        embed: { steps: [{ adapter: textual }, { adapter: embed, config }], outbound: ["see"], concurrency: 4 },
        see: {
          steps: [
            {
              adapter: {
                ...textual,
                process: ({ payload }) => {
                  seen.push(payload);
                  return undefined;
                },
              },
            },
          ],
        },
      }),
    );
    assert.equal(status, "completed");
    assert.equal(model.requests.length, 3);
    assert.equal(seen.length, 25);
    for (const { index, vector } of seen) assert.deepEqual(vector, vectorOf(`number ${index}`, 8));
    const used = events.flatMap((event) => (event.type === "completed" ? (event.usage ?? []) : []));
    assert.equal(
      used.reduce((sum, { requests }) => sum + requests, 0),
      3,
    );
    assert.equal(
      used.reduce((sum, { input_tokens }) => sum + input_tokens, 0),
      50,
    );
    assert.ok(!JSON.stringify(events).includes(CANARY));
  });
});

/** Writes a text of its message's number. */
const textual: typeof generate = {
  ...generate,
  type: "textual",
  process: ({ payload }) => ({ ...payload, index_text: `number ${payload.index}` }),
};
