import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { checkJournal } from "../support/check-journal.ts";
import { eventually } from "../support/eventually.ts";
import { HeldAdapter } from "../support/held-adapter.ts";
import { untilNobodyWatches } from "../support/open-streams.ts";
import { WAITS } from "../support/pipelines.ts";
import { RawReader } from "../support/raw-reader.ts";
import { readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { openSockets, workerPids } from "../support/worker-pids.ts";

const BUSY = `
version: "1.0"
error_handling: { retry_delay_seconds: 0.01 }
routes:
  make: { adapters: [{ type: generate, config: { count: 3000 } }], outbound: [work] }
  work:
    inbound: { concurrency: 8 }
    adapters:
      - { type: delay, config: { seconds: 0.001 } }
      - { type: fail, config: { when: "index % 100 = 7", attempts: 1 } }
init_message: { route: make }
`;

const BLOCKS = `
version: "1.0"
routes: { block: { adapters: [{ type: held, config: { busy: true } }] } }
init_message: { route: block }
`;

test("watchers see the same bytes, whichever worker serves them, and whenever they come", async () => {
  await using service = await ServiceProcess.start(["--workers", "2"]);
  const before = workerPids(service.pid).map(openSockets);
  const id = await service.run(BUSY);
  const url = `${service.url}/api/v1/executions/${id}/events`;
  const early = await Promise.all(Array.from({ length: 16 }, () => RawReader.open(url)));
  const during = workerPids(service.pid).map(openSockets);
  assert.equal(during.length, 2);
  for (const [index, sockets] of during.entries()) assert.ok(sockets > (before[index] ?? 0), "each worker has some");
  await wait(300);
  const late = await Promise.all(Array.from({ length: 16 }, () => RawReader.open(url)));
  const both = await readStream(`${service.url}/api/v1/events?execution_id=${id}`);
  await Promise.all([...early, ...late].map((reader) => reader.ended()));
  const after = await RawReader.open(url);
  await after.ended();
  const bodies = new Set([...early, ...late, after].map((reader) => bodyOf(reader.text)));
  assert.equal(bodies.size, 1);
  const events = checkJournal(after.frames);
  assert.deepEqual(
    both.frames.slice(0, -1).map(({ id: own, data }) => [own, data]),
    after.frames.slice(0, -1).map(({ id: own, data }) => [own, data]),
  );
  assert.ok(events.length > 9_000);
});

test("progress is told by every worker, up to the last count", async () => {
  await using service = await ServiceProcess.start(["--workers", "2"]);
  const id = await service.run(BUSY);
  const url = `${service.url}/api/v1/executions/${id}/events?view=progress`;
  const streams = await Promise.all(Array.from({ length: 12 }, () => readStream(url)));
  for (const { frames } of streams) {
    const states = frames.slice(0, -1).map(({ event, data }) => [event, data.completed]);
    assert.ok(states.length > 2);
    assert.deepEqual(states.at(-1), ["progress", 3_001]);
    assert.equal(frames.at(-1)?.data.reason, "completed");
  }
});

test("max_subscribers holds for all workers together: each may have them all, and no more are served", async () => {
  await using service = await ServiceProcess.start(["--workers", "2", "--max-subscribers", "10"]);
  const id = await service.run(WAITS);
  const url = `${service.url}/api/v1/executions/${id}/events`;
  for (let round = 0; round < 5; round += 1) {
    // More than there is room for: at once, and then one after the other.
    const readers = await Promise.all(Array.from({ length: 12 }, () => RawReader.open(url)));
    for (let more = 0; more < 4; more += 1) readers.push(await RawReader.open(url));
    const refused = readers.filter(({ status }) => status !== 200);
    assert.equal(refused.length, 6);
    assert.ok(refused.every(({ status, text }) => status === 503 && text.includes("TOO_MANY_SUBSCRIBERS")));
    assert.equal((await service.client.system.ready()).components.streams?.status, "degraded");
    await cutAll(service, readers);
    // All of them make room, whichever workers the next ones meet.
    const again = await Promise.all(Array.from({ length: 10 }, () => RawReader.open(url)));
    assert.deepEqual(
      again.map(({ status }) => status),
      Array(10).fill(200),
    );
    await cutAll(service, again);
  }
});

test("while the journal cannot be written no worker opens a stream, and afterwards each does", async () => {
  await using service = await ServiceProcess.start(["--workers", "2"]);
  const id = await service.run(WAITS);
  const url = `${service.url}/api/v1/executions/${id}/events`;
  const open = await RawReader.open(url);
  const statuses = async () => {
    const readers = await Promise.all(Array.from({ length: 12 }, () => RawReader.open(url)));
    for (const reader of readers) reader.cut();
    return [...new Set(readers.map(({ status, text }) => `${status} ${text.includes("STREAMER_UNAVAILABLE")}`))];
  };
  const other = new DatabaseSync(join(service.dataDir, "millrace.db"));
  other.exec("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE");
  // Something must be written before anybody can notice.
  let cancelled = false;
  const cancelling = service.client.executions.cancel(id).then(
    () => {
      cancelled = true;
    },
    () => undefined,
  );
  await eventually(async () => assert.deepEqual(await statuses(), ["503 true"]));
  assert.ok(!cancelled);
  other.exec("ROLLBACK");
  other.close();
  await cancelling;
  if (!cancelled) await eventually(() => service.client.executions.cancel(id));
  await open.ended();
  assert.equal(open.frames.at(-1)?.data.reason, "cancelled", "the stream that was open has stayed so");
  await eventually(async () => assert.deepEqual(await statuses(), ["200 false"]));
});

test("an adapter that blocks the process silences no stream of the workers", async () => {
  using held = new HeldAdapter();
  await using service = await ServiceProcess.start(["--workers", "2", ...held.flags]);
  const quiet = await service.run(WAITS);
  const readers = await Promise.all(
    Array.from({ length: 8 }, () => RawReader.open(`${service.url}/api/v1/executions/${quiet}/events`)),
  );
  await eventually(() => assert.ok(readers.every(({ frames }) => frames.length === 2)));
  const answers = async () => {
    const live = await fetch(`${service.url}/health/live`, { signal: AbortSignal.timeout(1_000) }).catch(() => null);
    return live !== null;
  };
  const blocked = service.run(BLOCKS);
  await eventually(async () => assert.ok(!(await answers()), "the main process is blocked"));
  const before = readers.map(({ text }) => text.length);
  await eventually(() => {
    for (const [index, { text }] of readers.entries()) assert.match(text.slice(before[index]), /^(?::\n)+$/);
  });
  assert.ok(!(await answers()), "every heartbeat has come while the main process could not answer");
  held.letThrough(1);
  await blocked;
  for (const reader of readers) reader.cut();
});

/** Cuts off all that are open; the workers have noticed when it resolves. */
async function cutAll(service: ServiceProcess, readers: readonly RawReader[]): Promise<void> {
  for (const reader of readers) reader.cut();
  await untilNobodyWatches(service);
}

/** Without what differs: the head, and the time after which to come back. */
function bodyOf(text: string): string {
  return text.slice(text.indexOf("\r\n\r\n")).replace(/^retry: \d+$/m, "retry:");
}
