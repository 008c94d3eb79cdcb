import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { checkJournal } from "../support/check-journal.ts";
import { eventually } from "../support/eventually.ts";
import { readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";

/** An adapter of the user's own that does what must not be done. */
const HOSTILE = `
import { defineAdapter, z } from "millrace";
export default defineAdapter({
  type: "hostile",
  description: "Does what must not be done.",
  config: z.strictObject({ what: z.string() }),
  async *process({ payload }, { config, signal }) {
    switch (config.what) {
      case "block 40 s": Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 40_000); break;
      case "never": for (;;);
      case "regex": /^(a+)+$/.test("a".repeat(64) + "!"); break;
      case "map": { const all = new Map(); for (let index = 0; ; index += 1) all.set(index, { index }); }
      case "buffers": { const all = []; for (;;) all.push(Buffer.alloc(1_000_000)); }
      case "text": { let text = "x"; const all = []; for (;;) { text += text.slice(0, 1e6) + all.length; all.push(text.at(9) + text); } }
      case "exit": return process.exit(1);
      case "hear": await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))); break;
      case "million": for (let index = 0; index < payload.count; index += 1) yield { index }; return;
    }
    yield payload;
  },
});
`;

class Isolated {
  readonly service: ServiceProcess;
  readonly #folder: string;

  constructor(service: ServiceProcess, folder: string) {
    this.service = service;
    this.#folder = folder;
  }

  static async start(flags: readonly string[] = []): Promise<Isolated> {
    const folder = mkdtempSync(join(tmpdir(), "millrace-isolation-"));
    writeFileSync(join(folder, "hostile.ts"), HOSTILE);
    return new Isolated(await ServiceProcess.start(["--adapters-dir", folder, ...flags]), folder);
  }

  /** Starts a run of one hostile step; the first failure for good ends it. */
  hostile(what: string, more = ""): Promise<string> {
    return this.service.run(`
version: "1.0"
isolation: thread
thread_heap_mb: 64
error_handling: { max_retries: 0 }
routes: { a: { ${more} adapters: [{ type: hostile, config: { what: "${what}" } }] } }
init_message: { route: a }
`);
  }

  /** An innocent run of a few seconds, to its end. */
  async innocent(): Promise<void> {
    const id = await this.service.run(`
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 50 } }], outbound: [work] }
  work: { adapters: [{ type: delay, config: { seconds: 0.02 } }, { type: json_transform, isolation: thread, config: { expression: '{"i": index}' } }] }
init_message: { route: make }
`);
    const { frames } = await readStream(`${this.service.url}/api/v1/executions/${id}/events`);
    assert.equal(checkJournal(frames).filter(({ type }) => type === "completed").length, 51);
  }

  /** Waits for the end of a run, and returns what it failed with. */
  async failure(id: string): Promise<unknown> {
    const { frames } = await readStream(`${this.service.url}/api/v1/executions/${id}/events`);
    const [failed] = checkJournal(frames).filter((event) => event.type === "failed");
    return failed?.type === "failed" ? failed.error.code : null;
  }

  /** In MiB. */
  get residentMb(): number {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.service.pid}/status`, "utf8"))?.[1]) / 1024;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.service[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true });
  }
}

test("an adapter that blocks for 40 seconds in a thread neither silences a quiet stream nor holds up another run", async () => {
  await using isolated = await Isolated.start();
  const { service } = isolated;
  const quiet = await service.run(`
version: "1.0"
routes: { a: { adapters: [{ type: delay, config: { seconds: 300 } }] } }
init_message: { route: a }
`);
  const stream = new AbortController();
  const beats = heartbeats(`${service.url}/api/v1/executions/${quiet}/events`, stream.signal);
  await eventually(() => assert.ok(beats.length > 0));
  const blocking = await isolated.hostile("block 40 s");
  await isolated.innocent();
  const { status } = await service.client.executions.wait(blocking, 60);
  assert.equal(status, "completed");
  stream.abort();
  // The end of the wait counts as a sign of life that is due.
  const gaps = [...beats, performance.now()].map((at, index) => at - (beats[index - 1] ?? at)).slice(1);
  assert.ok(beats.length >= 3, `the events, and two heartbeats: ${gaps}`);
  assert.ok(
    gaps.every((gap) => gap < 30_000),
    `never silent for longer than a heartbeat takes: ${gaps}`,
  );
});

test("adapters that allocate without end cost their own messages: the service's memory stays bounded, and other runs finish", async () => {
  await using isolated = await Isolated.start();
  await isolated.innocent();
  const before = isolated.residentMb;
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, isolated.residentMb);
  }, 20);
  for (const what of ["map", "buffers", "text"]) {
    const id = await isolated.hostile(what);
    await isolated.innocent();
    assert.equal(await isolated.failure(id), "ADAPTER_OUT_OF_MEMORY", what);
  }
  clearInterval(watch);
  // A thread of 64 MiB is ended at 384; one piece more may come before anybody looks.
  assert.ok(most - before < 1_000, `${before} MiB before, ${most} at most`);
});

test("what never returns ends at timeout_seconds: a circle, a regular expression, a JSONata expression", async () => {
  await using isolated = await Isolated.start();
  const timeout = "error_handling: { timeout_seconds: 0.5 },";
  const never = await isolated.hostile("never", timeout);
  const regex = await isolated.hostile("regex", timeout);
  const jsonata = await isolated.service.run(`
version: "1.0"
error_handling: { max_retries: 0, timeout_seconds: 1 }
routes:
  a:
    adapters:
      - type: json_transform
        isolation: thread
        config: { expression: '{"n": $sum([1..9000000].($ * $))}' }
init_message: { route: a }
`);
  await isolated.innocent();
  for (const id of [never, regex, jsonata]) assert.equal(await isolated.failure(id), "ADAPTER_TIMEOUT");
  await isolated.innocent();
});

test("a message that waits for a thread does not use up its time", async () => {
  await using isolated = await Isolated.start(["--max-adapter-threads", "1"]);
  const id = await isolated.service.run(`
version: "1.0"
isolation: thread
error_handling: { max_retries: 0, timeout_seconds: 3 }
routes:
  make: { adapters: [{ type: generate, config: { count: 10 } }], outbound: [work] }
  work: { inbound: { concurrency: 10 }, adapters: [{ type: delay, config: { seconds: 0.3 } }, { type: delay, config: { seconds: 0.1 } }] }
init_message: { route: make }
`);
  assert.equal((await isolated.service.client.executions.wait(id, 60)).status, "completed");
});

test("process.exit in a thread fails its message, and the service goes on", async () => {
  await using isolated = await Isolated.start();
  assert.equal(await isolated.failure(await isolated.hostile("exit")), "ADAPTER_EXITED");
  await isolated.innocent();
});

test("cancel reaches an adapter in a thread, also one that does not listen", async () => {
  await using isolated = await Isolated.start();
  const { client } = isolated.service;
  for (const what of ["hear", "never"]) {
    const id = await isolated.hostile(what);
    await sleep(500);
    await client.executions.cancel(id);
    assert.equal((await client.executions.wait(id, 20)).status, "cancelled", what);
  }
});

test("a service that is killed while threads emit goes on, and nothing is there twice", async () => {
  await using isolated = await Isolated.start();
  const { service } = isolated;
  const id = await service.run(`
version: "1.0"
isolation: thread
routes:
  make: { adapters: [{ type: hostile, config: { what: million } }], outbound: [work] }
  work: { inbound: { concurrency: 4 }, adapters: [{ type: json_transform, config: { expression: '{"i": index}' } }], outbound: [end] }
  end: { isolation: none, inbound: { concurrency: 4 }, adapters: [{ type: filter, config: { when: "false" } }] }
init_message: { route: make, payload: { count: 2000 } }
`);
  for (let kill = 0; kill < 4; kill += 1) {
    await sleep(300 + Math.random() * 500);
    await service.end("SIGKILL");
    await service.start();
  }
  assert.equal((await service.client.executions.wait(id, 120)).status, "completed", service.stderr);
  const { frames } = await readStream(`${service.url}/api/v1/executions/${id}/events`);
  const events = checkJournal(frames);
  assert.equal(events.filter(({ route, type }) => route === "end" && type === "completed").length, 2000);
});

test("an adapter in a thread emits hundreds of thousands of messages in flat memory", async () => {
  await using isolated = await Isolated.start();
  const { service } = isolated;
  const count = Number(process.env.TEST_EMITS ?? 100_000);
  const id = await service.run(`
version: "1.0"
routes:
  make: { isolation: thread, thread_heap_mb: 16, adapters: [{ type: hostile, config: { what: million } }], outbound: [end] }
  end: { inbound: { concurrency: 30 }, adapters: [{ type: filter, config: { when: "false" } }] }
init_message: { route: make, payload: { count: ${count} } }
`);
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, isolated.residentMb);
  }, 50);
  const { status } = await service.client.executions.wait(id, 300);
  clearInterval(watch);
  assert.equal(status, "completed");
  // A million messages of this kind would be more than a gigabyte.
  assert.ok(most < 600, `${most} MiB`);
});

/** When anything came over the stream, a heartbeat or an event, in milliseconds; grows while it is open. */
function heartbeats(url: string, signal: AbortSignal): number[] {
  const times: number[] = [];
  const read = async () => {
    const response = await fetch(url, { signal });
    for await (const _ of response.body ?? []) times.push(performance.now());
  };
  // Ended by its signal.
  read().catch(() => {});
  return times;
}
