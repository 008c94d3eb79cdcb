import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { eventually } from "../support/eventually.ts";
import { untilNobodyWatches } from "../support/open-streams.ts";
import { drops, WAITS } from "../support/pipelines.ts";
import { ServiceProcess } from "../support/service-process.ts";

const SHORT = drops(20);

/** An answer as it came over the wire. */
interface Answer {
  readonly status: number;
  readonly head: string;
  /** Without the framing. */
  readonly body: string;
  /** Whether its end came. */
  readonly whole: boolean;
}

/** A connection on which a test sends what it likes. */
class Connection {
  readonly socket: Socket;
  #text = "";

  constructor(service: ServiceProcess) {
    this.socket = connect({ port: Number(new URL(service.url).port), host: "127.0.0.1", allowHalfOpen: true });
    this.socket.setEncoding("latin1");
    this.socket.on("error", () => undefined);
    this.socket.on("data", (chunk: string) => {
      this.#text += chunk;
    });
  }

  send(text: string): void {
    this.socket.write(text);
  }

  get(path: string, headers = "", version = "1.1"): void {
    this.send(`GET ${path} HTTP/${version}\r\nHost: localhost\r\n${headers}\r\n`);
  }

  /** All answers so far; the last may not be whole. */
  get answers(): Answer[] {
    const answers: Answer[] = [];
    for (let at = 0; at < this.#text.length; ) {
      const end = this.#text.indexOf("\r\n\r\n", at);
      if (end < 0) break;
      const head = this.#text.slice(at, end);
      const rest = this.#text.slice(end + 4);
      const status = Number(head.split(" ")[1]);
      const length = /^content-length: (\d+)$/im.exec(head)?.[1];
      const { body, used, whole } = /^transfer-encoding: chunked$/im.test(head)
        ? readChunks(rest)
        : { body: rest.slice(0, Number(length ?? rest.length)), used: Number(length ?? rest.length), whole: true };
      answers.push({ status, head, body, whole });
      at = end + 4 + used;
    }
    return answers;
  }

  /** Waits until the answers are as a test needs them. */
  async until(ready: (answers: Answer[]) => boolean): Promise<Answer[]> {
    while (!ready(this.answers)) {
      assert.ok(!this.socket.readableEnded && !this.socket.destroyed, `the connection ended: ${this.#text}`);
      await Promise.race([once(this.socket, "data"), once(this.socket, "end"), once(this.socket, "close")]);
    }
    return this.answers;
  }

  /** Waits until the service has closed its side. */
  async ended(): Promise<Answer[]> {
    if (!this.socket.readableEnded && !this.socket.destroyed) {
      await Promise.race([once(this.socket, "end"), once(this.socket, "close")]);
    }
    return this.answers;
  }

  close(): void {
    this.socket.destroy();
  }
}

function readChunks(text: string): { body: string; used: number; whole: boolean } {
  let body = "";
  let at = 0;
  while (true) {
    const line = text.indexOf("\r\n", at);
    if (line < 0) return { body, used: text.length, whole: false };
    const size = text.slice(at, line);
    assert.match(size, /^[0-9a-f]+$/i, "a chunk's size");
    const length = Number.parseInt(size, 16);
    if (text.length < line + 2 + length + 2) return { body, used: text.length, whole: false };
    assert.equal(text.slice(line + 2 + length, line + 4 + length), "\r\n", "a chunk's end");
    body += text.slice(line + 2, line + 2 + length);
    at = line + 4 + length;
    if (length === 0) return { body, used: at, whole: true };
  }
}

/** Events of a stream's body: without what differs from stream to stream. */
function eventsOf(body: string | undefined): string {
  return (body ?? "").replace(/^retry: \d+\n/gm, "");
}

describe("the connection of a stream", () => {
  let service: ServiceProcess;
  let over: string;
  let running: string;
  let whole: string;
  before(async () => {
    service = await ServiceProcess.start(["--max-subscribers", "20"]);
    over = `/api/v1/executions/${await service.run(SHORT)}/events`;
    running = `/api/v1/executions/${await service.run(WAITS)}/events`;
    whole = eventsOf(await (await fetch(`${service.url}${over}`)).text());
    assert.match(whole, /event: end\n.*\n.*\n\n$/);
  });
  after(() => service[Symbol.asyncDispose]());

  test("says that it is closed after the stream, and is, with the last chunk before", async () => {
    const connection = new Connection(service);
    connection.get(over);
    const [answer] = await connection.ended();
    assert.equal(answer?.status, 200);
    assert.match(answer?.head ?? "", /^connection: close$/im);
    assert.ok(answer?.whole, "the last chunk came");
    assert.equal(eventsOf(answer?.body), whole);
  });

  test("may have carried other requests before", async () => {
    const connection = new Connection(service);
    for (let count = 1; count <= 3; count += 1) {
      connection.get("/health/live");
      await connection.until((answers) => answers.length === count && answers.at(-1)?.whole === true);
    }
    connection.get(over);
    const answers = await connection.ended();
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 200],
    );
    assert.equal(eventsOf(answers.at(-1)?.body), whole);
  });

  test("may carry requests sent ahead of their turn, before the stream and behind it, each answered in its turn", async () => {
    const connection = new Connection(service);
    const live = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    connection.send(
      `${live}GET ${over} HTTP/1.1\r\nHost: localhost\r\n\r\n${live}GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    );
    const answers = await connection.until((all) => all.length === 4 && all.at(-1)?.whole === true);
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 404],
    );
    assert.equal(eventsOf(answers[1]?.body), whole);
    connection.close();
  });

  test("may carry one stream after the other", async () => {
    const connection = new Connection(service);
    const get = `GET ${over} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    connection.send(get + get);
    const answers = await connection.until((all) => all.length === 2 && all.at(-1)?.whole === true);
    for (const { body } of answers) assert.equal(eventsOf(body), whole);
    connection.close();
  });

  test("that is closed while streams wait for their turn on it frees all of them", async () => {
    const connection = new Connection(service);
    const get = `GET ${running} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    // As many as there may be in all.
    connection.send(get.repeat(20));
    await connection.until((all) => all.length === 1);
    while ((await service.client.system.ready()).status !== "degraded") await wait(10);
    connection.close();
    while ((await service.client.system.ready()).status !== "healthy") await wait(10);
    const next = Array.from({ length: 20 }, () => new Connection(service));
    for (const each of next) each.get(running);
    for (const each of next) assert.equal((await each.until((all) => all.length === 1))[0]?.status, 200);
    for (const each of next) each.close();
    await untilNobodyWatches(service);
    assert.doesNotMatch(service.stderr, /Warning/);
  });

  test("is let go of when a request is sent behind a stream that has begun, after which it is closed", async () => {
    const connection = new Connection(service);
    connection.get(`${running}?timeout=1`);
    await connection.until(([first]) => (first?.body ?? "").includes("event: processing"));
    connection.get("/health/live");
    const answers = await connection.ended();
    assert.equal(answers.length, 1, "the head has said that nothing else is answered");
    assert.match(answers[0]?.body ?? "", /event: end\ndata: \{"reason":"timeout"/);
    assert.ok(answers[0]?.whole);
  });

  test("may be of HTTP/1.0, which has no chunks: the stream ends with the connection", async () => {
    for (const headers of ["", "Connection: keep-alive\r\n"]) {
      const connection = new Connection(service);
      connection.get(over, headers, "1.0");
      const [answer] = await connection.ended();
      assert.doesNotMatch(answer?.head ?? "", /transfer-encoding/i);
      assert.equal(eventsOf(answer?.body), whole);
    }
  });

  test("may have sent a body with its request, whole, in part, or chunked", async () => {
    for (const [headers, body] of [
      ["Content-Length: 5\r\n", "hello"],
      ["Content-Length: 200000\r\n", "x".repeat(200_000)],
      ["Content-Length: 5\r\n", "he"],
      ["Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"],
      ["Transfer-Encoding: chunked\r\n", "5\r\nhel"],
    ] as const) {
      const connection = new Connection(service);
      connection.send(`GET ${over} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n${body}`);
      const [answer] = await connection.ended();
      assert.equal(answer?.status, 200);
      assert.equal(eventsOf(answer?.body), whole, `${headers} and ${body.length} bytes`);
      connection.close();
    }
  });

  test("is closed when the client has closed its side, and no place is held for it", async () => {
    const connection = new Connection(service);
    connection.get(running);
    await connection.until(([first]) => (first?.body ?? "").includes("event: processing"));
    connection.socket.end();
    await connection.ended();
    const many = Array.from({ length: 20 }, () => new Connection(service));
    for (const each of many) each.get(running);
    for (const each of many) assert.equal((await each.until((all) => all.length === 1))[0]?.status, 200);
    for (const each of many) each.close();
    await untilNobodyWatches(service);
  });

  test("costs the service nothing once it is gone, however it went", async () => {
    const open = () => readdirSync(`/proc/${service.pid}/fd`).length;
    const settled = (base: number) => eventually(() => assert.ok(open() <= base, `${open()} descriptors, not ${base}`));
    await wait(100);
    const base = open();
    for (let round = 0; round < 3; round += 1) {
      const connections = Array.from({ length: 15 }, () => new Connection(service));
      for (const [index, each] of connections.entries()) each.get(index % 3 === 0 ? over : `${running}?timeout=1`);
      for (const each of connections) await each.until((all) => all.length === 1);
      for (const [index, each] of connections.entries()) {
        if (index % 3 === 0) {
          // Ends by itself; the client takes it, and closes its side.
          await each.ended();
          each.socket.end();
        } else if (index % 3 === 1) each.close();
        else each.socket.resetAndDestroy();
      }
      await settled(base);
    }
  });
});

test("a service that is told to stop ends streams of every kind of connection, and exits in time", async () => {
  await using service = await ServiceProcess.start(["--shutdown-grace", "2"]);
  const path = `/api/v1/executions/${await service.run(WAITS)}/events`;
  const get = `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  const plain = new Connection(service);
  plain.send(get);
  const two = new Connection(service);
  two.send(get + get);
  const old = new Connection(service);
  old.get(path, "", "1.0");
  const mute = new Connection(service);
  mute.get(path);
  for (const each of [plain, two, old, mute]) await each.until(([first]) => (first?.body ?? "").includes("processing"));
  // Neither reads nor closes.
  mute.socket.pause();
  const startedAt = performance.now();
  assert.equal(await service.end("SIGTERM"), 0);
  assert.ok(performance.now() - startedAt < 60_000, "within the grace, and what it takes to exit");
  for (const each of [plain, old]) {
    const [answer] = await each.ended();
    assert.match(answer?.body ?? "", /event: end\ndata: \{"reason":"shutdown","status":"running"\}\nid: \d+\n\n$/);
    assert.ok(answer?.whole);
  }
  const both = await two.ended();
  assert.match(both[0]?.body ?? "", /"reason":"shutdown"/);
  for (const each of [plain, two, old, mute]) each.close();
});
