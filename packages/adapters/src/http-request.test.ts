import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { httpRequest as makeHttpRequest } from "./http-request.ts";
import { localEnvironment } from "./testing/local-environment.ts";
import { LocalServer } from "./testing/local-server.ts";
import { failure, problems, run, runOne } from "./testing/run-adapter.ts";

const httpRequest = makeHttpRequest(localEnvironment());

/** Answers with what it was sent, as JSON. */
function echo(): Promise<LocalServer> {
  return LocalServer.start(async (request, response) => {
    const body = Buffer.concat(await Array.fromAsync(request)).toString();
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body }));
  });
}

/** Answers everything in the same way. */
function answer(type: string | null, body: string | Uint8Array, headers: Record<string, string | string[]> = {}) {
  return LocalServer.start((_request, response) => {
    if (type !== null) response.setHeader("content-type", type);
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    response.end(body);
  });
}

describe("what http_request sends", () => {
  test("the message fills the URL, the headers and the body", async () => {
    await using server = await echo();
    const { body } = await runOne(
      httpRequest,
      {
        url: `${server.url}/people/\${name}?n=\${message_id}`,
        method: "POST",
        headers: { "X-Name": "${name}" },
        body: "Hello ${name} ☃",
      },
      { name: "Ada" },
    );
    assert.partialDeepStrictEqual(body, {
      method: "POST",
      url: "/people/Ada?n=message-1",
      headers: { "x-name": "Ada" },
      body: "Hello Ada ☃",
    });
  });

  test("an object as body is sent as JSON, and says so unless a header says otherwise", async () => {
    await using server = await echo();
    const config = { url: server.url, method: "PUT", body: { a: ["ü", null] } };
    const plain = await runOne(httpRequest, config);
    assert.partialDeepStrictEqual(plain.body, {
      body: '{"a":["ü",null]}',
      headers: { "content-type": "application/json" },
    });
    const own = await runOne(httpRequest, { ...config, headers: { "Content-Type": "application/vnd.api+json" } });
    assert.partialDeepStrictEqual(own.body, { headers: { "content-type": "application/vnd.api+json" } });
  });

  test("JSON made of the message is posted with a key that is the same on each attempt", async () => {
    const sent: { key: unknown; type: unknown; body: unknown }[] = [];
    await using server = await LocalServer.start(async (request, response) => {
      const { "idempotency-key": key, "content-type": type } = request.headers;
      sent.push({ key, type, body: JSON.parse(Buffer.concat(await Array.fromAsync(request)).toString()) });
      response.writeHead(sent.length === 1 ? 503 : 201).end();
    });
    const config = {
      url: server.url,
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": "${message_id}" },
      body: '${ {"order": id, "lines": lines, "by": {"name": name}} }',
    };
    const payload = { id: 7, lines: [{ sku: "a}" }], name: 'Zoë "Z"' };
    assert.equal((await failure(httpRequest, config, payload)).code, "HTTP_STATUS, retryable");
    assert.equal((await runOne(httpRequest, config, payload, { attempt: 2 })).status, 201);
    const same = {
      key: "message-1",
      type: "application/json",
      body: { order: 7, lines: payload.lines, by: { name: payload.name } },
    };
    assert.deepEqual(sent, [same, same]);
  });

  test("a name and password in the URL are sent as basic authorization", async () => {
    await using server = await echo();
    const { body } = await runOne(httpRequest, { url: server.url.replace("//", "//ada:p%40ss@") });
    const authorization = `Basic ${Buffer.from("ada:p@ss").toString("base64")}`;
    assert.partialDeepStrictEqual(body, { headers: { authorization } });
  });

  test("a body with GET or HEAD is refused with the pipeline, not when it runs", () => {
    assert.deepEqual(problems(httpRequest, { url: "http://x", body: "b" }), [
      "body: cannot be sent with the method GET; set method, as POST",
    ]);
    assert.equal(problems(httpRequest, { url: "http://x", body: {}, method: "HEAD" }).length, 1);
    assert.deepEqual(problems(httpRequest, { url: "http://x", body: "b", method: "DELETE" }), []);
  });

  test("what is no http or https URL fails at once", async () => {
    for (const url of ["", "/path", "ftp://host/x", "javascript:alert(1)", "http://"]) {
      const { code } = await failure(httpRequest, { url: "${url}" }, { url });
      assert.equal(code, "URL_INVALID", url);
    }
  });

  test("a header that cannot be sent fails at once, and its value, perhaps a secret, is not told", async () => {
    for (const value of ["s3cret\nX-Other: 1", "s3cret☃"]) {
      const config = { url: "http://127.0.0.1:9/", headers: { authorization: "${value}" } };
      const { code, message } = await failure(httpRequest, config, { value });
      assert.equal(code, "HEADER_INVALID");
      assert.match(message, /"authorization" cannot be sent: its value has/);
      assert.doesNotMatch(message, /s3cret/);
    }
    const name = await failure(httpRequest, { url: "http://x/", headers: { "a b": "c" } });
    assert.match(`${name.code} ${name.message}`, /HEADER_INVALID .*"a b".*no name of a header/);
  });

  test("a header that belongs to the connection fails at once and is named", async () => {
    await using server = await echo();
    const { code, message } = await failure(httpRequest, {
      url: server.url,
      headers: { "transfer-encoding": "chunked" },
    });
    assert.equal(code, "HEADER_INVALID");
    assert.match(message, /transfer-encoding/);
  });
});

describe("what http_request makes of an answer", () => {
  test("it adds status, headers and body, and keeps the rest of the message", async () => {
    await using server = await answer("text/plain", "hello", { "x-a": "1" });
    const payload = await runOne(httpRequest, { url: server.url }, { id: 7, status: "old" });
    assert.partialDeepStrictEqual(payload, { id: 7, status: 200, body: "hello", headers: { "x-a": "1" } });
  });

  test("JSON is parsed, with whatever suffix or byte order mark it comes", async () => {
    for (const type of ["application/json", "application/problem+json; charset=utf-8", "Application/JSON"]) {
      await using server = await answer(type, '\uFEFF{"a":"é"}');
      assert.deepEqual((await runOne(httpRequest, { url: server.url })).body, { a: "é" }, type);
    }
  });

  test("what is announced as JSON and is none stays text", async () => {
    for (const body of ["{", ""]) {
      await using server = await answer("application/json", body);
      assert.equal((await runOne(httpRequest, { url: server.url })).body, body);
    }
  });

  test("text is read in the charset that the answer names, and as UTF-8 where nobody knows that", async () => {
    await using latin = await answer("text/plain; charset=ISO-8859-1", Buffer.from([0xe9]));
    assert.equal((await runOne(httpRequest, { url: latin.url })).body, "é");
    await using odd = await answer("text/plain; charset=none-such", "é");
    assert.equal((await runOne(httpRequest, { url: odd.url })).body, "é");
  });

  test("what is no text is base64, and says so; a later text does not", async () => {
    const bytes = Buffer.from([0x89, 0x50, 0xff, 0x00]);
    await using binary = await answer("image/png", bytes);
    const image = await runOne(httpRequest, { url: binary.url });
    assert.deepEqual([image.body, image.body_encoding], [bytes.toString("base64"), "base64"]);
    await using text = await answer("text/plain", "words");
    const next = await runOne(httpRequest, { url: text.url }, image);
    assert.deepEqual([next.body, Object.hasOwn(next, "body_encoding")], ["words", false]);
  });

  test("every cookie is there", async () => {
    await using server = await answer(null, "", { "set-cookie": ["a=1", "b=2; Expires=Tue, 1 Jan 2030 00:00:00 GMT"] });
    const { headers } = await runOne(httpRequest, { url: server.url });
    assert.partialDeepStrictEqual(headers, { "set-cookie": ["a=1", "b=2; Expires=Tue, 1 Jan 2030 00:00:00 GMT"] });
  });

  test("an answer without a body has an empty one", async () => {
    await using server = await answer(null, "");
    assert.equal((await runOne(httpRequest, { url: server.url, method: "HEAD" })).body, "");
  });

  test("a status of 400 or more fails, and only where another try may help is there one", async () => {
    await using server = await LocalServer.start((request, response) => {
      response.statusCode = Number(request.url?.slice(1));
      response.end("no");
    });
    const codes = [];
    for (const status of [399, 400, 404, 408, 425, 429, 451, 500, 503]) {
      const found = await failure(httpRequest, { url: `${server.url}/${status}` }).catch(() => ({ code: "none" }));
      codes.push(`${status} ${found.code}`);
    }
    assert.deepEqual(codes, [
      "399 none",
      "400 HTTP_STATUS",
      "404 HTTP_STATUS",
      "408 HTTP_STATUS, retryable",
      "425 HTTP_STATUS, retryable",
      "429 HTTP_STATUS, retryable",
      "451 HTTP_STATUS",
      "500 HTTP_STATUS, retryable",
      "503 HTTP_STATUS, retryable",
    ]);
  });

  test("a failure names the URL without what may be secret in it", async () => {
    await using server = await LocalServer.start((_request, response) => void response.writeHead(403).end());
    const url = `${server.url.replace("//", "//ada:s3cret@")}/a?key=s3cret`;
    const { message } = await failure(httpRequest, { url });
    assert.equal(message, `${server.url}/a?… answered 403 Forbidden`);
  });
});

describe("how much http_request reads", () => {
  test("a body of max_bytes is read, one more byte is too much", async () => {
    await using server = await answer("text/plain", "12345");
    assert.equal((await runOne(httpRequest, { url: server.url, max_bytes: 5 })).body, "12345");
    const { code } = await failure(httpRequest, { url: server.url, max_bytes: 4 });
    assert.equal(code, "HTTP_BODY_TOO_LARGE");
  });

  test("what counts is the size after decompression, and an endless body ends at the limit", async () => {
    await using zipped = await answer("text/plain", gzipSync("a".repeat(100_000)), { "content-encoding": "gzip" });
    assert.equal((await failure(httpRequest, { url: zipped.url, max_bytes: 5_000 })).code, "HTTP_BODY_TOO_LARGE");
    await using endless = await LocalServer.start((_request, response) => {
      const more = () => {
        while (!response.destroyed && response.write("x".repeat(10_000)));
      };
      response.on("drain", more);
      more();
    });
    assert.equal((await failure(httpRequest, { url: endless.url })).code, "HTTP_BODY_TOO_LARGE");
  });

  test("a failed status counts for what it is, however large its page, which is not waited for", {
    timeout: 60_000,
  }, async () => {
    const closed = Promise.withResolvers<void>();
    await using server = await LocalServer.start((_request, response) => {
      response.on("close", closed.resolve).writeHead(503).write("sorry!");
    });
    assert.equal((await failure(httpRequest, { url: server.url, max_bytes: 1 })).code, "HTTP_STATUS, retryable");
    await closed.promise;
  });
});

describe("http_request and redirects", () => {
  const redirects = () =>
    LocalServer.start((request, response) => {
      const location = { "/start": "/end", "/loop": "/loop", "/data": "data:text/plain,hi" }[request.url ?? ""];
      if (location === undefined) response.end("arrived");
      else response.writeHead(302, { location }).end();
    });

  test("they are followed, unless follow_redirects is false: then the answer is the redirect itself", async () => {
    await using server = await redirects();
    assert.equal((await runOne(httpRequest, { url: `${server.url}/start` })).body, "arrived");
    const stopped = await runOne(httpRequest, { url: `${server.url}/start`, follow_redirects: false });
    assert.partialDeepStrictEqual(stopped, { status: 302, headers: { location: "/end" } });
  });

  test("a circle of them, and one to what is no http, fail and say so", async () => {
    await using server = await redirects();
    const loop = await failure(httpRequest, { url: `${server.url}/loop` });
    assert.match(`${loop.code}: ${loop.message}`, /^HTTP_REDIRECT_INVALID.*redirect count exceeded/);
    const data = await failure(httpRequest, { url: `${server.url}/data` });
    assert.match(`${data.code}: ${data.message}`, /^HTTP_REDIRECT_INVALID.*HTTP\(S\)/);
  });

  test("authorization does not follow to another origin", async () => {
    await using other = await echo();
    await using first = await LocalServer.start(
      (_request, response) => void response.writeHead(307, { location: other.url }).end(),
    );
    const { body } = await runOne(httpRequest, { url: first.url, headers: { authorization: "Bearer x" } });
    assert.ok(typeof body === "object" && body !== null && "headers" in body);
    assert.equal(Object.hasOwn(Object(body.headers), "authorization"), false);
  });
});

describe("who asks", () => {
  test("basic, bearer, a header and a parameter are sent, as they are", async () => {
    await using server = await echo();
    const sent = async (auth: object) => {
      const { body, url } = await runOne(httpRequest, { url: `${server.url}/?a=1`, auth });
      return { ...Object(body), final: url };
    };
    const basic = await sent({ type: "basic", username: "ada", password: "${x}:é" });
    assert.equal(basic.headers.authorization, `Basic ${Buffer.from("ada:${x}:é").toString("base64")}`);
    const bearer = await sent({ type: "bearer", token: "t0k${message_id}" });
    assert.equal(bearer.headers.authorization, "Bearer t0k${message_id}");
    const header = await sent({ type: "header", name: "X-Api-Key", value: "k" });
    assert.equal(header.headers["x-api-key"], "k");
    const query = await sent({ type: "query", name: "key", value: "s3cret" });
    assert.equal(query.url, "/?a=1&key=s3cret");
    assert.equal(query.final, `${server.url}/?a=1`, "what says who asks is in no message");
  });

  test("another origin is not told, neither by a redirect nor as the next page", async () => {
    await using other = await echo();
    await using first = await LocalServer.start((request, response) => {
      if (request.url === "/moved") response.writeHead(307, { location: other.url }).end();
      else response.setHeader("link", `<${other.url}/2>; rel=next`).end("1");
    });
    const auth = { type: "header", name: "x-api-key", value: "k" };
    const moved = await runOne(httpRequest, { url: `${first.url}/moved`, auth });
    const [, second] = await run(httpRequest, { url: first.url, auth, paging: { type: "link" } });
    for (const payload of [moved, second]) {
      assert.equal(Object.hasOwn(Object(Object(payload?.body).headers), "x-api-key"), false);
    }
    assert.deepEqual([moved.url, moved.redirected], [`${other.url}/`, true]);
  });
});

describe("pages", () => {
  /** Seven items, in pages of three. */
  function pages() {
    return LocalServer.start((request, response) => {
      const url = new URL(request.url ?? "", "http://x");
      const page = Number(url.searchParams.get("page") ?? url.searchParams.get("cursor")?.slice(1) ?? 1);
      const limit = Number(url.searchParams.get("limit") ?? 3);
      const from = Number(url.searchParams.get("offset") ?? (page - 1) * limit);
      const items = [1, 2, 3, 4, 5, 6, 7].slice(from, from + limit);
      const more = from + limit < 7;
      response.setHeader("content-type", "application/json");
      if (more)
        response.setHeader("link", `</other?a,b>; rel="first", </?page=${page + 1}>; title="a, b"; rel="x next"`);
      const next = more ? { next: `?page=${page + 1}`, cursor: `c${page + 1}` } : { next: null, cursor: "" };
      response.end(JSON.stringify({ items, ...next }));
    });
  }

  const items = async (url: string, paging: object) => {
    const found = await run(httpRequest, { url, paging }, { id: 1 });
    assert.deepEqual(
      found.map(({ id, page }) => [id, page]),
      found.map((_, index) => [1, index + 1]),
    );
    return found.map(({ body }) => Object(body).items.join());
  };

  test("are followed by the Link header, a URL in the body, a number, an offset and a cursor", async () => {
    await using server = await pages();
    const all = ["1,2,3", "4,5,6", "7"];
    assert.deepEqual(await items(server.url, { type: "link" }), all);
    assert.deepEqual(await items(server.url, { type: "next", next: "body.next" }), all);
    assert.deepEqual(await items(server.url, { type: "cursor", cursor: "body.cursor" }), all);
    assert.deepEqual(await items(server.url, { type: "page", items: "body.items" }), [...all, ""]);
    assert.deepEqual(await items(`${server.url}?page=2`, { type: "page", items: "body.items" }), ["4,5,6", "7", ""]);
    const byOffset = { type: "offset", limit: 4, items: "body.items" };
    assert.deepEqual(await items(server.url, byOffset), ["1,2,3,4", "5,6,7"]);
  });

  test("end at max_pages, which is logged", async () => {
    await using server = await pages();
    const lines: string[] = [];
    const config = { url: server.url, paging: { type: "link", max_pages: 2 } };
    assert.equal((await run(httpRequest, config, {}, { lines })).length, 2);
    assert.match(lines.join(), /more than 2 pages/);
  });

  test("end where the Link header is none, however it is made, in a moment", { timeout: 20_000 }, async () => {
    await using server = await answer("text/plain", "x", { link: "<".repeat(60_000) });
    assert.equal((await run(httpRequest, { url: server.url, paging: { type: "link" } })).length, 1);
  });

  test("that go in a circle, or are no URLs, fail; those before them went on", async () => {
    for (const next of ["?", "ftp://x"]) {
      await using server = await answer("text/plain", "x", { link: `<${next}>; rel=next` });
      const { code } = await failure(httpRequest, { url: `${server.url}/?`, paging: { type: "link" } });
      assert.equal(code, "PAGING_INVALID");
    }
  });
});

describe("statuses", () => {
  test("which are retried and which are answers is said by the configuration", async () => {
    await using server = await LocalServer.start((request, response) => {
      response.statusCode = Number(request.url?.slice(1));
      response.end("no");
    });
    const found = async (status: number, config: object) => {
      const whole = { url: `${server.url}/${status}`, ...config };
      return (await failure(httpRequest, whole).catch(() => ({ code: "none" }))).code;
    };
    assert.equal(await found(404, { accept: [404] }), "none");
    assert.equal(await found(500, { accept: ["5xx"] }), "none");
    assert.equal(await found(404, { retry_on: ["4xx"] }), "HTTP_STATUS, retryable");
    assert.equal(await found(500, { retry_on: [502] }), "HTTP_STATUS");
  });

  test("what says Retry-After is not tried again before", async () => {
    await using server = await LocalServer.start(
      (_request, response) => void response.writeHead(429, { "retry-after": "7200" }).end(),
    );
    await assert.rejects(run(httpRequest, { url: server.url }), { code: "HTTP_STATUS", retryAfterMs: 7_200_000 });
    await assert.rejects(run(httpRequest, { url: server.url }), { code: "HTTP_HOST_PAUSED", retryable: true });
  });
});

describe("http_request and time", () => {
  const silent = () => LocalServer.start(() => {});

  test("no answer in time, and half an answer in time, are time-outs that are tried again", async () => {
    await using server = await silent();
    const { code, message } = await failure(httpRequest, { url: server.url, timeout_seconds: 0.05 });
    assert.equal(code, "HTTP_TIMEOUT, retryable");
    assert.match(message, /did not answer within 0\.05 s/);
    await using half = await LocalServer.start((_request, response) => void response.write("half"));
    assert.equal((await failure(httpRequest, { url: half.url, timeout_seconds: 0.2 })).code, "HTTP_TIMEOUT, retryable");
  });

  test("a time-out that is no whole number of milliseconds is taken as well", async () => {
    await using server = await answer("text/plain", "x");
    assert.equal((await runOne(httpRequest, { url: server.url, timeout_seconds: 1.001 })).body, "x");
  });

  test("a time-out must be more than none and no longer than can be kept", () => {
    for (const seconds of [0, -1, 301])
      assert.equal(problems(httpRequest, { url: "http://x", timeout_seconds: seconds }).length, 1, `${seconds}`);
  });

  test("cancel ends the request at once, on both sides", { timeout: 60_000 }, async () => {
    const arrived = Promise.withResolvers<IncomingMessage>();
    await using server = await LocalServer.start((request) => arrived.resolve(request));
    const control = new AbortController();
    const running = run(httpRequest, { url: server.url }, {}, { signal: control.signal });
    const request = await arrived.promise;
    const closed = once(request.socket, "close");
    control.abort();
    await assert.rejects(running, { name: "AbortError" });
    await closed;
  });

  test("a connection that is refused, or breaks in the body, is tried again and the reason is told", async () => {
    const gone = await silent();
    await gone[Symbol.asyncDispose]();
    const refused = await failure(httpRequest, { url: gone.url });
    assert.match(`${refused.code}: ${refused.message}`, /^HTTP_FAILED, retryable: .*ECONNREFUSED/);
    const name = await failure(httpRequest, { url: gone.url.replace("127.0.0.1", "localhost") });
    assert.match(name.message, /ECONNREFUSED/);
    await using broken = await LocalServer.start((_request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half", () => response.destroy());
    });
    assert.equal((await failure(httpRequest, { url: broken.url })).code, "HTTP_FAILED, retryable");
  });
});
