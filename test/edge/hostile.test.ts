import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { errorResponseSchema } from "@millrace/protocol";
import { type RawAnswer, sendRaw } from "../../packages/server/src/http/testing/raw.ts";
import { documented, type ProxyName, ProxyProcess, skipWithout } from "../support/proxy-process.ts";
import { ServiceProcess } from "../support/service-process.ts";

const HOST = "Host: localhost\r\n";
const PATH = "/api/v1/configs/validate";
const POST = `POST ${PATH} HTTP/1.1\r\n${HOST}Content-Type: application/json\r\n`;
const GET = `GET /health/live HTTP/1.1\r\n${HOST}`;

/** What a front that reads a request otherwise than the service would let through with another one inside. */
const INNER = `GET /api/v1/adapters/smuggled HTTP/1.1\r\n${HOST}\r\n`;
const CHUNKED = "Transfer-Encoding: chunked\r\n";
const json = (body: string) => `${POST}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

/** What two programs can read in two ways: refused, and the connection closed, so that nothing behind it is read. */
const AMBIGUOUS: Readonly<Record<string, string>> = {
  "a length, and chunks (CL.TE)": `${POST}Content-Length: 6\r\n${CHUNKED}\r\n0\r\n\r\n${INNER}`,
  "chunks, and a length (TE.CL)": `${POST}${CHUNKED}Content-Length: 4\r\n\r\n${INNER.length.toString(16)}\r\n${INNER}\r\n0\r\n\r\n`,
  "two codings in two headers": `${POST}${CHUNKED}Transfer-Encoding: x\r\n\r\n0\r\n\r\n${INNER}`,
  "a coding that is nearly chunked": `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${INNER}`,
  "chunks that are not the last coding": `${POST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${INNER}`,
  "chunks of something compressed": `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n${INNER}`,
  "a coding behind a vertical tab": `${POST}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n${INNER}`,
  "a coding in quotes": `${POST}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n${INNER}`,
  "a space before the colon": `${POST}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${INNER}`,
  "lines that end with LF alone": `GET /health/live HTTP/1.1\n${HOST.trim()}\n\n${INNER}`,
  "a header behind an LF alone": `${GET}X: a\nTransfer-Encoding: chunked\r\n\r\n${INNER}`,
  "a header behind a CR alone": `${GET}X: a\rTransfer-Encoding: chunked\r\n\r\n${INNER}`,
  "a header on two lines": `${GET}X: a\r\n b\r\n\r\n${INNER}`,
  "two lengths, even of one value": `${POST}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}${INNER}`,
  "a list of lengths": `${POST}Content-Length: 2, 2\r\n\r\n{}${INNER}`,
  "a length with a sign": `${POST}Content-Length: +2\r\n\r\n{}${INNER}`,
  "a length below nothing": `${POST}Content-Length: -1\r\n\r\n${INNER}`,
  "a length in hexadecimals": `${POST}Content-Length: 0x2\r\n\r\n{}${INNER}`,
  "a length beyond all numbers": `${POST}Content-Length: 99999999999999999999999\r\n\r\n{}`,
  "a chunk beyond all numbers": `${POST}${CHUNKED}\r\nFFFFFFFFFFFFFFFFF\r\n{}`,
  "a chunk's size with a prefix": `${POST}${CHUNKED}\r\n0x2\r\n{}\r\n0\r\n\r\n${INNER}`,
  "a chunk's size that ends with LF alone": `${POST}${CHUNKED}\r\n2\n{}\n0\n\n${INNER}`,
  "a length in the trailer": `${POST}${CHUNKED}\r\n2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n${INNER}`,
  "a null byte in a header": `${GET}X: a\0b\r\n\r\n${INNER}`,
  "a null byte in the path": `GET /health/live\0 HTTP/1.1\r\n${HOST}\r\n${INNER}`,
  "the beginning of HTTP/2": `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${INNER}`,
  "a version that is not there": `GET / HTTP/3.0\r\n${HOST}\r\n${INNER}`,
  "a path without its slash": `GET health/live HTTP/1.1\r\n${HOST}\r\n${INNER}`,
};

/** What is whole and legal, and not to be had: each with the status that it gets. */
const REFUSED: readonly (readonly [string, string, number])[] = [
  ["extensions of chunks that do not end", `${POST}${CHUNKED}\r\n2;${"a".repeat(20_000)}\r\n{}\r\n0\r\n\r\n`, 413],
  ["a coding that is hidden among others", `${POST}Content-Encoding: identity, br\r\nContent-Length: 2\r\n\r\n{}`, 415],
  ["deflate", `${POST}Content-Encoding: deflate\r\nContent-Length: 2\r\n\r\n{}`, 415],
  [
    "a form with parts",
    `POST ${PATH} HTTP/1.1\r\n${HOST}Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 2\r\n\r\n{}`,
    415,
  ],
  ["arrays in arrays", json(`${"[".repeat(100_000)}${"]".repeat(100_000)}`), 422],
  ["a number beyond all numbers", json('{"config_yaml":1e9999}'), 422],
  ["a prototype", json('{"__proto__":{"config_yaml":"a"}}'), 422],
  ["2,500 headers", `${GET}${"a:b\r\n".repeat(4_000)}\r\n`, 431],
  ["a body that is said to have gigabytes", `${POST}Content-Length: 9999999999\r\n\r\n`, 413],
  ["broken percent-encoding", `GET /api/v1/configs/%zz HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["bytes that are no UTF-8 in the path", `GET /api/v1/configs/%ff%fe HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["a null byte in a name", `GET /api/v1/executions/a%00b HTTP/1.1\r\n${HOST}\r\n`, 404],
  ["a null byte in a key", `GET /api/v1/storage/objects/executions/x/%00 HTTP/1.1\r\n${HOST}\r\n`, 404],
  ["a way out of the assets", `GET /assets/..%2f..%2f..%2fpackage.json HTTP/1.1\r\n${HOST}\r\n`, 404],
  ["a way out of the pages", `GET /../../../../etc/passwd HTTP/1.1\r\n${HOST}\r\n`, 404],
  ["a way out of the objects", `GET /api/v1/storage/objects/..%2f..%2f..%2fetc%2fpasswd HTTP/1.1\r\n${HOST}\r\n`, 404],
  ["another way out of the objects", `GET /api/v1/storage/objects/executions/../../x HTTP/1.1\r\n${HOST}\r\n`, 404],
  ["a tunnel", `CONNECT example.org:443 HTTP/1.1\r\n${HOST}\r\n`, 405],
  ["a trace", `TRACE / HTTP/1.1\r\n${HOST}Cookie: secret\r\n\r\n`, 405],
  ["a name with a user in it", `GET / HTTP/1.1\r\nHost: localhost@evil.example\r\n\r\n`, 421],
];

for (const workers of ["1", "2"]) {
  describe(`a service with --workers ${workers} refuses, in the contract's shape`, { concurrency: 8 }, () => {
    let service: ServiceProcess;
    before(async () => {
      service = await ServiceProcess.start(["--workers", workers]);
    });
    after(() => service[Symbol.asyncDispose]());

    for (const [what, text] of Object.entries(AMBIGUOUS)) {
      test(what, async () => {
        const answer = await sendRaw(service.url, text);
        assert.equal(answer.status, 400);
        assert.equal(inShape(answer), "REQUEST_MALFORMED");
        assert.match(answer.headers.connection ?? "", /close/);
        assertNothingBehind(answer);
      });
    }

    for (const [what, text, status] of REFUSED) {
      test(what, async () => {
        const answer = await sendRaw(service.url, text);
        assert.equal(answer.status, status);
        if (status !== 422) inShape(answer);
        assert.doesNotMatch(answer.text, /root:|"name": "millrace"/);
      });
    }

    test("a body that unpacks to 64 MB, and one that is no text", async () => {
      const post = (body: Buffer, headers: Readonly<Record<string, string>> = {}) =>
        fetch(service.url + PATH, {
          method: "POST",
          headers: { "content-type": "application/json", ...headers },
          body: new Uint8Array(body),
        });
      const bomb = await post(gzipSync(Buffer.alloc(64 * 1024 * 1024, " ")), { "content-encoding": "gzip" });
      assert.equal(bomb.status, 415);
      assert.equal(errorResponseSchema.parse(await bomb.json()).error_code, "UNSUPPORTED_MEDIA_TYPE");
      assert.equal((await post(Buffer.from('{"config_yaml":"\xff"}', "latin1"))).status, 422);
    });

    test("nothing of a request ends up as a header of its answer", async () => {
      for (const text of [
        `${GET}X-Request-ID: a%0d%0aSet-Cookie:x\r\n\r\n`,
        `${GET}X-Request-ID: a\tb\r\n\r\n`,
        `GET /x%0d%0aSet-Cookie:x HTTP/1.1\r\n${HOST}\r\n`,
        `GET /api/v1/executions?tag=%0d%0aSet-Cookie:x HTTP/1.1\r\n${HOST}Origin: http://a%0d%0aSet-Cookie:x\r\n\r\n`,
      ]) {
        const answer = await sendRaw(service.url, text);
        assert.notEqual(answer.status, 0);
        assert.equal(answer.headers["set-cookie"], undefined);
      }
    });

    test("what asks for another protocol is answered in this one", async () => {
      for (const upgrade of [
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
      ])
        assert.equal((await sendRaw(service.url, `${GET}${upgrade}\r\n`)).status, 200);
    });

    test("a connection that sends requests without waiting for the answers has a hundred under way", async () => {
      const id = await service.run(`
version: "1.0"
routes: { wait: { adapters: [{ type: delay, config: { seconds: 600 } }] } }
init_message: { route: wait }
`);
      // The empty line between two, which a server passes over, has each of them counted here: all answers are waited for.
      const wait = `POST /api/v1/executions/${id}/wait HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nContent-Length: 13\r\n\r\n{"timeout":1}\r\n`;
      const answer = await sendRaw(service.url, wait.repeat(300));
      const statuses = [...answer.text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
      assert.equal(statuses.filter((status) => status === "200").length, 101);
      assert.equal(statuses.at(-1), "429");
    });
  });
}

for (const name of ["nginx", "haproxy", "caddy"] as const satisfies readonly ProxyName[]) {
  describe(`behind ${name}, and with workers`, { skip: skipWithout(name) }, () => {
    let service: ServiceProcess;
    let proxy: ProxyProcess;
    before(async () => {
      service = await ServiceProcess.start(["--workers", "2", "--trusted-proxies", "loopback", "--access", "off"]);
      proxy = await ProxyProcess.start(name, documented(name), service.url);
    });
    after(async () => {
      await proxy?.[Symbol.asyncDispose]();
      await service?.[Symbol.asyncDispose]();
    });

    test("no request gets past as a part of another one: each answer goes to who asked", async () => {
      for (const [what, text] of Object.entries(AMBIGUOUS)) {
        await sendRaw(proxy.url, text);
        // One that was smuggled would be answered in place of these, which come over the same connections.
        const answers = await Promise.all([1, 2, 3].map(() => fetch(`${proxy.url}/health/live`)));
        for (const answer of answers) {
          assert.equal(answer.status, 200, what);
          assert.match(await answer.text(), /"healthy"/, what);
        }
      }
    });
  });
}

/** The code of an answer that has the contract's shape. */
function inShape(answer: RawAnswer): string | null | undefined {
  assert.match(answer.headers["content-type"] ?? "", /^application\/json/);
  return errorResponseSchema.parse(JSON.parse(answer.body)).error_code;
}

/** What stood behind the refused request was not taken for one. */
function assertNothingBehind(answer: RawAnswer): void {
  assert.doesNotMatch(answer.text, /ADAPTER_NOT_FOUND/);
}
