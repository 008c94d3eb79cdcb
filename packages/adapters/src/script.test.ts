import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createAdapterRegistry } from "@millrace/adapters";
import { loadDefinition } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import { script } from "./script.ts";
import { failure, problems, run, runOne } from "./testing/run-adapter.ts";
import { TempFolder } from "./testing/temp-folder.ts";

const go = (code: string, payload: JsonObject = {}, config: JsonObject = {}) =>
  run(script, { max_seconds: 60, ...config, code }, payload);
const fails = (code: string, config: JsonObject = {}, payload: JsonObject = {}) =>
  failure(script, { max_seconds: 60, ...config, code }, payload);

describe("a script", () => {
  test("makes a new payload of the message, in TypeScript", async () => {
    const code =
      "interface In { price: number }\nfunction process({ price }: In): object { return { gross: price * 1.2 }; }";
    assert.deepEqual(await go(code, { price: 10 }), [{ gross: 12 }]);
  });

  test("may return nothing, a list, a promise, or yield", async () => {
    assert.deepEqual(await go("const process = () => undefined;"), []);
    assert.deepEqual(await go("function process() { return [{ a: 1 }, { a: 2 }]; }"), [{ a: 1 }, { a: 2 }]);
    assert.deepEqual(await go("async function process() { await null; return { a: 1 }; }"), [{ a: 1 }]);
    assert.deepEqual(await go("function* process(p) { for (const n of p.list) yield { n }; }", { list: [1, 2] }), [
      { n: 1 },
      { n: 2 },
    ]);
    assert.deepEqual(await go("async function* process() { yield { n: 1 }; }"), [{ n: 1 }]);
  });

  test("knows the message that it works on, and writes to the log", async () => {
    const lines: string[] = [];
    const code = "function process(_, message) { log(`at ${message.id}`); return message; }";
    const made = await run(script, { code, max_seconds: 60 }, {}, { lines });
    assert.deepEqual(made, [
      { id: "message-1", parent_id: null, execution_id: "execution-1", route: "here", attempt: 1, piece: 0 },
    ]);
    assert.deepEqual(lines, ["info: at message-1"]);
  });

  test("keeps what its top has made from one message to the next", async () => {
    const config = script.config.parse({
      code: "let n = 0;\nfunction process() { n += 1; return { n }; }",
      max_seconds: 60,
    });
    const prepared = script.prepare?.(config);
    for (const n of [1, 2]) assert.deepEqual(await runOne(script, config, {}, { prepared }), { n });
  });

  test("says where it threw, and whether that is worth another attempt", async () => {
    const { code, message } = await fails("function process(p) {\n  return p.a.b;\n}");
    assert.equal(code, "SCRIPT_FAILED");
    assert.match(message, /^The script failed, line 2, column \d+: Cannot read properties of undefined/);
    const again = "function process() { throw Object.assign(new Error('not yet'), { retryable: true }); }";
    assert.equal((await fails(again)).code, "SCRIPT_FAILED, retryable");
  });

  test("fails with what is no payload, cannot be JSON, or is too much", async () => {
    assert.match((await fails("function process() { return 1; }")).message, /it emitted a number/);
    assert.match((await fails("function process() { return [[1]]; }")).message, /it emitted a list in a list/);
    assert.match((await fails("function process() { return { a: 1n }; }")).message, /BigInt/);
    const many = "function* process() { while (true) yield {}; }";
    assert.match((await fails(many, { max_messages: 10 })).message, /more than 10 messages/);
  });
});

describe("a script that never ends or takes all memory", () => {
  test("is ended after its time, however it spends it, and the next message is worked on", async () => {
    const code =
      "async function process(p) { if (p.how === 'loop') while (true); if (p.how === 'wait') await new Promise(() => {}); if (p.how === 'micro') { const f = () => void Promise.resolve().then(f); f(); await new Promise(() => {}); } return { ok: true }; }";
    const config = script.config.parse({ code, max_seconds: 2 });
    const prepared = script.prepare?.(config);
    for (const how of ["loop", "wait", "micro"]) {
      assert.equal((await failure(script, config, { how }, { prepared })).code, "SCRIPT_TOO_SLOW", how);
    }
    assert.deepEqual(await runOne(script, config, {}, { prepared }), { ok: true });
  });

  test("is ended when it uses too much memory, in objects or in buffers", async () => {
    const heap = "function process() { const a = []; while (true) a.push(new Array(1000)); }";
    assert.equal((await fails(heap)).code, "SCRIPT_OUT_OF_MEMORY");
    const buffers = "function process() { const a = []; while (true) a.push(new Uint8Array(1e6).fill(1)); }";
    assert.equal((await fails(buffers)).code, "SCRIPT_OUT_OF_MEMORY");
  });

  test("is ended on cancel", async () => {
    const controller = new AbortController();
    const running = run(
      script,
      { code: "function process() { while (true); }", max_seconds: 600 },
      {},
      { signal: controller.signal },
    );
    setImmediate(() => controller.abort());
    await assert.rejects(running, { name: "AbortError" });
  });
});

describe("a script has nothing but the language", () => {
  test("neither process nor require, fetch, timers, buffers or a console", async () => {
    const names = [
      "require",
      "module",
      "fetch",
      "setTimeout",
      "Buffer",
      "console",
      "structuredClone",
      "WebSocket",
      "navigator",
    ];
    const code = `function it() {}; const process = () => ({ found: ${JSON.stringify(names)}.filter((name) => name in globalThis) });`;
    assert.deepEqual(await go(code), [{ found: [] }]);
    assert.deepEqual(await go("function process() { return { type: typeof globalThis.process.env }; }"), [
      { type: "undefined" },
    ]);
  });

  test("no code of text: eval, Function, and every constructor that leads there", async () => {
    const ways = [
      "eval('1')",
      "new Function('return 1')()",
      "[].constructor.constructor('return this')()",
      "(async () => {}).constructor('return this')()",
      "(function* () {}).constructor('return this')()",
      "log.constructor('return process')()",
      "message.constructor.constructor('return process')()",
    ];
    for (const way of ways) {
      const { code, message } = await fails(`function process(payload, message) { return { got: String(${way}) }; }`);
      assert.equal(code, "SCRIPT_FAILED", way);
      assert.match(message, /Code generation from strings disallowed/, way);
    }
    assert.match(
      (await fails("function process() { new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])); }"))
        .message,
      /disallowed/,
    );
  });

  test("no module: import() fails, and its error, which is not of the script's world, leads nowhere", async () => {
    const seen = await go(`async function process() {
      const error = await import("node:fs").catch((e) => e);
      const found = { foreign: !(error instanceof Error) };
      const chain = [];
      for (let at = error; at !== null; at = Object.getPrototypeOf(at)) chain.push(at);
      const tried = [];
      for (const at of chain) for (const key of Reflect.ownKeys(at)) {
        const value = Reflect.getOwnPropertyDescriptor(at, key).value;
        if (typeof value !== "function") continue;
        const make = value.constructor;
        if (make !== undefined) tried.push(String(key));
        try { tried.push(String(value.constructor("return globalThis")())); } catch {}
      }
      const Foreign = chain.at(-1).constructor;
      const lifted = Foreign.getPrototypeOf(Foreign);
      return { ...found, tried, reach: typeof lifted.constructor, frozen: Object.isFrozen(lifted) && Object.isFrozen(chain.at(-1)) };
    }`);
    assert.deepEqual(seen, [{ foreign: true, tried: [], reach: "undefined", frozen: true }]);
  });

  test("no stack that shows our own functions", async () => {
    const code = `function process() {
      Error.prepareStackTrace = (_, sites) => sites.map((site) => [typeof site.getThis(), typeof site.getFunction()].join());
      return { stack: [...new Set(new Error("x").stack)] };
    }`;
    const [made] = await go(code);
    assert.ok(
      Array.isArray(made?.stack) && made.stack.every((each) => !String(each).includes("function")),
      JSON.stringify(made),
    );
  });

  test("not another answer than its own, whatever it does to the language", async () => {
    const code = `function process() {
      JSON.stringify = () => "{}"; JSON.parse = () => 1; Array.isArray = () => true; globalThis.__begin;
      Object.prototype.toJSON = undefined; Promise.prototype.then = () => 1; String.prototype.slice = () => "evil";
      return { fine: true };
    }`;
    // It may break its own world, and fails then; the next script has another.
    await go(code, {}, { max_seconds: 3 }).catch(() => undefined);
    assert.deepEqual(await go("function process() { return { fine: true }; }"), [{ fine: true }]);
  });
});

test("the process of a script may not read files, connect or start programs, even where something gets out", async () => {
  using folder = new TempFolder();
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  // What a script would do with our own realm's modules: the same flags as its process has.
  const file = join(folder.path, "tries.mjs");
  writeFileSync(
    file,
    `import fs from "node:fs"; import net from "node:net"; import child from "node:child_process"; import { Worker } from "node:worker_threads";
    const tries = {
      read: () => fs.readFileSync("/etc/hostname"), write: () => fs.writeFileSync(${JSON.stringify(join(folder.path, "x"))}, ""),
      run: () => child.spawnSync("true"), thread: () => new Worker("", { eval: true }),
      connect: () => new Promise((yes, no) => net.connect(${port}, "127.0.0.1").on("connect", yes).on("error", no)),
    };
    const refused = {};
    for (const [name, attempt] of Object.entries(tries)) { try { await attempt(); } catch (error) { refused[name] = error.code; } }
    process.send(refused);`,
  );
  const { fork } = await import("node:child_process");
  const child = fork(file, [], {
    execArgv: ["--permission", `--allow-fs-read=${file}`],
    env: {},
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  const [refused] = await once(child, "message");
  child.kill();
  server.close();
  const denied = "ERR_ACCESS_DENIED";
  assert.deepEqual(refused, { read: denied, write: denied, run: denied, thread: denied, connect: denied });
});

describe("a script with a mistake", () => {
  test("is found before anything runs, with its line and column", () => {
    assert.deepEqual(problems(script, { code: "function process(p {" }), [
      "code: line 1, column 20: Expected ',', got '{'",
    ]);
    assert.match(
      problems(script, { code: "let a;\nlet a;\nfunction process() {}" })[0] ?? "",
      /line 2, column 5: .*already/,
    );
    assert.match(problems(script, { code: "let a; let a;" })[0] ?? "", /line 1, column 12/);
    assert.match(problems(script, { code: "\nenum A {}\nfunction process() {}" })[0] ?? "", /line 2, column 1: .*enum/);
    assert.match(problems(script, { code: "let x = 1;" })[0] ?? "", /no function named process/);
    assert.match(problems(script, { code: "import fs from 'fs';\nfunction process() {}" })[0] ?? "", /import/);
  });

  test("is a finding of the pipeline's validation", async () => {
    const adapters = await createAdapterRegistry({ adaptersDir: null, baseDir: "." });
    const yaml =
      'version: "1.0"\nroutes:\n  a:\n    adapters:\n      - type: script\n        config:\n          code: |\n            function process(p) {\n              return p +;\n            }\ninit_message: { route: a }\n';
    const { report } = await loadDefinition(yaml, { adapters, env: {} });
    assert.equal(report.issues.length, 1);
    assert.match(report.issues[0]?.message ?? "", /line 2, column 13/);
    assert.equal(report.issues[0]?.line, 7);
  });
});
