import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { checkJournal } from "../support/check-journal.ts";
import { millrace } from "../support/command.ts";
import { readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { watchThroughFaults } from "../support/watch-through-faults.ts";

/** How often the service is killed: a few times in CI, more with MILLRACE_KILLS (a variable of this test alone). */
const KILLS = Number(process.env.TEST_KILLS ?? 6);

const PIPELINE = `
version: "1.0"
name: killed
error_handling: { retry_delay_seconds: 0.05, max_retries: 2, on_error: continue }
routes:
  make:
    adapters: [{ type: generate, config: { count: ${200 * KILLS} } }]
    outbound: [work]
  work:
    inbound: { concurrency: 8 }
    adapters:
      - { type: delay, config: { seconds: 0.004 } }
      - { type: fail, config: { when: "index % 50 = 7", attempts: 1 } }
      - { type: fail, name: hopeless, config: { when: "index % 100 = 9", retryable: false } }
    outbound: [gather, split]
  gather:
    adapters: [{ type: batch, config: { size: 10, seconds: 0.3 } }]
    outbound: [end]
  split:
    inbound: { concurrency: 4 }
    adapters:
      - { type: json_transform, config: { expression: '{ "parts": [1, 2], "index": index }' } }
      - { type: split, config: { field: parts } }
    outbound: [end]
  end: { inbound: { concurrency: 4 }, adapters: [{ type: filter, config: { when: "false" } }] }
init_message: { route: make }
`;

test("a service that is killed at any moment goes on from its last transition, without being asked", async () => {
  await using service = await ServiceProcess.start();
  const id = await service.run(PIPELINE);
  const url = `${service.url}/api/v1/executions/${id}/events`;
  const watched = watchThroughFaults(url);
  for (let kill = 0; kill < KILLS; kill += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100 + Math.random() * 500));
    await service.end("SIGKILL");
    await service.start();
  }
  const result = await service.client.executions.wait(id, 120);
  assert.equal(result.status, "completed", service.stderr);
  const { frames } = await readStream(url);
  const events = checkJournal(frames);
  const count = 200 * KILLS;
  const settledOn = (route: string, type: string) =>
    events.filter(
      (event) => event.route === route && event.type === type && !(event.type === "failed" && event.will_retry),
    ).length;
  assert.equal(settledOn("work", "failed"), count / 100);
  assert.equal(settledOn("work", "completed"), count - count / 100);
  assert.equal(settledOn("split", "completed"), count - count / 100);
  const gathered = events.filter((event) => event.route === "gather" && event.type === "completed").length;
  assert.equal(gathered, count - count / 100);
  const seen = await watched;
  assert.deepEqual(
    seen.map((frame) => frame.id),
    frames.map((frame) => frame.id),
    "a client that resumed with its cursor saw each event once",
  );
  await service.end("SIGTERM");
  const database = new DatabaseSync(join(service.dataDir, "millrace.db"), { readOnly: true });
  assert.equal(database.prepare("PRAGMA integrity_check").get()?.integrity_check, "ok");
  database.close();
});

test("that a run was taken up again is said where an operator looks: when, and how many messages were begun again", async () => {
  await using service = await ServiceProcess.start();
  const id = await service.run(`
version: "1.0"
routes:
  a: { adapters: [{ type: generate, config: { count: 3 } }], outbound: [b] }
  b: { inbound: { concurrency: 2 }, adapters: [{ type: delay, config: { seconds: 1 } }] }
init_message: { route: a }
`);
  assert.deepEqual((await service.client.executions.get(id)).recoveries, []);
  const url = `${service.url}/api/v1/executions/${id}/events`;
  let begun = 0;
  const { frames } = await readStream(url, {
    until: ({ event, data }) => {
      if (event === "processing" && data.route === "b") begun += 1;
      return begun === 2;
    },
  });
  const before = new Date().toISOString();
  await service.end("SIGKILL");
  await service.start();
  const rest = await readStream(url, { headers: { "last-event-id": frames.at(-1)?.id ?? "" } });
  assert.equal(rest.frames.at(-1)?.data.reason, "completed");
  checkJournal([...frames, ...rest.frames]);
  const { recoveries } = await service.client.executions.get(id);
  assert.deepEqual(
    recoveries.map(({ redone }) => redone),
    [2],
  );
  const at = recoveries[0]?.at ?? "";
  assert.ok(at >= before && at <= new Date().toISOString());
  const shown = await millrace(["executions", "get", id, "--url", service.url]);
  assert.match(shown.stdout, new RegExp(`taken up again ${at} .*2 messages begun again`));
  assert.ok(!JSON.stringify((await service.client.executions.list()).executions).includes("recoveries"));
});

test("an adapter that ends the process is blamed in the journal, and the next attempt is made after the restart", async () => {
  await using service = await ServiceProcess.start();
  const id = await service.run(`
version: "1.0"
error_handling: { retry_delay_seconds: 0.01 }
routes: { a: { adapters: [{ type: delay, config: { seconds: 0.2 } }, { type: fail, config: { mode: exit, attempts: 1 } }] } }
init_message: { route: a }
`);
  await service.ended();
  await service.start();
  const { frames } = await readStream(`${service.url}/api/v1/executions/${id}/events`);
  checkJournal(frames);
  assert.deepEqual(
    frames.map((frame) => frame.event),
    ["initiated", "processing", "processing", "failed", "initiated", "processing", "processing", "completed", "end"],
  );
  assert.equal(JSON.stringify(frames[3]?.data).includes("ADAPTER_EXITED"), true);
});

test("SIGTERM ends streams with reason shutdown and exits with 0; the run goes on after the next start", async () => {
  await using service = await ServiceProcess.start(["--shutdown-grace", "0.2"]);
  const id = await service.run(`
version: "1.0"
routes: { a: { adapters: [{ type: delay, config: { seconds: 1.5 } }] } }
init_message: { route: a }
`);
  const url = `${service.url}/api/v1/executions/${id}/events`;
  let begun = () => {};
  const running = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const stream = readStream(url, {
    until: (frame) => {
      if (frame.event === "processing") begun();
      return false;
    },
  });
  await running;
  assert.equal(await service.end("SIGTERM"), 0);
  const { frames } = await stream;
  assert.deepEqual(frames.at(-1)?.data, { reason: "shutdown", status: "running" });
  await service.start();
  const rest = await readStream(url, { headers: { "last-event-id": frames.at(-1)?.id ?? "" } });
  assert.deepEqual(
    rest.frames.map((frame) => frame.event),
    ["completed", "end"],
  );
  checkJournal((await readStream(url)).frames);
});
