import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type AdapterLog,
  type Emit,
  loadDefinition,
  type ObjectStore,
  type RouteDefinition,
  Routed,
  type ThreadLease,
} from "@millrace/engine";
import type { JsonObject, Usage } from "@millrace/protocol";
import { createAdapterRegistry } from "../registry.ts";
import { TempFolder } from "../testing/temp-folder.ts";
import { AdapterThreadPool, type AdapterThreadPoolOptions } from "./thread-pool.ts";

const NO_OBJECTS: ObjectStore = {
  put: () => Promise.reject(new Error("this step writes no objects")),
  get: () => Promise.resolve(null),
  async *list() {},
  sizeOf: () => Promise.resolve(0),
  deleteAll: () => Promise.resolve(),
};

/** An adapter of a file, whose config says what it does. */
const ADAPTER = `
import { AdapterError, defineAdapter, routeTo, z } from "millrace";
let calls = 0;
export default defineAdapter({
  type: "does",
  description: "Does what it is told.",
  config: z.strictObject({ it: z.string(), at: z.string().transform((text) => new Date(text)).optional() }),
  prepare: ({ it }) => ({ it, since: calls }),
  async process({ payload, id, attempt }, { config, prepared, signal, log, objects, name, countUsage }) {
    calls += 1;
    switch (config.it) {
      case "pass": return payload;
      case "tell": return { id, attempt, name, calls, prepared: prepared.it, year: config.at?.getUTCFullYear() ?? null };
      case "none": return;
      case "use": countUsage({ requests: 1, input_tokens: 7 }); return {};
      case "route": return [routeTo("there", payload), payload];
      case "throw": throw new AdapterError("NO_LUCK", "It is not the day.", { retryable: false });
      case "throw text": throw "a text";
      case "late": setTimeout(() => { throw new Error("it came late"); }, 5); await new Promise(() => {}); return;
      case "number": return [payload, 7];
      case "large": return { text: "x".repeat(2000) };
      case "exit": return process.exit(0);
      case "block": for (;;);
      case "regex": return { matches: /^(a+)+$/.test("a".repeat(64) + "!") };
      case "allocate": { const all = new Map(); for (let index = 0; ; index += 1) all.set(index, { index }); }
      case "buffers": { const all = []; for (;;) all.push(Buffer.alloc(1_000_000)); }
      case "arrays": { const all = []; for (;;) all.push(new Array(5_000_000).fill({})); }
      case "garbage": { let last; for (let index = 0; index < 300; index += 1) last = new Array(100_000).fill(index); return { length: last.length }; }
      case "hear": await new Promise((resolve) => signal.addEventListener("abort", resolve)); return { heard: signal.reason.name };
      case "log": for (let index = 0; index < 2000; index += 1) log.info("line", { index }); return {};
      case "store": {
        await objects.put("a/1", Buffer.from("one"), { contentType: "text/plain", createdAt: "now" });
        const found = await objects.get("a/1");
        return { body: found.body.toString(), keys: await Array.fromAsync(objects.list("a/")), none: await objects.get("b") };
      }
    }
  },
});
`;

const GENERATOR = `
import { defineAdapter } from "millrace";
export default defineAdapter({
  type: "counts",
  description: "Counts.",
  *process({ payload }, { log }) {
    try {
      for (let index = 0; index < payload.count; index += 1) yield { index };
      if (payload.fail) throw new Error("at the end");
    } finally {
      log.info("ended");
    }
  },
});
`;

class Rig {
  readonly folder = new TempFolder();
  readonly lines: string[] = [];
  readonly pool: AdapterThreadPool;
  readonly log: AdapterLog;

  constructor(options: Partial<AdapterThreadPoolOptions> = {}) {
    const add = (level: string) => (text: string, fields?: JsonObject) => {
      this.lines.push(`${level}: ${text}${fields === undefined ? "" : JSON.stringify(fields)}`);
    };
    this.log = { debug: add("debug"), info: add("info"), warn: add("warn"), error: add("error") };
    this.pool = new AdapterThreadPool({ maxThreads: 2, graceMs: 200, log: this.log, ...options });
    this.folder.write("does.ts", ADAPTER);
    this.folder.write("counts.ts", GENERATOR);
  }

  readonly usage: Partial<Usage>[] = [];

  async route(step: object, heapMb = 64): Promise<RouteDefinition> {
    const adapters = await createAdapterRegistry({ adaptersDir: this.folder.path, baseDir: this.folder.path });
    const document = {
      version: "1.0",
      thread_heap_mb: heapMb,
      routes: { here: { adapters: [{ isolation: "thread", ...step }] } },
      init_message: { route: "here" },
    };
    const { definition, report } = await loadDefinition(JSON.stringify(document), { adapters });
    const route = definition?.routes[0];
    if (route === undefined) throw new Error(JSON.stringify(report));
    return route;
  }

  does(it: string, more: object = {}): Promise<RouteDefinition> {
    return this.route({ type: "does", config: { it, ...more } });
  }

  /** Runs the first step of a route on one message, to its end. */
  async run(
    route: RouteDefinition,
    payload: JsonObject = {},
    { signal = new AbortController().signal, objects = NO_OBJECTS, maxPayloadBytes = 1_000 } = {},
  ): Promise<Emit[]> {
    const lease = await this.pool.lease(route, signal);
    try {
      return await this.#runIn(lease, route, payload, { signal, objects, maxPayloadBytes });
    } finally {
      lease.release();
    }
  }

  async #runIn(
    lease: ThreadLease,
    route: RouteDefinition,
    payload: JsonObject,
    context: { signal: AbortSignal; objects: ObjectStore; maxPayloadBytes: number },
  ): Promise<Emit[]> {
    const [step] = route.steps;
    if (step === undefined) throw new Error("a route has a step");
    const run = lease.run(step, messageWith(payload), {
      ...context,
      trace: null,
      log: this.log,
      countUsage: (used) => this.usage.push(used),
    });
    const all: Emit[] = [];
    try {
      while (true) {
        const { emits, done } = await run.next();
        all.push(...emits);
        if (done) return all;
      }
    } finally {
      run.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool.close();
    this.folder[Symbol.dispose]();
  }
}

function messageWith(payload: JsonObject) {
  return {
    id: "m1",
    parentId: null,
    correlationId: "m1",
    rootCorrelationId: "m1",
    executionId: "e1",
    project: "default",
    route: "here",
    attempt: 2,
    piece: 0,
    payload,
  };
}

test("an adapter in a thread has its message, its config as its schema returns it, and what it prepared", async () => {
  await using rig = new Rig();
  const route = await rig.does("tell", { at: "2020-01-01" });
  const told = { id: "m1", attempt: 2, name: "does", prepared: "tell", year: 2020 };
  assert.deepEqual(await rig.run(route), [{ ...told, calls: 1 }]);
  assert.deepEqual(await rig.run(route), [{ ...told, calls: 2 }], "the thread is used again");
  assert.equal(rig.pool.size, 1);
});

test("whatever an adapter emits comes back: nothing, one, many, to a route, and from a generator", async () => {
  await using rig = new Rig();
  assert.deepEqual(await rig.run(await rig.does("none")), []);
  assert.deepEqual(await rig.run(await rig.does("pass"), { a: [1] }), [{ a: [1] }]);
  const [routed, plain] = await rig.run(await rig.does("route"), { a: 1 });
  assert.ok(routed instanceof Routed);
  assert.deepEqual([routed.route, routed.payload, plain], ["there", { a: 1 }, { a: 1 }]);
  const counted = await rig.run(await rig.route({ type: "counts" }), { count: 1000 });
  assert.deepEqual(
    counted,
    Array.from({ length: 1000 }, (_, index) => ({ index })),
  );
  const made = await rig.run(await rig.route({ type: "generate", config: { count: 3 } }), {});
  assert.deepEqual(made, [{ index: 0 }, { index: 1 }, { index: 2 }], "built-in adapters work in threads as well");
});

test("a generator stands still while nobody asks, and is ended when nobody will", async () => {
  await using rig = new Rig();
  const route = await rig.route({ type: "counts" });
  const [step] = route.steps;
  const lease = await rig.pool.lease(route, new AbortController().signal);
  assert.ok(step !== undefined);
  const run = lease.run(step, messageWith({ count: 1_000_000_000 }), {
    signal: new AbortController().signal,
    log: rig.log,
    objects: NO_OBJECTS,
    trace: null,
    countUsage() {},
    maxPayloadBytes: 1000,
  });
  let seen = 0;
  for (let turn = 0; turn < 20; turn += 1) seen += (await run.next()).emits.length;
  await sleep(50);
  assert.ok(seen <= 20 * 64);
  run.close();
  lease.release();
  await until(() => rig.lines.includes("info: ended"));
  assert.deepEqual(await rig.run(route, { count: 1 }), [{ index: 0 }]);
  assert.equal(rig.pool.size, 1, "the thread goes on");
});

test("what an adapter throws comes back with its code, whatever it is, after what it had emitted", async () => {
  await using rig = new Rig();
  await assert.rejects(rig.run(await rig.does("throw")), {
    code: "NO_LUCK",
    message: "It is not the day.",
    retryable: false,
  });
  await assert.rejects(rig.run(await rig.does("throw text")), {
    code: "ADAPTER_ERROR",
    message: "a text",
    retryable: true,
  });
  await assert.rejects(rig.run(await rig.does("late")), { code: "ADAPTER_ERROR", message: "it came late" });
  await assert.rejects(rig.run(await rig.does("number")), {
    code: "INVALID_EMIT",
    message: /a number/,
    retryable: false,
  });
  await assert.rejects(rig.run(await rig.does("large")), { code: "MESSAGE_TOO_LARGE", retryable: false });
  const route = await rig.route({ type: "counts" });
  const lease = await rig.pool.lease(route, new AbortController().signal);
  const [step] = route.steps;
  assert.ok(step !== undefined);
  const context = {
    signal: new AbortController().signal,
    log: rig.log,
    objects: NO_OBJECTS,
    trace: null,
    countUsage() {},
    maxPayloadBytes: 1000,
  };
  const run = lease.run(step, messageWith({ count: 3, fail: true }), context);
  let seen = 0;
  const drain = async () => {
    while (true) seen += (await run.next()).emits.length;
  };
  await assert.rejects(drain(), { message: "at the end" });
  assert.equal(seen, 3);
  run.close();
  lease.release();
});

for (const it of ["allocate", "buffers", "arrays"]) {
  test(`an adapter that uses too much memory (${it}) fails with ADAPTER_OUT_OF_MEMORY, and the next message has a thread`, async () => {
    await using rig = new Rig({ maxThreads: 1 });
    const failure = { code: "ADAPTER_OUT_OF_MEMORY", message: /384 MiB/, retryable: false };
    await assert.rejects(rig.run(await rig.does(it)), failure);
    assert.deepEqual(await rig.run(await rig.does("pass"), { a: 1 }), [{ a: 1 }]);
  });
}

test("garbage of many messages is not counted against the next", async () => {
  await using rig = new Rig();
  const route = await rig.does("garbage");
  for (let turn = 0; turn < 20; turn += 1) assert.deepEqual(await rig.run(route), [{ length: 100_000 }]);
});

test("an adapter that ends the process ends its thread alone", async () => {
  await using rig = new Rig({ maxThreads: 1 });
  await assert.rejects(rig.run(await rig.does("exit")), { code: "ADAPTER_EXITED", retryable: true });
  assert.deepEqual(await rig.run(await rig.does("pass"), { a: 1 }), [{ a: 1 }]);
});

for (const it of ["block", "regex"]) {
  test(`an adapter that never returns (${it}) is ended with its thread when its message is given up`, async () => {
    await using rig = new Rig({ maxThreads: 1 });
    const route = await rig.does(it);
    const [step] = route.steps;
    assert.ok(step !== undefined);
    const controller = new AbortController();
    const lease = await rig.pool.lease(route, controller.signal);
    const context = {
      signal: controller.signal,
      log: rig.log,
      objects: NO_OBJECTS,
      trace: null,
      countUsage() {},
      maxPayloadBytes: 1000,
    };
    const run = lease.run(step, messageWith({}), context);
    const next = run.next();
    await sleep(300);
    controller.abort();
    run.close();
    lease.release();
    await assert.rejects(next, { code: "CANCELLED" });
    assert.deepEqual(await rig.run(await rig.does("pass"), { a: 1 }), [{ a: 1 }]);
  });
}

test("the signal reaches the adapter", async () => {
  await using rig = new Rig();
  const controller = new AbortController();
  setTimeout(() => controller.abort(new DOMException("too long", "TimeoutError")), 200);
  const heard = await rig.run(await rig.does("hear"), {}, { signal: controller.signal });
  assert.deepEqual(heard, [{ heard: "TimeoutError" }]);
});

test("what a step in a thread uses of models is counted in the service", async () => {
  await using rig = new Rig();
  await rig.run(await rig.does("use"));
  assert.deepEqual(rig.usage, [{ requests: 1, input_tokens: 7 }]);
});

test("log lines arrive in order, all of them, and the object store is at hand", async () => {
  await using rig = new Rig();
  await rig.run(await rig.does("log"));
  assert.deepEqual(
    rig.lines,
    Array.from({ length: 2000 }, (_, index) => `info: line{"index":${index}}`),
  );
  const kept = new Map<string, Buffer>();
  const objects: ObjectStore = {
    async put(key, body) {
      kept.set(key, Buffer.from(body));
    },
    async get(key) {
      const body = kept.get(key);
      return body === undefined ? null : { body, metadata: { contentType: "text/plain", createdAt: "now" } };
    },
    async *list(prefix) {
      yield* [...kept.keys()].filter((key) => key.startsWith(prefix));
    },
    sizeOf: () => Promise.resolve(3),
    deleteAll: () => Promise.resolve(),
  };
  const [stored] = await rig.run(await rig.does("store"), {}, { objects });
  assert.deepEqual(stored, { body: "one", keys: ["a/1"], none: null });
});

test("there are no more threads than allowed: who comes later waits, and takes them over from others", async () => {
  await using rig = new Rig({ maxThreads: 2 });
  const pass = await rig.does("pass");
  const other = await rig.route({ type: "counts" });
  let most = 0;
  const one = async (index: number) => {
    const emits = await rig.run(index % 2 === 0 ? pass : other, { count: 1 });
    most = Math.max(most, rig.pool.size);
    return emits.length;
  };
  const lengths = await Promise.all(Array.from({ length: 30 }, (_, index) => one(index)));
  assert.deepEqual(new Set(lengths), new Set([1]));
  assert.ok(most <= 2, String(most));
  const held = await Promise.all([rig.pool.lease(pass, never()), rig.pool.lease(pass, never())]);
  const controller = new AbortController();
  const waiting = rig.pool.lease(pass, controller.signal);
  controller.abort();
  await assert.rejects(waiting, { name: "AbortError" });
  for (const lease of held) lease.release();
});

test("threads that nobody needs are ended", async () => {
  await using rig = new Rig({ idleMs: 50 });
  await rig.run(await rig.does("pass"), { a: 1 });
  assert.equal(rig.pool.size, 1);
  await until(() => rig.pool.size === 0);
});

function never(): AbortSignal {
  return new AbortController().signal;
}

async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 6_000 && !holds(); turn += 1) await sleep(10);
  assert.ok(holds());
}
