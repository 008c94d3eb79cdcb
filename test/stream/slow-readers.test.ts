import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { checkJournal } from "../support/check-journal.ts";
import { drops } from "../support/pipelines.ts";
import { RawReader } from "../support/raw-reader.ts";
import { readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";

// 60,003 events, some 25 MB: far more than the buffers of a connection hold.
const LARGE = drops(20_000, 8);

describe("a reader that does not read", () => {
  let service: ServiceProcess;
  const events = (id: string, query = "") => `${service.url}/api/v1/executions/${id}/events${query}`;
  before(async () => {
    service = await ServiceProcess.start();
  });
  after(() => service[Symbol.asyncDispose]());

  test("slows neither the run nor another reader down, and gets every event when it reads again", async () => {
    const id = await service.run(LARGE);
    const slow = await RawReader.open(events(id));
    slow.pause();
    const { frames } = await readStream(events(id));
    checkJournal(frames);
    assert.equal((await service.client.executions.get(id)).status, "completed");
    assert.ok(slow.frames.length < frames.length, "the slow one is behind");
    slow.resume();
    await slow.ended();
    assert.deepEqual(slow.frames, frames);
  });

  test("is let go of when the execution is deleted that it reads", async () => {
    const id = await service.run(LARGE);
    await service.client.executions.wait(id);
    const slow = await RawReader.open(events(id));
    slow.pause();
    await service.client.executions.delete(id);
    slow.resume();
    await slow.ended();
    assert.ok(slow.frames.length < 60_003, "it had not had all");
    assert.notEqual(slow.frames.at(-1)?.event, "end", "no end is told that there was none of");
    assert.equal((await fetch(events(id))).status, 404);
  });

  test("does not keep the service from stopping", async () => {
    const id = await service.run(LARGE);
    const slow = await RawReader.open(events(id));
    slow.pause();
    assert.equal(await service.end("SIGTERM"), 0);
    await service.start();
    slow.cut();
  });
});
