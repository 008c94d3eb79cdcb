import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { errorResponseSchema, httpValidationErrorSchema } from "@millrace/protocol";
import { pino } from "pino";
import { createHttpApp } from "../../packages/server/src/http/app.ts";
import { eventually } from "../support/eventually.ts";
import { WAITS } from "../support/pipelines.ts";
import { RawReader } from "../support/raw-reader.ts";
import { readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";

const SHORT = `
version: "1.0"
routes: { end: { adapters: [{ type: filter, config: { when: "false" } }] } }
init_message: { route: end }
`;

const SLOTS = 3;
const MANY = 1_000;
const MISSING = "01a20000-0000-7000-8000-000000000000";

/** A connection that sends what it likes, and what came back over it. */
interface Caller {
  readonly socket: Socket;
  text: string;
}

function call(base: string, bytes: string | Buffer): Caller {
  const { hostname, port } = new URL(base);
  const socket = connect(Number(port), hostname);
  const caller: Caller = { socket, text: "" };
  socket.on("error", () => undefined);
  socket.on("data", (chunk) => {
    caller.text += chunk.toString("latin1");
  });
  socket.write(bytes);
  return caller;
}

async function answered(caller: Caller): Promise<{ readonly status: number; readonly body: unknown }> {
  const whole = /^HTTP\/1\.1 (\d+)[\s\S]*?\r\ncontent-length: (\d+)\r\n[\s\S]*?\r\n\r\n/i;
  const deadline = performance.now() + 60_000;
  for (;;) {
    const found = whole.exec(caller.text);
    const body = found === null ? "" : caller.text.slice(found[0].length);
    if (found !== null && body.length >= Number(found[2])) {
      return { status: Number(found[1]), body: JSON.parse(body.slice(0, Number(found[2]))) };
    }
    assert.ok(!caller.socket.closed && performance.now() < deadline, `no answer, but ${caller.text}`);
    await wait(5);
  }
}

async function streams(caller: Caller): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!caller.text.includes("event: processing")) {
    assert.ok(!caller.socket.closed && performance.now() < deadline, `no stream, but ${caller.text}`);
    await wait(5);
  }
}

describe("what is no subscriber costs less than one", () => {
  let service: ServiceProcess;
  let running = "";
  let finished = "";
  let strangers: string | undefined;
  let idleFds = 0;
  const fds = () => readdirSync(`/proc/${service.pid}/fd`).length;
  const eventsPath = (id: string, query = "") => `/api/v1/executions/${id}/events${query}`;
  const get = (path: string, ...headers: string[]) =>
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers.map((line) => `${line}\r\n`).join("")}\r\n`;

  /** The process holds no socket more than before, and no place of a subscriber. */
  async function holdsNothing(): Promise<void> {
    await eventually(() => assert.ok(fds() <= idleFds, `${fds()} open files; ${idleFds} before`));
    const readers = await Promise.all(
      Array.from({ length: SLOTS }, () => RawReader.open(service.url + eventsPath(running))),
    );
    assert.deepEqual(
      readers.map((reader) => reader.status),
      Array(SLOTS).fill(200),
    );
    for (const reader of readers) reader.cut();
    await eventually(() => assert.ok(fds() <= idleFds));
  }

  before(async () => {
    service = await ServiceProcess.start(["--max-subscribers", String(SLOTS)]);
    running = await service.run(WAITS);
    finished = await service.run(SHORT);
    await readStream(service.url + eventsPath(finished));
    const { frames } = await readStream(service.url + eventsPath(finished));
    strangers = frames[0]?.id;
    // The connections that the test's own requests keep alive go away, or stay, but do not come.
    await wait(200);
    idleFds = fds();
  });
  after(() => service[Symbol.asyncDispose]());

  test("a thousand clients that ask for executions that do not exist, all at once", async () => {
    const paths = [
      eventsPath(MISSING),
      eventsPath("no-such-tag"),
      eventsPath("x".repeat(2_000)),
      `/api/v1/events?execution_id=${MISSING}`,
      `/api/v1/events?execution_id=${running}&execution_id=${MISSING}`,
    ];
    const callers = Array.from({ length: MANY }, (_, n) => call(service.url, get(paths[n % paths.length] ?? "")));
    // Those who do exist are served meanwhile.
    const reader = await RawReader.open(service.url + eventsPath(running));
    assert.equal(reader.status, 200);
    for (const caller of callers) {
      const { status, body } = await answered(caller);
      assert.equal(status, 404);
      assert.equal(errorResponseSchema.parse(body).error_code, "EXECUTION_NOT_FOUND");
    }
    for (const caller of callers) caller.socket.destroy();
    reader.cut();
    await holdsNothing();
  });

  test("cursors from the future, negative, another execution's, no numbers, ten kilobytes long", async () => {
    const cursors = [
      "9007199254740991",
      "999999999",
      "9".repeat(10_240),
      "-1",
      "1.5",
      "0x10",
      "1e3",
      "null",
      "' OR 1=1",
      String(strangers),
    ];
    const callers = Array.from({ length: 200 }, (_, n) => {
      const cursor = cursors[n % cursors.length] ?? "";
      const inQuery = n % 20 >= 10;
      const query = inQuery ? `?last_event_id=${encodeURIComponent(cursor)}` : "";
      const request = get(eventsPath(running, query), ...(inQuery ? [] : [`Last-Event-ID: ${cursor}`]));
      const loc = inQuery ? ["query", "last_event_id"] : ["header", "Last-Event-ID"];
      return { cursor, loc, caller: call(service.url, request) };
    });
    for (const { cursor, loc, caller } of callers) {
      const { status, body } = await answered(caller);
      assert.equal(status, 422, cursor.slice(0, 50));
      const { detail } = httpValidationErrorSchema.parse(body);
      assert.deepEqual(
        detail.map((error) => ({ loc: error.loc, type: error.type })),
        [{ loc, type: "value_error" }],
      );
      caller.socket.destroy();
    }
    await holdsNothing();
  });

  test("junk in the query and in the headers", async () => {
    const path = eventsPath(running);
    const cases: readonly (readonly [request: string, status: number])[] = [
      [get(`${path}?timeout=soon`), 422],
      [get(`${path}?timeout=-1&since=yesterday&last_event_id=x`), 422],
      [get(`${path}?timeout=1e999`), 422],
      [get(`${path}?timeout=%00`), 422],
      [get(`${path}?last_event_id=%F0%9F%92%A9`), 422],
      [get(`/api/v1/events?${"execution_id=x&".repeat(101)}`), 422],
      [get("/api/v1/events"), 422],
      [get(path, "Last-Event-ID: 2", "Last-Event-ID: 3"), 422],
      [get(path, "Accept: application/json"), 406],
      [get(path, "Accept: text/event-stream;q=0"), 406],
      [get(`${path}?${"x".repeat(20_000)}`), 431],
      [get(path, `X-Long: ${"x".repeat(20_000)}`), 431],
      [get(path, "No colon"), 400],
      [get(path, "Bad Name: x"), 400],
      [get(path, "X: a\u0000b"), 400],
      [get(path, "Content-Length: -1"), 400],
      [get(path, "Content-Length: 1", "Transfer-Encoding: chunked"), 400],
      [get(path, "Transfer-Encoding: junk"), 400],
      [get(path, "Host: another"), 400],
      [`GET ${path} HTTP/9.9\r\nHost: localhost\r\n\r\n`, 400],
      ["\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001", 400],
      [`PUT ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n`, 405],
    ];
    for (const [request, status] of cases) {
      const caller = call(service.url, request);
      const answer = await answered(caller);
      assert.equal(answer.status, status, request.slice(0, 200));
      if (status === 422) httpValidationErrorSchema.parse(answer.body);
      else errorResponseSchema.parse(answer.body);
      caller.socket.destroy();
    }
    await holdsNothing();
  });

  for (const [what, headers, body] of [
    ["short", ["Content-Length: 5"], "hello"],
    ["long", ["Content-Length: 3000000"], "x".repeat(3_000_000)],
    [
      "long and chunked",
      ["Transfer-Encoding: chunked"],
      `${"4000\r\n".concat("x".repeat(0x4000), "\r\n").repeat(100)}0\r\n\r\n`,
    ],
    ["unfinished", ["Content-Length: 3000000"], "x".repeat(1_000_000)],
  ] as const) {
    test(`a body behind the GET that is ${what} is of no account, and its client is let go of as soon as it leaves`, async () => {
      const callers = Array.from({ length: SLOTS }, () =>
        call(service.url, get(eventsPath(running), ...headers) + body),
      );
      for (const caller of callers) {
        await streams(caller);
        caller.socket.destroy();
      }
      await holdsNothing();
    });
  }

  test("requests sent ahead of their turn on one connection are let go of with it", async () => {
    const caller = call(service.url, get(eventsPath(running)).repeat(SLOTS));
    await streams(caller);
    caller.socket.destroy();
    await holdsNothing();
  });
});

describe("connections that never come to a request", () => {
  test("are told so in the contract's shape after a time and closed, whether they send nothing or a byte now and then", async () => {
    const app = await createHttpApp(
      [],
      { maxBodyBytes: 10_000, maxHeaderBytes: 8_192, corsOrigins: [], headersTimeoutMs: 1_000 },
      pino({ level: "silent" }),
    );
    const base = await app.listen({ port: 0, host: "127.0.0.1" });
    try {
      const silent = Array.from({ length: 300 }, () => call(base, ""));
      const request = "GET /api/v1/executions/x/events HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
      const slow = Array.from({ length: 50 }, () => call(base, ""));
      let at = 0;
      const drip = setInterval(() => {
        for (const { socket } of slow) if (socket.writable) socket.write(request[at] ?? "x");
        at += 1;
      }, 20);
      const open = () =>
        new Promise<number>((resolve, reject) => {
          app.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
        });
      while ((await open()) < silent.length + slow.length) await wait(5);
      assert.equal((await fetch(`${base}/anything`)).status, 404, "others are served meanwhile");
      for (const caller of [...silent, ...slow]) {
        const { status, body } = await answered(caller);
        assert.equal(status, 408);
        assert.equal(errorResponseSchema.parse(body).error_code, "REQUEST_TIMEOUT");
      }
      clearInterval(drip);
      while ((await open()) > 1) await wait(10);
    } finally {
      await app.close();
    }
  });
});
