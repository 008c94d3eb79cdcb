import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ServiceProcess } from "../support/service-process.ts";

/** A few in CI, a hundred thousand and more with TEST_FAILURES (a variable of this test alone). */
const COUNT = Number(process.env.TEST_FAILURES ?? 20_000);

/** Far more than the payloads' ids and numbers take, far less than the payloads of all. */
const MAX_GROWTH_BYTES = 150 * 1024 * 1024;

const pipeline = (seconds: number) => `
version: "1.0"
name: many
routes:
  begin: { adapters: [{ type: json_transform, config: { expression: "{}" } }], outbound: [make, hold] }
  make:
    adapters: [{ type: generate, config: { count: ${COUNT}, payload: { text: "${"x".repeat(400)}" } } }]
    outbound: [work]
  work:
    inbound: { concurrency: 20 }
    error_handling: { on_error: continue, max_retries: 0 }
    adapters: [{ type: fail, config: { when: "$not($exists(fixed))", retryable: false } }, { type: filter, config: { when: "false" } }]
  hold: { adapters: [{ type: delay, config: { seconds: ${seconds} } }] }
init_message: { route: begin }
`;

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}

test("very many failed messages are retried in flat memory, while the execution runs and once it is over", async () => {
  await using service = await ServiceProcess.start();
  const id = await service.run(pipeline(3600));
  const failed = async () => (await service.client.executions.stats(id)).failed_messages;
  while ((await failed()) < COUNT) await new Promise((resolve) => setTimeout(resolve, 200));
  const before = residentBytes(service.pid);
  let most = before;
  const sampling = setInterval(() => {
    most = Math.max(most, residentBytes(service.pid));
  }, 50);
  try {
    // They fail a second time: nothing is changed.
    const result = await service.client.executions.retry(id, { all: true });
    assert.deepEqual(
      [result.retried, result.remaining, result.started, result.message_ids.length],
      [COUNT, 0, false, 1000],
    );
    while ((await failed()) < COUNT) await new Promise((resolve) => setTimeout(resolve, 200));
    const { failures } = await service.client.executions.failures(id, { limit: 1 });
    assert.equal(failures[0]?.attempts, 2);
    await service.client.executions.cancel(id);
    let retried = 0;
    let merged = false;
    for (let remaining = COUNT; remaining > 0; ) {
      // With a changed payload each goes through the process; with none they are copied within the store.
      const next = await service.client.executions.retry(id, {
        code: "TEST_FAILURE",
        ...(merged ? { payload_merge: { fixed: true } } : {}),
      });
      assert.ok(next.started && next.retried > 0);
      retried += next.retried;
      remaining = next.remaining;
      merged = true;
      const child = next.execution?.id ?? "";
      const done = await service.client.executions.wait(child, 120);
      assert.deepEqual([done.status, done.stats.total_messages], ["completed", next.retried]);
    }
    assert.equal(retried, COUNT);
  } finally {
    clearInterval(sampling);
  }
  assert.ok(most - before < MAX_GROWTH_BYTES, `it grew by ${Math.round((most - before) / 1024 / 1024)} MiB`);
});
