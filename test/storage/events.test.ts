import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { httpValidationErrorSchema, writtenDataSchema } from "@millrace/protocol";
import { EventSource } from "eventsource";
import { type Frame, readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { StorageService } from "./storage-service.ts";

const COUNT = 300;
const PIPELINE = `
version: "1.0"
name: writes
error_handling: { max_retries: 3, retry_delay_seconds: 0.01 }
routes:
  make: { adapters: [{ type: generate, config: { count: ${COUNT} } }], outbound: [store] }
  store:
    inbound: { concurrency: 8 }
    adapters:
      - { type: delay, config: { seconds: 0.005 } }
      - { type: store_write, config: { stage: numbers, name: "n\${index}.json" } }
init_message: { route: make }
`;

describe("the stream of objects", () => {
  let storage: StorageService;
  before(async () => {
    storage = await StorageService.start();
  });
  after(() => storage[Symbol.asyncDispose]());

  const url = (query: string) => `${storage.api}/storage/events?${query}`;
  const read = async (query: string, headers: Record<string, string> = {}) => {
    const { status, frames } = await readStream(url(query), { headers });
    assert.equal(status, 200, query);
    return frames;
  };
  const unfit = async (expected: [type: string, ...loc: string[]][], query: string, headers = {}) => {
    const response = await fetch(url(query), { headers });
    assert.equal(response.status, 422, query);
    const { detail } = httpValidationErrorSchema.parse(await response.json());
    assert.deepEqual(detail.map(({ type, loc }) => [type, ...loc]).sort(), expected.sort());
  };

  test("whoever comes while objects are written, or after, sees each once with what a list says of it, then the end", async () => {
    const id = await storage.service.run(PIPELINE);
    const [live, late] = [await read(`execution_id=${id}`), await read(`execution_id=${id}`)];
    assert.deepEqual(late, live);
    const written = live.filter(({ event }) => event === "written").map(({ data }) => writtenDataSchema.parse(data));
    const response = await storage.get(`objects?execution_id=${id}&limit=1000`);
    const { objects } = (await response.json()) as { objects: { key: string }[] };
    assert.equal(objects.length, COUNT);
    const described = written.map(({ type, timestamp, ...object }) => {
      assert.deepEqual([type, timestamp], ["written", object.created_at]);
      return object;
    });
    assert.deepEqual(
      described.toSorted((a, b) => (a.key < b.key ? -1 : 1)),
      objects,
    );
    assert.deepEqual(live.at(-1)?.data, { reason: "completed", status: "completed", execution_id: id });
    const ids = live.map((frame) => Number(frame.id));
    assert.deepEqual(
      ids,
      [...ids].sort((a, b) => a - b),
    );
    assert.equal(new Set(ids.slice(0, -1)).size, COUNT);
  });

  test("objects are chosen by stage, path and extension; a cursor goes with any choice", async () => {
    const id = await storage.write([
      { key: "s/a.json" },
      { key: "s/x/b.md" },
      { key: "t/x/c.JSON" },
      { key: "t/x/y/d.md" },
      { key: "s/a.json" },
    ]);
    const names = (frames: Frame[]) =>
      frames.filter(({ event }) => event === "written").map(({ data }) => `${data.stage}/${data.name}`);
    const chosen = async (query: string) => names(await read(`execution_id=${id}&${query}`));
    assert.deepEqual(await chosen(""), ["s/a.json", "s/x/b.md", "t/x/c.JSON", "t/x/y/d.md", "s/a.json"]);
    assert.deepEqual(await chosen("stage=t"), ["t/x/c.JSON", "t/x/y/d.md"]);
    assert.deepEqual(await chosen("extension=.json"), ["s/a.json", "t/x/c.JSON", "s/a.json"]);
    assert.deepEqual(await chosen("path=x"), ["s/x/b.md", "t/x/c.JSON", "t/x/y/d.md"]);
    assert.deepEqual(await chosen("path=x/*"), ["s/x/b.md", "t/x/c.JSON"]);
    assert.deepEqual(await chosen("path=**/*.md&stage=t"), ["t/x/y/d.md"]);
    assert.deepEqual(await chosen(`path=executions/${id}/put/s/**`), ["s/a.json", "s/x/b.md", "s/a.json"]);
    assert.deepEqual(await chosen("path=nothing"), []);
    const [first] = await read(`execution_id=${id}&stage=t`);
    const rest = await read(`execution_id=${id}`, { "last-event-id": first?.id ?? "" });
    assert.deepEqual(names(rest), ["t/x/y/d.md", "s/a.json"]);
    const byQuery = await read(`execution_id=${id}&last_event_id=${first?.id}`);
    assert.deepEqual(byQuery, rest);
  });

  test("one stream carries several executions, each with its end; a tag names one", async () => {
    const one = await storage.service.run(PIPELINE, {}, "?tag=watched");
    const other = await storage.write([{ key: "s/a" }]);
    const frames = await read(`execution_id=watched&execution_id=${other}&extension=json&stage=numbers,s`);
    const ends = frames.filter(({ event }) => event === "end").map(({ data }) => data.execution_id);
    assert.deepEqual(ends.toSorted(), [one, other].toSorted());
    assert.equal(frames.filter(({ event }) => event === "written").length, COUNT);
  });

  test("a stream that is kept open tells of the end and stays until its time is over", async () => {
    const id = await storage.write([{ key: "s/a" }]);
    const reasons = (frames: Frame[]) => frames.map(({ event, data }) => data.reason ?? event);
    assert.deepEqual(reasons(await read(`execution_id=${id}&keep_open=true&timeout=1`)), [
      "written",
      "completed",
      "timeout",
    ]);
    const cursor = (await read(`execution_id=${id}`)).at(-1)?.id;
    assert.equal((await readStream(url(`execution_id=${id}&last_event_id=${cursor}`))).status, 204);
    const again = await read(`execution_id=${id}&last_event_id=${cursor}&keep_open=yes&timeout=1`);
    assert.deepEqual(reasons(again), ["completed", "timeout"]);
  });

  test("eventsource from npm sees each object once, over short connections, and stops by itself", async () => {
    const id = await storage.service.run(PIPELINE.replace("0.005", "0.06"));
    const seen: string[] = [];
    await new Promise<void>((resolve) => {
      const source = new EventSource(url(`execution_id=${id}&timeout=1`));
      source.addEventListener("written", ({ data }) => seen.push(JSON.parse(data).key));
      source.addEventListener("error", () => {
        if (source.readyState === source.CLOSED) resolve();
      });
    });
    assert.deepEqual(
      seen,
      (await read(`execution_id=${id}`)).slice(0, -1).map(({ data }) => data.key),
    );
    assert.equal(seen.length, COUNT);
  });

  test("what is asked for wrongly is refused with all that is wrong", async () => {
    const id = await storage.write([{ key: "s/a" }]);
    const other = await storage.write([{ key: "s/a" }]);
    await unfit([["missing", "query", "execution_id"]], "timeout=5");
    await unfit(
      [
        ["greater_than_equal", "query", "timeout"],
        ["bool_parsing", "query", "keep_open"],
        ["literal_error", "query", "since"],
      ],
      `execution_id=${id}&timeout=0.5&keep_open=maybe&since=yesterday`,
    );
    const [foreign] = await read(`execution_id=${other}`);
    for (const cursor of ["junk", "99999999", foreign?.id ?? "", "-1", "1e3"]) {
      await unfit([["value_error", "query", "last_event_id"]], `execution_id=${id}&last_event_id=${cursor}`);
      await unfit([["value_error", "header", "Last-Event-ID"]], `execution_id=${id}`, { "last-event-id": cursor });
    }
    assert.equal((await fetch(url("execution_id=nobody"))).status, 404);
    assert.equal((await fetch(url(`execution_id=${id}`), { headers: { accept: "application/json" } })).status, 406);
    const head = await fetch(url(`execution_id=${id}`), { method: "HEAD" });
    assert.deepEqual(
      ["content-type", "cache-control", "x-accel-buffering"].map((name) => head.headers.get(name)),
      ["text/event-stream; charset=utf-8", "private, no-store, no-transform", "no"],
    );
  });
});

test("a cursor outlives the service's death: what is written before and after it is told once, in one order", async () => {
  await using service = new ServiceProcess();
  await service.start();
  const id = await service.run(PIPELINE.replace("0.005", "0.02"));
  const url = () => `${service.url}/api/v1/storage/events?execution_id=${id}`;
  const seen: Frame[] = [];
  for (let life = 0; life < 4; life += 1) {
    const headers = seen.length === 0 ? {} : { "last-event-id": seen.at(-1)?.id ?? "" };
    let left = 25;
    const { frames } = await readStream(url(), {
      headers,
      until: () => {
        left -= 1;
        return left === 0;
      },
    });
    seen.push(...frames.slice(0, 25));
    await service.end("SIGKILL");
    await service.start();
  }
  const { frames: rest } = await readStream(url(), { headers: { "last-event-id": seen.at(-1)?.id ?? "" } });
  seen.push(...rest);
  const { frames: whole } = await readStream(url());
  assert.deepEqual(seen, whole);
  const keys = new Set(whole.slice(0, -1).map(({ data }) => data.key));
  assert.equal(keys.size, COUNT, "each object is told of; one that was written again by a redone step, again");
});
