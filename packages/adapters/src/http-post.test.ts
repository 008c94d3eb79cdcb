import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { httpPost as makeHttpPost } from "./http-post.ts";
import { localEnvironment } from "./testing/local-environment.ts";
import { LocalServer } from "./testing/local-server.ts";
import { failure, runOne } from "./testing/run-adapter.ts";

const httpPost = makeHttpPost(localEnvironment());

/** Keeps what it is sent, and answers with the statuses in turn, the last for ever. */
async function receiver(...statuses: readonly number[]) {
  const sent: { method: unknown; key: unknown; type: unknown; body: string }[] = [];
  const server = await LocalServer.start(async (request, response) => {
    const { "idempotency-key": key, "content-type": type } = request.headers;
    sent.push({ method: request.method, key, type, body: Buffer.concat(await Array.fromAsync(request)).toString() });
    const status = statuses[Math.min(sent.length, statuses.length) - 1] ?? 201;
    response.writeHead(status, {
      "content-type": "application/json",
      ...(status === 302 ? { location: "/there?k=1" } : {}),
    });
    response.end('{"ok":true}');
  });
  return { sent, url: server.url, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

describe("http_post", () => {
  test("sends the payload as JSON with a key, and adds the answer", async () => {
    await using server = await receiver(201);
    const payload = await runOne(httpPost, { url: `${server.url}/\${id}` }, { id: 7, name: "é" });
    assert.deepEqual(payload, { id: 7, name: "é", status: 201, response: { ok: true } });
    const [first] = server.sent;
    assert.deepEqual(first, {
      method: "POST",
      key: "message-1",
      type: "application/json",
      body: '{"id":7,"name":"é"}',
    });
  });

  test("sends a batch as a list or as lines, and a text as it is", async () => {
    await using server = await receiver();
    const payload = { items: [{ a: 1 }, 2], text: "words\n" };
    await runOne(httpPost, { url: server.url, field: "items" }, payload);
    await runOne(httpPost, { url: server.url, field: "items", format: "jsonl", method: "PUT" }, payload);
    await runOne(httpPost, { url: server.url, field: "text", format: "text" }, payload);
    assert.deepEqual(
      server.sent.map(({ method, type, body }) => [method, type, body]),
      [
        ["POST", "application/json", '[{"a":1},2]'],
        ["PUT", "application/x-ndjson", '{"a":1}\n2\n'],
        ["POST", "text/plain; charset=utf-8", "words\n"],
      ],
    );
    assert.equal((await failure(httpPost, { url: server.url, field: "none" }, payload)).code, "FIELD_MISSING");
    assert.equal((await failure(httpPost, { url: server.url, format: "text" }, payload)).code, "TEXT_MISSING");
  });

  test("a retry has the key of the first attempt, and each piece of a message one of its own", async () => {
    await using server = await receiver(500, 200);
    const config = { url: server.url };
    assert.equal((await failure(httpPost, config)).code, "HTTP_STATUS, retryable");
    await runOne(httpPost, config, {}, { attempt: 2 });
    await runOne(httpPost, config, {}, { piece: 3 });
    await runOne(httpPost, { ...config, idempotency_header: null });
    assert.deepEqual(
      server.sent.map(({ key }) => key),
      ["message-1", "message-1", "message-1.3", undefined],
    );
  });

  test("statuses are retried, accepted or final as the configuration says", async () => {
    await using server = await receiver(409, 409, 400, 503);
    assert.equal((await failure(httpPost, { url: server.url })).code, "HTTP_STATUS");
    assert.equal((await runOne(httpPost, { url: server.url, accept: [409] })).status, 409);
    assert.equal((await failure(httpPost, { url: server.url, retry_on: [400] })).code, "HTTP_STATUS, retryable");
    assert.equal((await failure(httpPost, { url: server.url, retry_on: [] })).code, "HTTP_STATUS");
  });

  test("a redirect is not followed, as what was sent might be lost on the way", async () => {
    await using server = await receiver(302);
    const { code, message } = await failure(httpPost, { url: server.url });
    assert.match(
      `${code}: ${message}`,
      /^HTTP_REDIRECT_INVALID: .*redirects to http:\/\/127.0.0.1:\d+\/there\?… \(302\)/,
    );
    assert.equal(server.sent.length, 1);
  });

  test("who sends is said as it is set, and stands in no message", async () => {
    const seen: unknown[] = [];
    await using server = await LocalServer.start((request, response) => {
      seen.push(request.headers.authorization);
      response.end();
    });
    const payload = await runOne(httpPost, { url: server.url, auth: { type: "bearer", token: "t0ken" } });
    assert.deepEqual(seen, ["Bearer t0ken"]);
    assert.doesNotMatch(JSON.stringify(payload), /t0ken/);
  });
});
