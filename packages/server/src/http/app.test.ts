import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { floatQuery, MillraceError } from "@millrace/protocol";
import type { FastifyInstance } from "fastify";
import { pino } from "pino";
import { z } from "zod";
import { createHttpApp } from "./app.ts";
import { endpoint } from "./endpoint.ts";
import { sendRaw } from "./testing/raw.ts";

const things = endpoint({
  method: "POST",
  path: "/things/{name}",
  access: "write",
  summary: "Make a thing",
  tag: "Things",
  params: z.object({ name: z.string() }),
  query: z.object({
    timeout: floatQuery({ ge: 1, le: 3600, default: 300, description: "Seconds" }),
    of: z.array(z.string()).max(3).optional(),
  }),
  headers: z.object({ "last-event-id": z.string().max(4).optional() }),
  body: z.strictObject({
    title: z.string().min(1),
    kind: z.enum(["a", "b", "c"]).default("a"),
    nested: z.object({ n: z.int() }).optional(),
  }),
  responses: { 200: { description: "The thing", schema: z.object({}) } },
  handler: async (input) => ({ params: input.params, query: input.query, body: input.body }),
});

const faulty = endpoint({
  method: "GET",
  path: "/faulty",
  access: "read",
  summary: "Fail",
  tag: "Things",
  responses: {},
  handler: async () => {
    throw new Error("secret /etc/passwd");
  },
});

const raw = endpoint({
  method: "GET",
  path: "/raw",
  access: "read",
  summary: "Answer on the socket",
  tag: "Things",
  responses: {},
  handler: async ({ reply, request }) => {
    const set = reply.getHeaders();
    reply.hijack();
    for (const [name, value] of Object.entries(set)) if (value !== undefined) reply.raw.setHeader(name, value);
    reply.raw.writeHead(200, { "content-type": "text/plain" });
    if (request.raw.method === "HEAD") reply.raw.end();
    else {
      reply.raw.write("first");
      if (request.query && JSON.stringify(request.query).includes("hang")) return reply;
      reply.raw.end("second");
    }
    return reply;
  },
});

const busy = endpoint({
  method: "GET",
  path: "/busy",
  access: "read",
  summary: "Refuse",
  tag: "Things",
  responses: {},
  handler: async () => {
    throw new MillraceError("TOO_MANY_EXECUTIONS", "Later.", { details: { limit: 3 } });
  },
});

let app: FastifyInstance;
let base: string;
let down = false;
const logged: string[] = [];

before(async () => {
  app = await createHttpApp(
    [things, faulty, raw, busy],
    {
      maxBodyBytes: 10_000,
      maxHeaderBytes: 8_192,
      corsOrigins: ["https://allowed.example"],
      headersTimeoutMs: 200,
      requestTimeoutMs: 400,
    },
    pino({}, { write: (line: string) => logged.push(line) }),
    () => down,
  );
  base = await app.listen({ port: 0, host: "127.0.0.1" });
});
after(() => app.close());

async function errorsOf(
  response: Response,
): Promise<{ loc: unknown; type: string; msg: string; input?: unknown; ctx?: unknown }[]> {
  assert.equal(response.status, 422);
  const { detail, ...more } = z
    .looseObject({ detail: z.array(z.looseObject({ loc: z.array(z.unknown()), type: z.string(), msg: z.string() })) })
    .parse(await response.json());
  assert.deepEqual(more, {});
  return detail;
}

async function isError(response: Response, status: number, code: string): Promise<string> {
  assert.equal(response.status, status);
  assert.match(response.headers.get("content-type") ?? "", /^application\/json/);
  const body = z
    .looseObject({
      detail: z.string(),
      error_code: z.string(),
      correlation_id: z.string(),
      timestamp: z.iso.datetime(),
    })
    .parse(await response.json());
  assert.equal(body.error_code, code);
  assert.equal(body.correlation_id, response.headers.get("x-request-id"));
  return body.detail;
}

const post = (
  query: string,
  body: string | Buffer | undefined,
  headers: Record<string, string> = { "content-type": "application/json" },
) => fetch(`${base}/things/x${query}`, { method: "POST", headers, ...(body === undefined ? {} : { body }) });

test("a request that fits is answered with what its schemas return", async () => {
  const response = await post(
    "?timeout=%201e2%20&timeout=2.5&of=a&of=b&unknown=1",
    '\ufeff{"title":"t","nested":{"n":3}}',
  );
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), {
    params: { name: "x" },
    query: { timeout: 2.5, of: ["a", "b"] },
    body: { title: "t", kind: "a", nested: { n: 3 } },
  });
});

test("all errors of a request come at once, from query, header and body", async () => {
  const response = await post("?timeout=0.5&of=1&of=2&of=3&of=4", '{"kind":"d","extra":1,"nested":{"n":1.5}}', {
    "content-type": "application/json",
    "last-event-id": "12345",
  });
  assert.deepEqual(await errorsOf(response), [
    {
      loc: ["query", "timeout"],
      msg: "Input should be greater than or equal to 1",
      type: "greater_than_equal",
      input: "0.5",
      ctx: { ge: 1 },
    },
    {
      loc: ["query", "of"],
      msg: "List should have at most 3 items after validation, not 4",
      type: "too_long",
      input: ["1", "2", "3", "4"],
      ctx: { field_type: "List", max_length: 3, actual_length: 4 },
    },
    {
      loc: ["header", "Last-Event-ID"],
      msg: "String should have at most 4 characters",
      type: "string_too_long",
      input: "12345",
      ctx: { max_length: 4 },
    },
    {
      loc: ["body", "title"],
      msg: "Field required",
      type: "missing",
      input: { kind: "d", extra: 1, nested: { n: 1.5 } },
    },
    {
      loc: ["body", "kind"],
      msg: "Input should be 'a', 'b' or 'c'",
      type: "enum",
      input: "d",
      ctx: { expected: "'a', 'b' or 'c'" },
    },
    {
      loc: ["body", "nested", "n"],
      msg: "Input should be a valid integer, got a number with a fractional part",
      type: "int_from_float",
      input: 1.5,
    },
    { loc: ["body", "extra"], msg: "Extra inputs are not permitted", type: "extra_forbidden", input: 1 },
  ]);
});

for (const [text, type, ctx] of [
  ["abc", "float_parsing"],
  ["", "float_parsing"],
  ["0x10", "float_parsing"],
  ["1,5", "float_parsing"],
  ["%ff", "float_parsing"],
  ["%zz", "float_parsing"],
  ["NaN", "finite_number"],
  ["-inf", "finite_number"],
  ["%2BInfinity", "finite_number"],
  ["0.999", "greater_than_equal", { ge: 1 }],
  ["-5", "greater_than_equal", { ge: 1 }],
  ["3600.01", "less_than_equal", { le: 3600 }],
] as const) {
  test(`timeout=${text} is refused with ${type}`, async () => {
    const [first, ...rest] = await errorsOf(await post(`?timeout=${text}`, '{"title":"t"}'));
    assert.deepEqual(rest, []);
    assert.deepEqual(first?.loc, ["query", "timeout"]);
    assert.equal(first?.type, type);
    assert.deepEqual(first?.ctx, ctx);
  });
}

for (const [body, position, error] of [
  ["{", 1, "Expecting property name enclosed in double quotes"],
  ['{"title": }', 10, "Expecting value"],
  ['{"title": "t"} x', 15, "Extra data"],
  ['{"title": "t" "b"}', 14, "Expecting ',' delimiter"],
  ['{"title": "t', 10, "Unterminated string starting at"],
  ["[".repeat(5000), 200, "Nested deeper than 200 levels"],
] as const) {
  test(`the body ${body.slice(0, 20)} is refused as no JSON, with the place`, async () => {
    assert.deepEqual(await errorsOf(await post("", body)), [
      { loc: ["body", position], msg: "JSON decode error", type: "json_invalid", input: {}, ctx: { error } },
    ]);
  });
}

test("a body that is missing, null, a list or of the wrong types is told of field by field", async () => {
  for (const body of [undefined, "", "null"]) {
    assert.deepEqual(await errorsOf(await post("", body)), [
      { loc: ["body"], msg: "Field required", type: "missing", input: null },
    ]);
  }
  const [list] = await errorsOf(await post("", "[1]"));
  assert.deepEqual([list?.loc, list?.type], [["body"], "model_attributes_type"]);
  const wrong = await errorsOf(await post("", '{"title":5,"nested":"x"}'));
  assert.deepEqual(
    wrong.map((each) => [each.loc, each.type, each.input]),
    [
      [["body", "title"], "string_type", 5],
      [["body", "nested"], "model_attributes_type", "x"],
    ],
  );
});

test("a body that is not declared to be JSON is refused, and one that is too large", async () => {
  await isError(
    await post("", "title=t", { "content-type": "application/x-www-form-urlencoded" }),
    415,
    "UNSUPPORTED_MEDIA_TYPE",
  );
  await isError(await post("", "{}", { "content-type": ";;;" }), 415, "UNSUPPORTED_MEDIA_TYPE");
  await isError(
    await post("", "{}", { "content-type": "application/json", "content-encoding": "gzip" }),
    415,
    "UNSUPPORTED_MEDIA_TYPE",
  );
  await isError(await post("", Buffer.from("{}"), {}), 415, "UNSUPPORTED_MEDIA_TYPE");
  await isError(await post("", JSON.stringify({ title: "x".repeat(20_000) })), 413, "PAYLOAD_TOO_LARGE");
  const chunked = `POST /things/x HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n4e20\r\n${"x".repeat(20_000)}\r\n0\r\n\r\n`;
  assert.equal((await sendRaw(base, chunked)).status, 413);
});

test("paths and methods that are not there get the contract's shape, and OPTIONS says what is allowed", async () => {
  await isError(await fetch(`${base}/nothing`), 404, "ROUTE_NOT_FOUND");
  await isError(await fetch(`${base}/nothing`, { method: "POST", body: "{}" }), 404, "ROUTE_NOT_FOUND");
  await isError(await fetch(`${base}/nothing`, { method: "OPTIONS" }), 404, "ROUTE_NOT_FOUND");
  for (const method of ["DELETE", "GET", "PATCH", "PROPFIND"]) {
    const response = await fetch(`${base}/things/x`, { method });
    assert.equal(response.headers.get("allow"), "POST, OPTIONS");
    await isError(response, 405, "METHOD_NOT_ALLOWED");
  }
  for (const method of ["TRACE", "LINK", "QUERY"]) {
    const answer = await sendRaw(base, `${method} /busy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    assert.equal(answer.status, 405);
    assert.equal(answer.headers.allow, "GET, HEAD, OPTIONS");
    assert.equal(JSON.parse(answer.body).error_code, "METHOD_NOT_ALLOWED");
  }
  const body = `Content-Type: none\r\nContent-Length: 1000000\r\nConnection: close\r\n\r\n`;
  assert.equal((await sendRaw(base, `POST /busy HTTP/1.1\r\nHost: x\r\n${body}`)).status, 405);
  assert.equal((await sendRaw(base, `POST /nothing HTTP/1.1\r\nHost: x\r\n${body}`)).status, 404);
  const whole = await sendRaw(base, "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  assert.deepEqual([whole.status, whole.headers.allow], [204, "POST, OPTIONS, GET, HEAD"]);
  const options = await fetch(`${base}/raw`, { method: "OPTIONS" });
  assert.equal(options.status, 204);
  assert.equal(options.headers.get("allow"), "GET, HEAD, OPTIONS");
  assert.equal((await fetch(`${base}/busy/`)).status, 429);
  await isError(await fetch(`${base}/things/${"x".repeat(5000)}`), 405, "METHOD_NOT_ALLOWED");
});

test("HEAD has the head of GET and no body, on the raw socket as well", async () => {
  for (const path of ["/raw", "/busy"]) {
    const answer = await sendRaw(base, `HEAD ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    assert.equal(answer.body, "");
    const get = await sendRaw(base, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    assert.equal(answer.status, get.status);
    assert.equal(answer.headers["content-type"], get.headers["content-type"]);
    assert.notEqual(get.body, "");
  }
});

test("the request id is a sane one of the client or a new one, on every answer", async () => {
  const echoed = await fetch(`${base}/raw`, { headers: { "x-request-id": "abc-1.2:3_4" } });
  assert.equal(echoed.headers.get("x-request-id"), "abc-1.2:3_4");
  for (const insane of ["a b", "x".repeat(129), "<script>"]) {
    const response = await fetch(`${base}/nothing`, { headers: { "x-request-id": insane } });
    assert.match(response.headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/);
    await isError(response, 404, "ROUTE_NOT_FOUND");
  }
});

test("a fault of the service says nothing of its cause, which the log has under the same id", async () => {
  const response = await fetch(`${base}/faulty`, { headers: { "x-request-id": "find-me" } });
  const detail = await isError(response, 500, "INTERNAL");
  assert.doesNotMatch(detail, /secret|passwd/);
  assert.ok(logged.some((line) => line.includes("find-me") && line.includes("secret")));
});

test("an error that passes says when to try again, and brings its details", async () => {
  const response = await fetch(`${base}/busy`);
  assert.equal(response.headers.get("retry-after"), "5");
  assert.equal(z.looseObject({ limit: z.number() }).parse(await response.clone().json()).limit, 3);
  await isError(response, 429, "TOO_MANY_EXECUTIONS");
});

for (const [what, request, status, code] of [
  ["junk", "JUNK\r\n\r\n", 400, "REQUEST_MALFORMED"],
  [
    "a head that is too large",
    `GET /busy HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(9000)}\r\n\r\n`,
    431,
    "HEADERS_TOO_LARGE",
  ],
  ["a URL that is too long", `GET /${"x".repeat(9000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431, "HEADERS_TOO_LARGE"],
  ["a head that does not end", "GET /busy HTTP/1.1\r\nHost: x\r\n", 408, "REQUEST_TIMEOUT"],
  [
    "a body that does not come",
    "POST /things/x HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
    408,
    "REQUEST_TIMEOUT",
  ],
  ["two Hosts", "GET /busy HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n", 400, "REQUEST_MALFORMED"],
  ["no Host", "GET /busy HTTP/1.1\r\nConnection: close\r\n\r\n", 400, "REQUEST_MALFORMED"],
  [
    "a broken percent-encoding in the path",
    "GET /things/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    400,
    "REQUEST_MALFORMED",
  ],
  [
    "two lengths",
    "POST /things/x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    400,
    "REQUEST_MALFORMED",
  ],
  ["CONNECT", "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n", 405, "METHOD_NOT_ALLOWED"],
] as const) {
  test(`${what} is answered with ${status} in the contract's shape`, async () => {
    const answer = await sendRaw(base, request);
    assert.equal(answer.status, status);
    assert.match(answer.headers["content-type"] ?? "", /^application\/json/);
    const body = JSON.parse(answer.body);
    assert.equal(body.error_code, code);
    assert.equal(body.correlation_id, answer.headers["x-request-id"]);
    assert.match(answer.headers.connection ?? "", /close/);
  });
}

test("the head alone of what is too large is answered without a body", async () => {
  const answer = await sendRaw(base, `HEAD /busy?${"x".repeat(9000)} HTTP/1.1\r\nHost: x\r\n\r\n`);
  assert.deepEqual([answer.status, answer.body], [431, ""]);
});

test("unusual but legal requests are answered as usual", async () => {
  for (const request of [
    "GET /busy HTTP/1.0\r\n\r\n",
    "GET http://whatever.example/busy?x=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "GET /busy HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "GET /busy HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: something\r\n\r\n",
    "GET /busy HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc",
  ]) {
    const answer = await sendRaw(base, request);
    assert.equal(answer.status, 429, request);
    assert.match(answer.body, /TOO_MANY_EXECUTIONS/);
  }
});

test("junk behind a request whose answer is under way closes the connection, and adds nothing to that answer", async () => {
  const answer = await sendRaw(base, ["GET /raw?hang=1 HTTP/1.1\r\nHost: x\r\n\r\n", "JUNK\r\n\r\n"]);
  assert.match(answer.text, /first/);
  assert.doesNotMatch(answer.text, /REQUEST_MALFORMED/);
});

test("pages of an allowed origin may call, others may not; preflights are cached", async () => {
  const allowed = await fetch(`${base}/raw`, { headers: { origin: "https://allowed.example" } });
  assert.equal(allowed.headers.get("access-control-allow-origin"), "https://allowed.example");
  assert.match(allowed.headers.get("access-control-expose-headers") ?? "", /X-Request-ID/);
  assert.match(allowed.headers.get("vary") ?? "", /Origin/);
  assert.equal(allowed.headers.get("access-control-allow-credentials"), null);
  const other = await fetch(`${base}/raw`, { headers: { origin: "https://other.example" } });
  assert.equal(other.headers.get("access-control-allow-origin"), null);
  const preflight = await fetch(`${base}/raw`, {
    method: "OPTIONS",
    headers: {
      origin: "https://allowed.example",
      "access-control-request-method": "GET",
      "access-control-request-headers": "last-event-id",
    },
  });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get("allow"), "GET, HEAD, OPTIONS");
  assert.equal(preflight.headers.get("access-control-allow-methods"), "GET, HEAD, OPTIONS");
  assert.match(preflight.headers.get("access-control-allow-headers") ?? "", /Last-Event-ID/);
  assert.match(preflight.headers.get("access-control-allow-headers") ?? "", /Cache-Control/);
  assert.ok(Number(preflight.headers.get("access-control-max-age")) > 0);
  const error = await fetch(`${base}/nothing`, { headers: { origin: "https://allowed.example" } });
  assert.equal(error.headers.get("access-control-allow-origin"), "https://allowed.example");
});

test("while the service shuts down, reading goes on and changes are refused", async (t) => {
  down = true;
  t.after(() => {
    down = false;
  });
  assert.equal((await fetch(`${base}/raw`)).status, 200);
  const refused = await post("", '{"title":"t"}');
  assert.equal(refused.headers.get("retry-after"), "2");
  await isError(refused, 503, "SERVICE_UNAVAILABLE");
});
