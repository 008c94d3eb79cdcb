import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { errorResponseSchema, executionEventSchema, httpValidationErrorSchema } from "@millrace/protocol";
import { type Frame, readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";

const FAN_OUT = `
version: "1.0"
name: fan-out
routes:
  make: { adapters: [{ type: generate, config: { count: 200 } }], outbound: [work] }
  work: { inbound: { concurrency: 4 }, adapters: [{ type: delay, config: { seconds: 0.002 } }, { type: json_transform, config: { expression: "$" } }], outbound: [end] }
  end: { adapters: [{ type: filter, config: { when: "index < 10" } }] }
init_message: { route: make }
`;

const SLOW = `
version: "1.0"
routes:
  wait: { adapters: [{ type: delay, config: { seconds: 30 } }] }
init_message: { route: wait }
`;

const EMPTY = 'version: "1.0"\nroutes: { a: { adapters: [{ type: log }] } }\n';

describe("the event stream of an execution", () => {
  let service: ServiceProcess;
  const eventsUrl = (id: string, query = "") => `${service.url}/api/v1/executions/${id}/events${query}`;
  before(async () => {
    service = await ServiceProcess.start();
  });
  after(() => service[Symbol.asyncDispose]());

  test("shows every event from the first to the end, in order, once, whether one comes before, during or after the run", async () => {
    const id = await service.run(FAN_OUT);
    const during = await Promise.all([readStream(eventsUrl(id)), readStream(eventsUrl(id))]);
    const later = await readStream(eventsUrl(id));
    const first = texts(later.frames);
    for (const { frames } of during) assert.deepEqual(texts(frames), first);
    assertOrdered(later.frames);
    const events = later.frames.slice(0, -1).map((frame) => executionEventSchema.parse(frame.data));
    assert.equal(events.filter((event) => event.type === "completed").length, 1 + 200 + 200);
    for (const event of events) assert.equal(event.execution_id, id);
    const end = later.frames.at(-1);
    assert.equal(end?.event, "end");
    assert.deepEqual(end?.data, { reason: "completed", status: "completed" });
    assert.equal(end?.id, later.frames.at(-2)?.id);
  });

  test("keeps the data of an event on one line, whatever a client's reader takes for a line's end", async () => {
    const id = await service.run(`
version: "1.0"
error_handling: { max_retries: 0 }
routes: { a: { adapters: [{ type: fail, name: "n\\u2029", config: { message: "a\\r\\nb\\u0085c\\u2028d\\u2029e" } }] } }
init_message: { route: a }
`);
    const text = await (await fetch(eventsUrl(id))).text();
    assert.doesNotMatch(text, /[\r\u0085\u2028\u2029]/);
    const { frames } = await readStream(eventsUrl(id));
    assert.deepEqual(
      frames.map(({ data }) => data.adapter),
      [undefined, "n\u2029", "n\u2029", undefined],
    );
    assert.deepEqual(frames[2]?.data.error, {
      code: "TEST_FAILURE",
      message: "a\r\nb\u0085c\u2028d\u2029e",
      retryable: true,
    });
  });

  test("continues right after any cursor, and never repeats or skips an event", async () => {
    const id = await service.run(FAN_OUT);
    const { frames } = await readStream(eventsUrl(id));
    for (const at of [0, 1, 7, 100, frames.length - 3]) {
      const cursor = frames[at]?.id ?? "";
      const byHeader = await readStream(eventsUrl(id), { headers: { "last-event-id": cursor } });
      assert.deepEqual(texts(byHeader.frames), texts(frames.slice(at + 1)));
      const byQuery = await readStream(eventsUrl(id, `?last_event_id=${cursor}`));
      assert.deepEqual(texts(byQuery.frames), texts(frames.slice(at + 1)));
    }
  });

  test("is whole for a client that drops and resumes at random moments of the run", async () => {
    const id = await service.run(FAN_OUT.replace("count: 200", "count: 1000"));
    const seen: Frame[] = [];
    for (let status = 200; status === 200 && seen.at(-1)?.event !== "end"; ) {
      const cursor = seen.at(-1)?.id;
      let left = 1 + Math.floor(Math.random() * 300);
      const part = await readStream(eventsUrl(id), {
        headers: cursor === undefined ? {} : { "last-event-id": cursor },
        until: () => --left === 0,
      });
      status = part.status;
      seen.push(...part.frames);
    }
    const whole = await readStream(eventsUrl(id));
    assert.deepEqual(texts(seen.filter((frame) => frame.event !== "end")), texts(whole.frames.slice(0, -1)));
  });

  test("answers 204 to a cursor that is at the end of a finished execution", async () => {
    const id = await service.run(FAN_OUT);
    const { frames } = await readStream(eventsUrl(id));
    const { status } = await readStream(eventsUrl(id), { headers: { "last-event-id": frames.at(-1)?.id ?? "" } });
    assert.equal(status, 204);
  });

  test("tells the end of an execution that has no events, with a cursor that stops a browser", async () => {
    const id = await service.run(EMPTY);
    const { frames } = await readStream(eventsUrl(id));
    assert.deepEqual(
      frames.map((frame) => frame.event),
      ["end"],
    );
    const again = await readStream(eventsUrl(id), { headers: { "last-event-id": frames[0]?.id ?? "" } });
    assert.equal(again.status, 204);
  });

  test("ends with reason timeout, and a cursor that carries on", async () => {
    const id = await service.run(SLOW);
    const { frames } = await readStream(eventsUrl(id, "?timeout=1.2"));
    assert.deepEqual(
      frames.map((frame) => frame.event),
      ["initiated", "processing", "end"],
    );
    assert.deepEqual(frames.at(-1)?.data, { reason: "timeout", status: "running" });
    const cancelled = service.client.executions.cancel(id);
    const rest = await readStream(eventsUrl(id), { headers: { "last-event-id": frames.at(-1)?.id ?? "" } });
    assert.deepEqual(
      rest.frames.map((frame) => frame.event),
      ["failed", "end"],
    );
    assert.deepEqual(rest.frames.at(-1)?.data, { reason: "cancelled", status: "cancelled" });
    assert.equal((await cancelled).current_status, "cancelled");
  });

  test("starts at the live edge with since=now", async () => {
    const id = await service.run(SLOW);
    await readStream(eventsUrl(id), { until: (frame) => frame.event === "processing" });
    const edge = readStream(eventsUrl(id, "?since=now"));
    await service.client.executions.cancel(id);
    const { frames } = await edge;
    assert.deepEqual(
      frames.map((frame) => frame.event),
      ["failed", "end"].slice(frames.length === 1 ? 1 : 0),
    );
  });

  test("sends the head and a retry line at once, before there is any event", async () => {
    const id = await service.run(SLOW);
    await readStream(eventsUrl(id), { until: (frame) => frame.event === "processing" });
    const response = await fetch(eventsUrl(id, "?since=now"), { headers: { "x-request-id": "my-own.id:1" } });
    assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
    assert.equal(response.headers.get("cache-control"), "private, no-store, no-transform");
    assert.equal(response.headers.get("x-accel-buffering"), "no");
    assert.equal(response.headers.get("vary"), "Origin, Accept");
    assert.equal(response.headers.get("x-request-id"), "my-own.id:1");
    assert.equal(response.headers.get("content-encoding"), null);
    const reader = response.body?.getReader();
    const { value } = (await reader?.read()) ?? {};
    const text = new TextDecoder().decode(value);
    assert.match(text, /^retry: [2-5]\d{3}\n$/);
    await reader?.cancel();
    await service.client.executions.cancel(id);
  });

  test("writes each frame whole, in chunks of HTTP/1.1, with LF line ends and the id last", async () => {
    const id = await service.run(FAN_OUT);
    await service.client.executions.wait(id, 30);
    const raw = await rawRequest(
      service.url,
      `GET /api/v1/executions/${id}/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    );
    const [head, body] = split(raw);
    assert.match(head, /\r\ntransfer-encoding: chunked/i);
    const chunks = decodeChunks(body);
    for (const chunk of chunks.slice(1))
      assert.match(chunk, /^(?:event: [a-z]+\ndata: [^\r\n]+\nid: [A-Za-z0-9._:-]+\n\n)+$/);
    assert.match(chunks[0] ?? "", /^retry: \d+\n/);
    assert.ok(!chunks.join("").includes("\r"));
  });

  test("serves HTTP/1.0 without chunks", async () => {
    const id = await service.run(EMPTY);
    const raw = await rawRequest(
      service.url,
      `GET /api/v1/executions/${id}/events HTTP/1.0\r\nHost: localhost\r\n\r\n`,
    );
    const [head, body] = split(raw);
    assert.doesNotMatch(head, /transfer-encoding/i);
    assert.match(body, /^retry: \d+\nevent: end\ndata: .*\nid: \d+\n\n$/);
  });

  test("answers HEAD with the same head and nothing else, and OPTIONS with what is allowed", async () => {
    const id = await service.run(SLOW);
    const head = await fetch(eventsUrl(id), { method: "HEAD" });
    assert.equal(head.status, 200);
    assert.equal(head.headers.get("content-type"), "text/event-stream; charset=utf-8");
    assert.equal(await head.text(), "");
    const options = await fetch(eventsUrl(id), { method: "OPTIONS" });
    assert.equal(options.status, 204);
    assert.equal(options.headers.get("allow"), "GET, HEAD, OPTIONS");
    await service.client.executions.cancel(id);
  });

  test("takes a tag wherever it takes an id", async () => {
    const id = await service.run(EMPTY, {}, "?tag=nightly-1");
    const { frames } = await readStream(eventsUrl("nightly-1"));
    assert.equal(frames.length, 1);
    assert.equal((await service.client.executions.get("nightly-1")).id, id);
  });

  test("refuses an Accept that rules it out, and takes any other", async () => {
    const id = await service.run(EMPTY);
    const statusOf = async (accept: string) => (await fetch(eventsUrl(id), { headers: { accept } })).status;
    assert.equal(await statusOf("application/json"), 406);
    assert.equal(await statusOf("text/event-stream;q=0, */*"), 406);
    const fine = ["*/*", "text/*", "text/event-stream", "text/html, */*;q=0.1", "text/event-stream; charset=UTF-8", ""];
    for (const accept of fine) assert.equal(await statusOf(accept), 200, accept);
  });

  test("refuses every kind of bad timeout and cursor, all errors at once", async () => {
    const id = await service.run(EMPTY);
    const other = await service.run(FAN_OUT);
    const { frames } = await readStream(eventsUrl(other));
    const errorsOf = async (query: string, headers: Record<string, string> = {}) => {
      const response = await fetch(eventsUrl(id, query), { headers });
      assert.equal(response.status, 422, query);
      const body = httpValidationErrorSchema.parse(await response.json());
      return body.detail;
    };
    assert.deepEqual(await errorsOf("?timeout=abc"), [
      {
        loc: ["query", "timeout"],
        msg: "Input should be a valid number, unable to parse string as a number",
        type: "float_parsing",
        input: "abc",
      },
    ]);
    assert.deepEqual((await errorsOf("?timeout=0.5"))[0]?.ctx, { ge: 1 });
    assert.equal((await errorsOf("?timeout=0"))[0]?.type, "greater_than_equal");
    assert.deepEqual((await errorsOf("?timeout=3601"))[0]?.ctx, { le: 3600 });
    for (const value of ["nan", "inf", "-Infinity", "1e999"])
      assert.equal((await errorsOf(`?timeout=${value}`))[0]?.type, "finite_number");
    for (const value of ["", "0x10", "1,5", "ten", "1 2", "--1"]) {
      assert.equal((await errorsOf(`?timeout=${encodeURIComponent(value)}`))[0]?.type, "float_parsing", value);
    }
    for (const cursor of ["junk", "-1", "99999999", "1.5", "9".repeat(10_000), "0x1", frames.at(-1)?.id ?? "", "1 2"]) {
      const found = [
        ...(await errorsOf("", { "last-event-id": cursor })),
        ...(await errorsOf(`?last_event_id=${encodeURIComponent(cursor)}`)),
      ];
      assert.deepEqual(
        found.map((error) => error.loc),
        [
          ["header", "Last-Event-ID"],
          ["query", "last_event_id"],
        ],
      );
      for (const { input } of found) assert.ok(String(input).length <= 1_001, "a long one does not come back whole");
    }
    const both = await errorsOf("?timeout=x&since=then", { "last-event-id": "junk" });
    assert.deepEqual(both.map((error) => error.loc.join(".")).sort(), [
      "header.Last-Event-ID",
      "query.since",
      "query.timeout",
    ]);
    for (const fine of ["?timeout=1e1", "?timeout=%201.5%20", "?timeout=3600", "?timeout=1&unknown=2"]) {
      assert.equal((await fetch(eventsUrl(id, fine))).status, 200, fine);
    }
  });

  test("answers 404 in the contract's shape for whatever is no execution", async () => {
    for (const name of ["nope", "0198c0de-0000-7000-8000-000000000000", "%F0%9F%92%A9", "..%2F..", "a".repeat(2000)]) {
      const response = await fetch(eventsUrl(name), { headers: { "x-request-id": "r1" } });
      assert.equal(response.status, 404, name);
      const body = errorResponseSchema.parse(await response.json());
      assert.equal(body.error_code, "EXECUTION_NOT_FOUND");
      assert.equal(body.correlation_id, "r1");
      assert.equal(typeof body.detail, "string");
      assert.ok(!Number.isNaN(Date.parse(String(body.timestamp))));
    }
  });

  test("carries several executions over one connection, resumable by one cursor, to the last one's end", async () => {
    const ids = await Promise.all([service.run(FAN_OUT), service.run(FAN_OUT), service.run(EMPTY)]);
    const query = ids.map((id) => `execution_id=${id}`).join("&");
    const { frames } = await readStream(`${service.url}/api/v1/events?${query}`);
    const ends = frames.filter((frame) => frame.event === "end");
    assert.deepEqual(ends.map((frame) => frame.data.execution_id).sort(), [...ids].sort());
    assert.equal(frames.at(-1)?.event, "end");
    assertOrdered(frames);
    for (const id of ids) {
      const alone = await readStream(eventsUrl(id));
      const own = frames.filter((frame) => frame.event !== "end" && frame.data.execution_id === id);
      assert.deepEqual(texts(own), texts(alone.frames.slice(0, -1)));
    }
    const half = Math.floor(frames.length / 2);
    const at = frames.findIndex((frame, index) => index >= half && frame.event !== "end");
    const rest = await readStream(`${service.url}/api/v1/events?${query}&last_event_id=${frames[at]?.id}`);
    assert.deepEqual(texts(rest.frames), texts(frames.slice(at + 1)));
    assert.equal((await fetch(`${service.url}/api/v1/events`)).status, 422);
    assert.equal((await fetch(`${service.url}/api/v1/events?execution_id=${ids[0]}&execution_id=nope`)).status, 404);
  });
});

function texts(frames: readonly Frame[]): string[] {
  return frames.map((frame) => `${frame.id} ${frame.event} ${JSON.stringify(frame.data)}`);
}

/** Ids only grow; an end has the id of the event before it. */
function assertOrdered(frames: readonly Frame[]): void {
  let last = 0;
  for (const frame of frames) {
    const id = Number(frame.id);
    assert.ok(frame.event === "end" ? id >= last : id > last, `${frame.id} after ${last}`);
    last = id;
  }
}

async function rawRequest(url: string, request: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(request);
  let text = "";
  for await (const chunk of socket) text += chunk;
  return text;
}

function split(raw: string): [string, string] {
  const at = raw.indexOf("\r\n\r\n");
  return [raw.slice(0, at), raw.slice(at + 4)];
}

function decodeChunks(body: string): string[] {
  const chunks: string[] = [];
  for (let at = 0; at < body.length; ) {
    const end = body.indexOf("\r\n", at);
    const size = Number.parseInt(body.slice(at, end), 16);
    if (size === 0) return chunks;
    chunks.push(body.slice(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
  throw new Error("the last chunk is missing");
}
