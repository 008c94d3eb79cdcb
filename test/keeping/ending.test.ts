import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { ApiError } from "@millrace/client";
import { executionSchema } from "@millrace/protocol";
import { checkJournal } from "../support/check-journal.ts";
import { eventually } from "../support/eventually.ts";
import { readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { notOfNodes } from "../support/shared-stack.ts";
import { untilInterrupted } from "../support/taken-up.ts";

const SLOW = `
version: "1.0"
routes: { a: { adapters: [{ type: delay, config: { seconds: 60 } }] } }
init_message: { route: a }
`;

test("the same idempotency key gives the same execution, also from fifty requests at once at the limit of executions", async () => {
  await using service = await ServiceProcess.start(["--max-executions", "1"]);
  const config = await service.client.configs.create({ config_yaml: SLOW, name: "slow" });
  const run = async (): Promise<{ status: number; id: string }> => {
    const url = `${service.url}/api/v1/configs/${config.id}/run?idempotency_key=nightly`;
    const response = await fetch(url, { method: "POST" });
    return { status: response.status, id: executionSchema.parse(await response.json()).id };
  };
  const answers = await Promise.all(Array.from({ length: 50 }, run));
  const [first] = answers;
  assert.equal(new Set(answers.map(({ id }) => id)).size, 1);
  assert.equal(answers.filter(({ status }) => status === 201).length, 1);
  assert.equal(answers.filter(({ status }) => status === 200).length, 49);
  await service.end("SIGKILL");
  await service.start();
  assert.deepEqual(await run(), { status: 200, id: first?.id });
  await service.client.executions.cancel(first?.id ?? "");
  assert.deepEqual(await run(), { status: 200, id: first?.id }, "also when it is over");
  await service.client.executions.delete(first?.id ?? "");
  const anew = await run();
  assert.equal(anew.status, 201);
  assert.notEqual(anew.id, first?.id);
});

test("of those who end an execution at once the first one's word counts, whether it runs or is interrupted", async () => {
  const adapters = adapterFolder(
    "export default { type: 'slowly', description: 'x', category: 'sink', process: () => new Promise((done) => setTimeout(done, 60_000)) };",
  );
  await using service = await ServiceProcess.start();
  await service.end();
  await service.start(["--adapters-dir", adapters]);
  const yaml = SLOW.replace(/delay, config: .* } }]/, "slowly }]");
  const ids = [await service.run(yaml), await service.run(yaml)];
  for (const id of ids)
    await readStream(`${service.url}/api/v1/executions/${id}/events`, { until: ({ event }) => event === "processing" });
  const race = async (id: string) => {
    const outcomes = await Promise.allSettled(
      (["failed", "completed", "cancelled", "completed"] as const).map((status) =>
        service.client.executions.patch(id, { status, error_info: { code: "OPERATOR", message: status } }),
      ),
    );
    const { status, error_info } = await service.client.executions.get(id);
    for (const outcome of outcomes) {
      if (outcome.status === "fulfilled") assert.equal(outcome.value.current_status, status);
      else assert.ok(outcome.reason instanceof ApiError && outcome.reason.code === "STATUS_CHANGE_NOT_ALLOWED");
    }
    assert.equal(error_info?.message, status);
    const { frames } = await readStream(`${service.url}/api/v1/executions/${id}/events`);
    const events = checkJournal(frames);
    assert.deepEqual(frames.at(-1)?.data, { reason: status, status });
    assert.equal(events.filter(({ type }) => type === "failed").length, 1, "what was in flight is settled");
    const stats = await service.client.executions.stats(id);
    assert.deepEqual([stats.failed_messages, stats.in_progress_messages], [1, 0]);
  };
  await race(ids[0] ?? "");
  await service.end("SIGKILL");
  // Without the adapter's file the other one cannot be taken up.
  await service.start();
  await untilInterrupted(service, ids[1] ?? "");
  await assert.rejects(service.client.executions.delete(ids[1] ?? ""), { code: "EXECUTION_RUNNING" });
  await race(ids[1] ?? "");
  await service.end();
  await service.start(["--adapters-dir", adapters]);
  assert.notEqual((await service.client.executions.get(ids[1] ?? "")).status, "running", "it stays over");
  rmSync(adapters, { recursive: true });
});

test("an adapter that was given up writes no object into an execution that was deleted since", {
  skip: notOfNodes("it is about the files of the data directory"),
}, async () => {
  const adapters = adapterFolder(`export default { type: "stubborn", description: "x", category: "sink",
    async process(message, { objects }) {
      const key = "executions/" + message.executionId + "/a/a/";
      for (let index = 0; index < 200; index += 1) {
        await objects.put(key + index, Buffer.alloc(1000), { contentType: "text/plain", createdAt: new Date().toISOString() }).catch(() => {});
        await new Promise((done) => setTimeout(done, 10));
      }
    } };`);
  await using service = await ServiceProcess.start(["--adapters-dir", adapters]);
  const id = await service.run(SLOW.replace(/delay, config: .* } }]/, "stubborn }]"));
  const folder = join(service.dataDir, "objects", "executions", id);
  while (!existsSync(folder)) await wait(10);
  await service.client.executions.cancel(id);
  await service.client.executions.delete(id);
  await wait(300);
  assert.equal(existsSync(folder), false);
  rmSync(adapters, { recursive: true });
});

test("a deletion that the process did not survive is finished after the next start", {
  skip: notOfNodes("it is about the files of the data directory"),
}, async () => {
  await using service = await ServiceProcess.start();
  const id = await service.run(`
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 20000 } }], outbound: [keep] }
  keep: { inbound: { concurrency: 30 }, adapters: [{ type: filter, config: { when: "index < 200" } }, { type: store_write }] }
init_message: { route: make }
`);
  await service.client.executions.wait(id);
  const folder = join(service.dataDir, "objects", "executions", id);
  assert.ok(existsSync(folder));
  const deleting = service.client.executions.delete(id).catch(() => {});
  while (existsSync(folder)) await wait(1);
  await service.end("SIGKILL");
  await deleting;
  await service.start();
  await assert.rejects(service.client.executions.get(id), { code: "EXECUTION_NOT_FOUND" });
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(join(service.dataDir, "millrace.db"), { readOnly: true });
  const left = () =>
    Number(
      database.prepare("SELECT (SELECT count(*) FROM journal) + (SELECT count(*) FROM deletions) AS rows").get()?.rows,
    );
  await eventually(() => assert.equal(left(), 0));
  database.close();
});

function adapterFolder(source: string): string {
  const folder = mkdtempSync(join(tmpdir(), "millrace-adapters-"));
  writeFileSync(join(folder, "adapter.ts"), source);
  return folder;
}
