import assert from "node:assert/strict";
import { test } from "node:test";
import { errorResponseSchema } from "@millrace/protocol";
import { eventually } from "../support/eventually.ts";
import { untilNobodyWatches } from "../support/open-streams.ts";
import { WAITS } from "../support/pipelines.ts";
import { RawReader } from "../support/raw-reader.ts";
import { ServiceProcess } from "../support/service-process.ts";

test("over max_subscribers a stream is refused with when to come back, and one that ends in any way makes room", async () => {
  await using service = await ServiceProcess.start(["--max-subscribers", "2"]);
  const id = await service.run(WAITS);
  const url = `${service.url}/api/v1/executions/${id}/events`;
  const first = await RawReader.open(url);
  const second = await RawReader.open(`${url}?timeout=1`);
  assert.deepEqual([first.status, second.status], [200, 200]);
  const refused = await fetch(url);
  assert.equal(refused.status, 503);
  assert.ok(Number(refused.headers.get("retry-after")) > 0);
  assert.equal(errorResponseSchema.parse(await refused.json()).error_code, "TOO_MANY_SUBSCRIBERS");
  // One goes away, the other's time is over: both are freed.
  first.cut();
  await second.ended();
  await untilNobodyWatches(service);
  const third = await RawReader.open(url);
  const head = await fetch(url, { method: "HEAD" });
  const fourth = await RawReader.open(url);
  assert.deepEqual([third.status, head.status, fourth.status], [200, 200, 200], "HEAD takes no place");
  third.cut();
  fourth.cut();
});

test("a quiet stream carries a comment of one line after fifteen seconds, and nothing else", async () => {
  await using service = await ServiceProcess.start();
  const id = await service.run(WAITS);
  const reader = await RawReader.open(`${service.url}/api/v1/executions/${id}/events`);
  await eventually(() => assert.match(reader.text, /\n:\n$/, "there is no heartbeat"));
  assert.equal(reader.frames.length, 2, "initiated and processing");
  assert.match(reader.text.slice(reader.text.lastIndexOf("id: ")), /^id: \d+\n\n:\n$/);
  reader.cut();
});
