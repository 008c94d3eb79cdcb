import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { Worker } from "node:worker_threads";

for (const [type, config] of [
  ["dedupe", {}],
  ["throttle", { per_second: 1 }],
] as const) {
  test(`${type}, which counts over all messages, refuses a thread of its own and says what to do`, async () => {
    const script = `
      import(${JSON.stringify(join(import.meta.dirname, `${type}.ts`))}).then(({ ${type}: adapter }) => {
        let told = "nothing";
        try { adapter.prepare(adapter.config.parse(${JSON.stringify(config)})); } catch (error) { told = error.code + ": " + error.message; }
        require("node:worker_threads").parentPort.postMessage(told);
      });`;
    const worker = new Worker(script, { eval: true });
    const [told] = await once(worker, "message");
    assert.match(told, /^ISOLATION_UNSUITABLE: .*isolation: none/);
    await worker.terminate();
  });
}
