import assert from "node:assert/strict";
import { connect } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { checkJournal } from "../support/check-journal.ts";
import { readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";

const WORK = `
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 200 } }], outbound: [work] }
  work: { inbound: { concurrency: 4 }, adapters: [{ type: delay, config: { seconds: 0.01 } }] }
init_message: { route: make }
`;

/** That the run completes, and the stream that was open all the time has each event once. */
async function completes(service: ServiceProcess, id: string, watched: ReturnType<typeof readStream>): Promise<void> {
  assert.equal((await service.client.executions.wait(id, 60)).status, "completed", service.stderr);
  const { frames } = await watched;
  assert.equal(checkJournal(frames).filter(({ type }) => type === "completed").length, 201);
  assert.deepEqual((await readStream(`${service.url}/api/v1/executions/${id}/events`)).frames, frames);
}

test("while another process holds the database nothing is lost: requests are refused, health says so, and the run goes on after", async () => {
  await using service = await ServiceProcess.start();
  const id = await service.run(WORK);
  const begun = Promise.withResolvers<void>();
  const watched = readStream(`${service.url}/api/v1/executions/${id}/events`, {
    until: () => {
      begun.resolve();
      return false;
    },
  });
  // One that is opened while the database is held is refused.
  await begun.promise;
  const other = new DatabaseSync(join(service.dataDir, "millrace.db"));
  other.exec("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE");
  try {
    for (let tries = 0; (await fetch(`${service.url}/health/ready`)).status !== 503; tries += 1) {
      assert.ok(tries < 300, "health says so");
      await wait(10);
    }
    const refused = await fetch(`${service.url}/api/v1/executions/${id}/events`);
    await refused.body?.cancel();
    assert.equal(refused.status, 503);
    assert.ok(refused.headers.has("retry-after"));
    await wait(300);
  } finally {
    other.exec("ROLLBACK");
    other.close();
  }
  await completes(service, id, watched);
});

test("out of file descriptors the service takes no more connections, goes on with what it has, and takes them again", async () => {
  await using service = await ServiceProcess.start([], {}, ["bash", "-c", 'ulimit -n 64; exec "$@"', "service"]);
  const id = await service.run(WORK);
  const watched = readStream(`${service.url}/api/v1/executions/${id}/events`);
  await wait(50);
  const { hostname, port } = new URL(service.url);
  const sockets = Array.from({ length: 120 }, () => connect(Number(port), hostname).on("error", () => undefined));
  await wait(400);
  for (const socket of sockets) socket.destroy();
  await completes(service, id, watched);
});

test("an adapter that holds up the event loop for seconds costs time, and no event", async () => {
  await using service = await ServiceProcess.start();
  const id = await service.run(`
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 200 } }], outbound: [work] }
  work:
    inbound: { concurrency: 4 }
    error_handling: { retry_delay_seconds: 0.01 }
    adapters: [{ type: fail, config: { when: "index = 100", mode: block, attempts: 1 } }]
init_message: { route: make }
`);
  await completes(service, id, readStream(`${service.url}/api/v1/executions/${id}/events`));
});
