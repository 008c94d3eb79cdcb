import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { sendRaw } from "../../packages/server/src/http/testing/raw.ts";
import { ServiceProcess } from "../support/service-process.ts";

const HOST = "Host: localhost\r\n";
const LARGE = 2 * 1024 * 1024 + 1;

/** Requests as they go over the wire. */
const REQUESTS: Readonly<Record<string, string | readonly string[]>> = {
  "an unknown path": `GET /api/v1/nope HTTP/1.1\r\n${HOST}\r\n`,
  "an unknown path with a body": post("/api/v1/nope", "{}"),
  "a method that a path does not take": `PATCH /api/v1/configs HTTP/1.1\r\n${HOST}\r\n`,
  "a method that no path takes": `PROPFIND /api/v1/configs HTTP/1.1\r\n${HOST}\r\n`,
  "a method that the stream does not take": post("/api/v1/executions/x/events", "{}"),
  TRACE: `TRACE / HTTP/1.1\r\n${HOST}\r\n`,
  "OPTIONS of a path": `OPTIONS /api/v1/configs/1 HTTP/1.1\r\n${HOST}\r\n`,
  "OPTIONS of the stream": `OPTIONS /api/v1/executions/x/events HTTP/1.1\r\n${HOST}\r\n`,
  "OPTIONS of everything": `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`,
  "OPTIONS of an unknown path": `OPTIONS /nope HTTP/1.1\r\n${HOST}\r\n`,
  "a preflight": preflight("/api/v1/configs", "https://a.example", "POST"),
  "a preflight of the stream": preflight("/api/v1/executions/x/events", "https://a.example", "GET"),
  "a preflight of another origin": preflight("/api/v1/configs", "https://b.example", "POST"),
  "a page of an allowed origin": `GET /api/v1/adapters/log HTTP/1.1\r\n${HOST}Origin: https://a.example\r\n\r\n`,
  "a stream for a page": `GET /api/v1/executions/x/events HTTP/1.1\r\n${HOST}Origin: https://a.example\r\n\r\n`,
  HEAD: `HEAD /health/live HTTP/1.1\r\n${HOST}\r\n`,
  "HEAD of an unknown stream": `HEAD /api/v1/executions/x/events HTTP/1.1\r\n${HOST}\r\n`,
  "an unknown stream": `GET /api/v1/executions/x/events HTTP/1.1\r\n${HOST}\r\n`,
  "an unknown stream, spelt otherwise": `GET /api/v1/%65xecutions/x/%65vents/ HTTP/1.1\r\n${HOST}\r\n`,
  "a stream of nothing": `GET /api/v1/executions//events HTTP/1.1\r\n${HOST}\r\n`,
  "several streams, none named": `GET /api/v1/events?timeout=0&last_event_id=! HTTP/1.1\r\n${HOST}\r\n`,
  "a stream with a body": `GET /api/v1/executions/x/events HTTP/1.1\r\n${HOST}Content-Length: 2\r\n\r\nxx`,
  "broken percent-encoding": `GET /api/v1/configs/%zz HTTP/1.1\r\n${HOST}\r\n`,
  "a very long path": `GET /api/v1/configs/${"x".repeat(10_000)} HTTP/1.1\r\n${HOST}\r\n`,
  "an absolute URL": `GET http://localhost/api/v1/adapters/nope HTTP/1.1\r\n${HOST}\r\n`,
  "an absolute URL of a stream": `GET http://localhost/api/v1/executions/x/events HTTP/1.1\r\n${HOST}\r\n`,
  "no Host": "GET /api/v1/configs HTTP/1.1\r\n\r\n",
  "no Host for a stream": "GET /api/v1/executions/x/events HTTP/1.1\r\n\r\n",
  "two Hosts": `GET /api/v1/configs HTTP/1.1\r\n${HOST}${HOST}\r\n`,
  "HTTP/1.0": "GET /api/v1/adapters/nope HTTP/1.0\r\n\r\n",
  "HTTP/1.0, kept alive": "GET /health/live HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
  "no HTTP at all": "hello\r\n\r\n",
  "a head that is too large": `GET / HTTP/1.1\r\n${HOST}X: ${"x".repeat(20_000)}\r\n\r\n`,
  "a head that is just small enough": `GET /health/live HTTP/1.1\r\n${HOST}X: ${"x".repeat(16_000)}\r\n\r\n`,
  CONNECT: `CONNECT example.org:443 HTTP/1.1\r\n${HOST}\r\n`,
  "an upgrade": `GET /health/live HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
  "a request id": `GET /api/v1/nope HTTP/1.1\r\n${HOST}X-Request-ID: find-me\r\n\r\n`,
  "a request id that is not sane": `GET /api/v1/nope HTTP/1.1\r\n${HOST}X-Request-ID: a b\r\n\r\n`,
  "a client that closes": `GET /health/live HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`,
  "requests one behind the other": `GET /health/live HTTP/1.1\r\n${HOST}\r\nGET /api/v1/executions/x/events HTTP/1.1\r\n${HOST}\r\nGET /api/v1/nope HTTP/1.1\r\n${HOST}\r\n`,
  "a body": post("/api/v1/configs/validate", '{"config_yaml": "a: 1"}'),
  "a body in chunks": `POST /api/v1/configs/validate HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{"config\r\n10\r\n_yaml": "a: 1"}\n\r\n0\r\n\r\n`,
  "a body that is waited with": [
    `POST /api/v1/configs/validate HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nContent-Length: 23\r\nExpect: 100-continue\r\n\r\n`,
    '{"config_yaml": "a: 1"}',
  ],
  "an expectation that is not known": `GET /health/live HTTP/1.1\r\n${HOST}Expect: miracles\r\n\r\n`,
  "no body where one is due": `POST /api/v1/configs/validate HTTP/1.1\r\n${HOST}\r\n`,
  "an empty body": post("/api/v1/configs/validate", ""),
  "a body that is no JSON": post("/api/v1/configs/validate", "{"),
  "a body of another type": `POST /api/v1/configs/validate HTTP/1.1\r\n${HOST}Content-Type: text/plain\r\nContent-Length: 1\r\n\r\nx`,
  "a body of no type": `POST /api/v1/configs/validate HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\nx`,
  "a body of a broken type": `POST /api/v1/configs/validate HTTP/1.1\r\n${HOST}Content-Type: x\r\nContent-Length: 1\r\n\r\nx`,
  "a body where none is read": `GET /health/live HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`,
  "a body that is said to be too large": `POST /api/v1/configs HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nContent-Length: ${LARGE}\r\n\r\n`,
  "a body that turns out to be too large": [
    `POST /api/v1/configs HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${LARGE.toString(16)}\r\n${"x".repeat(LARGE)}\r\n0\r\n\r\n`,
  ],
  "two lengths": `POST /api/v1/configs HTTP/1.1\r\n${HOST}Content-Length: 1\r\nContent-Length: 2\r\n\r\nx`,
  "a length and chunks": `POST /api/v1/configs HTTP/1.1\r\n${HOST}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  "the description of the API": `GET /openapi.json HTTP/1.1\r\n${HOST}\r\n`,
  "the documentation's page": `GET /docs HTTP/1.1\r\n${HOST}\r\n`,
  "bytes that are no ASCII": `GET /api/v1/configs/\xe9?\xff=1 HTTP/1.1\r\n${HOST}X: \xe9\r\n\r\n`,
  "a query on another endpoint": `GET /api/v1/configs?limit=0&offset=x HTTP/1.1\r\n${HOST}\r\n`,
};

describe("a service with workers answers, byte for byte, as one in a single process does", { concurrency: 8 }, () => {
  let one: ServiceProcess;
  let several: ServiceProcess;

  before(async () => {
    const flags = ["--cors-origins", "https://a.example"];
    one = await ServiceProcess.start([...flags, "--workers", "1"]);
    several = await ServiceProcess.start([...flags, "--workers", "2"]);
  });
  after(async () => {
    await Promise.all([one[Symbol.asyncDispose](), several[Symbol.asyncDispose]()]);
  });

  for (const [name, texts] of Object.entries(REQUESTS)) {
    test(name, async () => {
      const [expected, actual] = await Promise.all([sendRaw(one.url, texts), sendRaw(several.url, texts)]);
      assert.notEqual(expected.text, "");
      assert.equal(plain(actual.text), plain(expected.text));
    });
  }
});

function post(path: string, body: string): string {
  return `POST ${path} HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

function preflight(path: string, origin: string, method: string): string {
  return `OPTIONS ${path} HTTP/1.1\r\n${HOST}Origin: ${origin}\r\nAccess-Control-Request-Method: ${method}\r\n\r\n`;
}

/** Without what is another in every answer. */
function plain(text: string): string {
  return text
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "<id>")
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<time>")
    .replaceAll(/^Date: .*$/gm, "Date: <date>");
}
