import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { errorResponseSchema, healthSchema } from "@millrace/protocol";
import { fillDisk, mount, unmount } from "../../packages/stores/src/support/small-disk.ts";
import { checkJournal } from "../support/check-journal.ts";
import { millrace } from "../support/command.ts";
import { type Frame, readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";

const MESSAGES = 1_000;
const TEXT = "x".repeat(500);

/** So many messages are done before the disk is at fault; the others are held until it is. */
const BEFORE = 50;

/** Attempts enough for as long as the disk is kept from it. */
const work = (go: string) => `
version: "1.0"
routes:
  make:
    adapters: [{ type: generate, config: { count: ${MESSAGES}, payload: { text: ${TEXT} } } }]
    outbound: [work]
  work:
    inbound: { concurrency: 4 }
    error_handling: { max_retries: 50, retry_delay_seconds: 0.02, max_delay_seconds: 0.2 }
    adapters:
      - { type: ./test/faults/adapters/hold.ts, config: { from: ${BEFORE}, file: ${go} } }
      - { type: store_write, config: { name: "\${index}.json" } }
init_message: { route: make }
`;

const STAY = `
version: "1.0"
routes:
  stay: { adapters: [{ type: delay, config: { seconds: 3000 } }] }
init_message: { route: stay }
`;

test("while the disk is full nothing is lost: requests are refused with the reason, and when there is room the run completes", async (t) => {
  await using disk = await onDisk(t, ["-t", "tmpfs", "-o", "size=64m", "tmpfs"]);
  if (disk === null) return;
  const { service } = disk;
  await service.start();
  const waiting = await service.run(STAY);
  const id = await service.run(work(disk.go));
  const watched = watch(service, id);
  await watched.completes(BEFORE);
  const free = fillDisk(service.dataDir);
  disk.letGo();
  await isUnhealthy(service, /Commits fail: .*(full|I\/O)/);
  await refuses(service, id, waiting);
  assert.match(service.stderr, /the store in \S+ cannot be written: .*(full|I\/O)/, "the log says so");
  const spent = cpuMs(service.pid);
  await wait(1_000);
  assert.ok(cpuMs(service.pid) - spent < 500, "it waits, and does not go round in a circle");
  free();
  await isHealthy(service);
  assert.match(service.stderr, /the store can be written again/, "the log says so");
  await isWhole(service, id, await watched.ended);
  await service.client.executions.cancel(waiting);
  await endsSound(service);
});

test("a service that is stopped while the disk is full ends, says at a start what to do, and goes on when there is room", async (t) => {
  await using disk = await onDisk(t, ["-t", "tmpfs", "-o", "size=64m", "tmpfs"]);
  if (disk === null) return;
  const { service } = disk;
  await service.start(["--shutdown-grace", "0.1"]);
  const id = await service.run(work(disk.go));
  await watch(service, id).completes(BEFORE);
  const fillings = [fillDisk(service.dataDir)];
  disk.letGo();
  await isUnhealthy(service, /Commits fail/);
  assert.equal(await service.end("SIGTERM"), 0, service.stderr);
  // Closing the files may have given some of it back.
  fillings.push(fillDisk(service.dataDir));
  await saysAtStart(service, /[Mm]ake room/);
  for (const free of fillings) free();
  await service.start();
  await isWhole(service, id, await watch(service, id).ended);
  await endsSound(service);
});

test("while the disk cannot be written nothing is lost: what is there can be read, a start says what to do, and the run goes on once it is mended", async (t) => {
  const image = join(mkdtempSync(join(tmpdir(), "millrace-disk-")), "image");
  try {
    spawnSync("truncate", ["-s", "64M", image]);
    spawnSync("mkfs.ext4", ["-q", "-F", image]);
    const args = ["-o", "loop,errors=remount-ro", image];
    await using disk = await onDisk(t, args);
    if (disk === null) return;
    const { service } = disk;
    // Such an end takes what was not flushed.
    await service.start(["--shutdown-grace", "0.1", "--durability", "full"]);
    const waiting = await service.run(STAY);
    const id = await service.run(work(disk.go));
    await watch(service, id).completes(BEFORE);
    // What the system does by itself when the disk fails.
    const device = spawnSync("findmnt", ["-no", "SOURCE", service.dataDir]).stdout.toString().trim();
    writeFileSync(`/sys/fs/ext4/${basename(device)}/trigger_fs_error`, "test\n");
    disk.letGo();
    await isUnhealthy(service, /Commits fail: /);
    await refuses(service, id, waiting);
    assert.equal(await service.end("SIGTERM"), 0, service.stderr);
    await saysAtStart(service, /must be a directory that this user may write to|[Mm]ake room/);
    unmount(service.dataDir);
    spawnSync("e2fsck", ["-fy", image]);
    mount(t, [...args, service.dataDir]);
    await service.start();
    await isWhole(service, id, await watch(service, id).ended);
    await service.client.executions.cancel(waiting);
    await endsSound(service);
  } finally {
    rmSync(dirname(image), { recursive: true });
  }
});

/** A service, not yet started, whose data directory is a disk of its own; null, and the test is skipped, without one. */
async function onDisk(t: TestContext, args: readonly string[]) {
  const service = new ServiceProcess();
  const folder = mkdtempSync(join(tmpdir(), "millrace-go-"));
  const go = join(folder, "go");
  const disk = {
    service,
    go,
    letGo: () => writeFileSync(go, ""),
    async [Symbol.asyncDispose]() {
      await service.end("SIGKILL");
      unmount(service.dataDir);
      rmSync(folder, { recursive: true });
      await service[Symbol.asyncDispose]();
    },
  };
  if (mount(t, [...args, service.dataDir])) return disk;
  await disk[Symbol.asyncDispose]();
  return null;
}

/** Watches a run, from its first event to its end. */
function watch(service: ServiceProcess, id: string) {
  const enough = Promise.withResolvers<void>();
  let wanted = Number.POSITIVE_INFINITY;
  let completed = 0;
  const ended = readStream(`${service.url}/api/v1/executions/${id}/events`, {
    until: ({ event, data }) => {
      if (event === "completed" && data.route === "work") completed += 1;
      if (completed >= wanted) enough.resolve();
      return false;
    },
  }).then(({ frames }) => frames);
  // A service that is ended cuts it: that is for who waits for its end.
  ended.catch(() => undefined);
  return {
    ended,
    /** Resolves when so many messages are done. */
    completes(messages: number): Promise<void> {
      wanted = messages;
      if (completed >= wanted) enough.resolve();
      return enough.promise;
    },
  };
}

async function isUnhealthy(service: ServiceProcess, why: RegExp): Promise<void> {
  const body = await untilHealth(service, 503);
  assert.match(String(body.components.store?.detail), why);
  assert.equal((await fetch(`${service.url}/health/live`)).status, 200);
}

async function isHealthy(service: ServiceProcess): Promise<void> {
  await untilHealth(service, 200);
}

async function untilHealth(service: ServiceProcess, status: number) {
  for (let tries = 0; ; tries += 1) {
    const response = await fetch(`${service.url}/health/ready`);
    const body = healthSchema.parse(await response.json());
    if (response.status === status) return body;
    assert.ok(tries < 1_500, `health does not become ${status}: ${JSON.stringify(body)}`);
    await wait(20);
  }
}

/** That new streams and changes are refused, in the contract's shape, and what is there can be read. */
async function refuses(service: ServiceProcess, id: string, other: string): Promise<void> {
  const execution = `/api/v1/executions/${id}`;
  const refused: [method: string, path: string, body?: unknown][] = [
    ["GET", `${execution}/events`],
    ["GET", `${execution}/events?view=progress`],
    ["GET", `/api/v1/events?execution_id=${id}&execution_id=${other}`],
    ["POST", "/api/v1/configs", { name: "more", config_yaml: STAY }],
    ["PATCH", `/api/v1/executions/${other}`, { status: "cancelled" }],
    ["POST", `${execution}/failures/retry`, { all: true }],
    ["POST", `${execution}/replay`, { replay_source: "manual", to_route: "work", payloads: [{ index: 0 }] }],
  ];
  for (const [method, path, body] of refused) {
    const response = await fetch(`${service.url}${path}`, {
      method,
      ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
    const text = await response.text();
    assert.equal(response.status, 503, `${method} ${path}: ${text}`);
    assert.ok(response.headers.has("retry-after"), path);
    const { detail, error_code, correlation_id } = errorResponseSchema.parse(JSON.parse(text));
    assert.match(String(error_code), /^(STREAMER|SERVICE)_UNAVAILABLE$/, path);
    assert.match(detail, /full|I\/O|readonly|read-only/, path);
    assert.equal(correlation_id, response.headers.get("x-request-id"));
  }
  for (const path of [
    execution,
    `${execution}/stats`,
    `${execution}/failures`,
    "/api/v1/executions",
    "/api/v1/configs",
  ]) {
    const response = await fetch(`${service.url}${path}`);
    await response.text();
    assert.equal(response.status, 200, path);
  }
}

async function saysAtStart({ dataDir }: ServiceProcess, advice: RegExp): Promise<void> {
  const { code, stdout, stderr } = await millrace(["serve", "--port", "0", "--data-dir", dataDir]);
  assert.equal(code, 6, stdout + stderr);
  assert.match(stderr, /^millrace: The data directory \S+ cannot be used: /m);
  assert.match(stderr, advice);
  assert.doesNotMatch(stderr, STACK_TRACE);
}

/** That the run has come to its end, each message was settled once, and each object is there and whole. */
async function isWhole(service: ServiceProcess, id: string, frames: readonly Frame[]): Promise<void> {
  assert.equal((await service.client.executions.get(id)).status, "completed", service.stderr);
  const events = checkJournal(frames);
  assert.equal(events.filter(({ type }) => type === "completed").length, MESSAGES + 1);
  for (const event of events) {
    if (event.type !== "failed") continue;
    assert.ok(event.will_retry);
    assert.equal(event.error.code, "OBJECT_STORE_UNAVAILABLE");
    assert.match(event.error.message, /cannot be written: .*(no space left|read-only file system)/);
  }
  const objects = join(service.dataDir, "objects", "executions", id);
  const names = readdirSync(objects, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  assert.equal(names.length, MESSAGES);
  for (const { parentPath, name } of names) {
    const body = JSON.parse(readFileSync(join(parentPath, name), "utf8"));
    assert.deepEqual([`${body.index}.json`, body.text], [name, TEXT]);
  }
}

/** That it ends in order, and leaves nothing half done. */
async function endsSound(service: ServiceProcess): Promise<void> {
  assert.equal(await service.end("SIGTERM"), 0, service.stderr);
  assert.doesNotMatch(service.stderr, STACK_TRACE);
  const database = new DatabaseSync(join(service.dataDir, "millrace.db"), { readOnly: true });
  try {
    assert.equal(database.prepare("PRAGMA integrity_check").get()?.integrity_check, "ok");
  } finally {
    database.close();
  }
}

const STACK_TRACE = /^\s+at /m;

/** Of both kinds, in a process. */
function cpuMs(pid: number): number {
  // Behind the name, which may have spaces: user time is the 12th, system time the 13th, in hundredths.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
