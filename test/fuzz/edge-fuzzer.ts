import assert from "node:assert/strict";
import { connect } from "node:net";
import { errorResponseSchema, httpValidationErrorSchema } from "@millrace/protocol";
import fc from "fast-check";
import { type Fuzzer, fuzzer, mutated, texts } from "./fuzzer.ts";

/** Requests as clients send them; `N` is where an execution's id would be. */
const CORPUS: readonly string[] = [
  "GET /api/v1/executions HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n",
  "GET /api/v1/executions/N/events?timeout=1 HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 0\r\nAccept: text/event-stream\r\n\r\n",
  'POST /api/v1/configs/validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n{"config_yaml":""}',
  'POST /api/v1/configs/validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n12\r\n{"config_yaml":""}\r\n0\r\n\r\n',
  "POST /api/v1/executions HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
  "HEAD /api/v1/system/info HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
  "OPTIONS * HTTP/1.1\r\nHost: x\r\nOrigin: http://a\r\nAccess-Control-Request-Method: GET\r\n\r\n",
  "GET /health/live HTTP/1.0\r\n\r\n",
  "GET http://x/api/v1/adapters HTTP/1.1\r\nHost: x\r\n\r\n",
  "GET /api/v1/storage/objects/executions/N/a/b/c HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1\r\nIf-None-Match: *\r\n\r\n",
  "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\nGET /api/v1/system/info HTTP/1.1\r\nHost: x\r\n\r\n",
  "DELETE /api/v1/executions/N HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
];

const WORDS: readonly string[] = [
  ...[
    "\r\n",
    "\n",
    "\r",
    "\0",
    " ",
    "\t",
    ":",
    "HTTP/1.1",
    "HTTP/2.0",
    "HTTP/9",
    "GET",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  ],
  ...["Host: y\r\n", "Content-Length: 5\r\n", "Content-Length: -1\r\n", "Content-Length: 99999999999999999999\r\n"],
  ...[
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked, identity\r\n",
    "Transfer-Encoding:\x0bchunked\r\n",
  ],
  ...[
    "0\r\n\r\n",
    "fffffffff\r\n",
    "5;ext=1\r\nabcde\r\n",
    "Upgrade: websocket\r\nConnection: Upgrade\r\n",
    "Connection: close\r\n",
  ],
  ...[
    "Content-Encoding: gzip\r\n",
    "Expect: x\r\n",
    "X: \x80\xff\r\n",
    " folded\r\n",
    "/../..",
    "%00",
    "?",
    "#",
    "//",
    "\x16\x03\x01\x02\x00",
  ],
  ...["X-Long: ".padEnd(20_000, "a"), "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", "TRACE / HTTP/1.1\r\nHost: x\r\n\r\n"],
];

const sent = fc.record({
  text: fc.oneof(
    { weight: 5, arbitrary: mutated(CORPUS, ...WORDS) },
    { weight: 2, arbitrary: texts(...WORDS, ...CORPUS) },
    { weight: 1, arbitrary: fc.constantFrom(...CORPUS) },
  ),
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 }),
  /** Whether the client says that nothing more is to come, or just goes. */
  ending: fc.constantFrom("end", "destroy", "wait"),
});

/** So long a client stays that has said all, in milliseconds: streams and requests without an end have none. */
const STAY_MS = 150;

/**
 * Whatever bytes come over a connection, in whatever parts: what comes back are whole answers in a shape of the contract,
 * none of them a fault of the service's own, and the next request has its answer.
 */
export function edgeFuzzer(url: string, runs: number): Fuzzer {
  const { hostname, port } = new URL(url);
  return fuzzer(
    "bytes on a connection, whatever they are, leave the service as it was",
    runs,
    sent,
    async ({ text, cuts, ending }) => {
      const bytes = Buffer.from(text, "latin1");
      const answers = await exchange(hostname, Number(port), bytes, cuts, ending);
      checkAnswers(answers);
      const alive = await fetch(`${url}/health/live`);
      assert.equal(alive.status, 200, await alive.text());
    },
  );
}

function exchange(host: string, port: number, bytes: Buffer, cuts: readonly number[], ending: string): Promise<Buffer> {
  const places = cuts.map((part) => Math.floor(part * bytes.length)).sort((one, other) => one - other);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect({ host, port, noDelay: true, allowHalfOpen: true });
    const timer = setTimeout(() => socket.destroy(), STAY_MS + 5 * places.length);
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    // The service may close before all of it is sent.
    socket.on("error", () => undefined);
    socket.on("end", () => socket.end());
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(Buffer.concat(chunks));
    });
    socket.on("connect", async () => {
      let at = 0;
      for (const place of [...places, bytes.length]) {
        if (socket.destroyed) return;
        socket.write(bytes.subarray(at, place));
        at = place;
        await new Promise((soon) => setTimeout(soon, 2));
      }
      if (ending === "end") socket.end();
      else if (ending === "destroy") socket.destroy();
    });
  });
}

/** The client may have gone in the midst of an answer: only whole ones are looked at. */
function checkAnswers(bytes: Buffer): void {
  let rest = bytes.toString("latin1");
  while (rest !== "") {
    assert.match(rest.slice(0, 9), /^HTTP\/1\.[01]?/, `no answer: ${rest.slice(0, 100)}`);
    const end = rest.indexOf("\r\n\r\n");
    if (end < 0) return;
    const head = rest.slice(0, end);
    const status = Number(head.split(" ")[1]);
    assert.ok(status < 500, rest.slice(0, 600));
    rest = rest.slice(end + 4);
    if (status === 100) continue;
    assert.match(head, /\r\nx-request-id: [A-Za-z0-9._:-]{1,128}(\r\n|$)/i, head);
    const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
    // A stream, or the answer to HEAD: what is behind it is not told apart from here.
    if (length === undefined || !/\r\ncontent-type: application\/json/i.test(head)) return;
    const body = rest.slice(0, Number(length));
    if (body.length < Number(length) || body.startsWith("HTTP/1.")) return;
    rest = rest.slice(Number(length));
    if (status < 400) continue;
    const json: unknown = JSON.parse(Buffer.from(body, "latin1").toString("utf8"));
    if (status === 422) httpValidationErrorSchema.parse(json);
    else errorResponseSchema.parse(json);
  }
}
