import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { createServer } from "node:net";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { createClient } from "@millrace/client";
import { checkJournal } from "../support/check-journal.ts";
import { Folder, inTerminal, millrace, RunningCommand } from "../support/command.ts";
import { eventually } from "../support/eventually.ts";
import { WAITS } from "../support/pipelines.ts";
import { RawReader } from "../support/raw-reader.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { watchThroughFaults } from "../support/watch-through-faults.ts";
import { isAlive, workerPids } from "../support/worker-pids.ts";

const BUSY = `
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 2000 } }], outbound: [work] }
  work: { inbound: { concurrency: 4 }, adapters: [{ type: delay, config: { seconds: 0.004 } }] }
init_message: { route: make }
`;

test("a worker that is killed is started again; clients go on with their cursors, and the run is not disturbed", async () => {
  await using service = await ServiceProcess.start(["--workers", "2"]);
  const id = await service.run(BUSY);
  const url = `${service.url}/api/v1/executions/${id}/events`;
  const watched = Array.from({ length: 6 }, () => watchThroughFaults(url));
  for (let kill = 0; kill < 4; kill += 1) {
    await wait(200 + Math.random() * 200);
    // One that was killed before may not be back yet.
    const victim = await eventually(() => {
      const pids = workerPids(service.pid);
      const pid = pids[kill % pids.length];
      assert.ok(pid !== undefined);
      return pid;
    });
    process.kill(victim, "SIGKILL");
  }
  await completes(service, id, watched);
  await eventually(async () => assert.match(await served(service), /2 of 2/));
  assert.equal(workerPids(service.pid).length, 2);
  assert.match(service.stderr, /a worker has ended; it is started again/);
});

test("workers go with the main process at once, so that a restart serves the same port, and clients resume", async () => {
  using folder = new Folder();
  await using service = await ServiceProcess.start(["--workers", "2"], { TMPDIR: folder.path });
  const id = await service.run(BUSY);
  const url = `${service.url}/api/v1/executions/${id}/events`;
  const watched = Array.from({ length: 6 }, () => watchThroughFaults(url));
  const temporary = () => readdirSync(folder.path).filter((name) => name.startsWith("millrace-"));
  for (let kill = 0; kill < 3; kill += 1) {
    await wait(300);
    assert.equal(temporary().length, 1);
    const pids = workerPids(service.pid);
    assert.equal(pids.length, 2);
    await service.end("SIGKILL");
    await eventually(() => assert.deepEqual(pids.filter(isAlive), [], "a worker lives on"));
    assert.deepEqual(temporary(), [], "they have cleaned up behind it");
    await service.start();
  }
  await completes(service, id, watched);
});

test("at SIGTERM the streams of all workers end with reason shutdown, and nothing is left behind", async () => {
  await using service = await ServiceProcess.start(["--workers", "3", "--shutdown-grace", "0.2"]);
  const id = await service.run(WAITS);
  const pids = workerPids(service.pid);
  const readers = await Promise.all(
    Array.from({ length: 24 }, () => RawReader.open(`${service.url}/api/v1/executions/${id}/events`)),
  );
  // A service manager may send the signal to every process of the group.
  for (const pid of pids) process.kill(pid, "SIGTERM");
  assert.equal(await service.end("SIGTERM"), 0);
  await Promise.all(readers.map((reader) => reader.ended()));
  for (const { frames } of readers) {
    assert.deepEqual([frames.at(-1)?.event, frames.at(-1)?.data.reason], ["end", "shutdown"]);
  }
  assert.ok(!pids.some(isAlive));
  assert.doesNotMatch(service.stderr, /error|a worker has ended/);
});

test("Ctrl-C in a terminal, which reaches every process, stops the service in order", async () => {
  using folder = new Folder();
  const ended = await inTerminal(["serve", "--workers", "2", "--port", "0", "--data-dir", folder.at("data")], {
    keys: [{ after: "the API, to be browsed", send: "\x03" }],
  });
  assert.equal(ended.code, 0, ended.stdout);
  assert.doesNotMatch(ended.stdout, /a worker has ended/);
});

test("a port that another service has is refused, also where that one shares it among workers", async () => {
  await using service = await ServiceProcess.start(["--workers", "2"]);
  using folder = new Folder();
  const { port } = new URL(service.url);
  const refused = await Promise.all(
    ["1", "2"].map((workers) =>
      millrace(["serve", "--workers", workers, "--port", port, "--data-dir", folder.at(workers)]),
    ),
  );
  for (const { code, stderr } of refused) {
    assert.equal(code, 2);
    assert.match(stderr, /cannot listen on 127\.0\.0\.1:\d+: another process listens there\. .*--port/);
  }
  assert.equal((await service.client.system.ready()).status, "healthy");
});

test("every worker listens when the service says that it does, on one port, whatever name the host has", async () => {
  using folder = new Folder();
  await using serve = new RunningCommand([
    ...["serve", "--workers", "2", "--port", "0", "--host", "localhost", "--data-dir", folder.at("data")],
  ]);
  await serve.shows("Millrace listens on");
  const [, url = ""] = /^Millrace listens on (http:\/\/localhost:\d+)\n$/.exec(serve.stdout) ?? [];
  const health = await createClient({ baseUrl: url }).system.ready();
  assert.equal(health.components.workers?.detail, "2 of 2 serve");
  // Nobody else can have it.
  const taken = createServer();
  const error = await new Promise<NodeJS.ErrnoException>((resolve) =>
    taken.once("error", resolve).listen(Number(new URL(url).port), "127.0.0.1"),
  );
  assert.equal(error.code, "EADDRINUSE");
});

/** That the run completes, and each of those who watched it saw each event once. */
async function completes(
  service: ServiceProcess,
  id: string,
  watched: readonly ReturnType<typeof watchThroughFaults>[],
): Promise<void> {
  const url = `${service.url}/api/v1/executions/${id}/events`;
  // Over as many connections, since a worker that is killed takes along those that it has.
  const frames = await watchThroughFaults(url);
  checkJournal(frames);
  assert.equal(frames.at(-1)?.data.reason, "completed", service.stderr);
  for (const seen of await Promise.all(watched)) {
    assert.deepEqual(
      seen.map((frame) => frame.id),
      frames.map((frame) => frame.id),
      "each event once",
    );
  }
}

/** How many workers serve. */
async function served(service: ServiceProcess): Promise<string> {
  return (await service.client.system.ready()).components.workers?.detail ?? "";
}
