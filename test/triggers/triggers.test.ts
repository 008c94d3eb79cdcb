import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import type { CreateTrigger } from "@millrace/protocol";
import { eventually } from "../support/eventually.ts";
import { drops, WAITS } from "../support/pipelines.ts";
import { ServiceProcess } from "../support/service-process.ts";

test("a call of a trigger's URL makes a run with the body as payload, and no other secret opens it", async () => {
  await using service = await ServiceProcess.start(["--log-level", "debug"]);
  const trigger = await make(service, {
    kind: "call",
    payload: { from: "call", count: 1 },
    tag_template: "t-{firing}",
  });
  const path = `${service.url}${trigger.call_path}`;
  const answer = await call(path, { count: 2 });
  assert.equal(answer.status, 201);
  const execution = await service.client.executions.get(String(answer.body.execution_id));
  assert.equal(execution.tag, `t-${answer.body.id}`);
  const { trigger: about } = execution.metadata as { trigger: { id: string } };
  assert.equal(about.id, trigger.id);
  assert.deepEqual((execution.config_snapshot.init_message as { payload: unknown }).payload, {
    from: "call",
    count: 2,
  });
  const wrong = `${path.slice(0, -1)}${path.endsWith("A") ? "B" : "A"}`;
  assert.deepEqual([(await call(wrong, {})).status, (await call(`${path}x`, {})).status], [404, 404]);
  const shown = await service.client.triggers.get(trigger.id);
  assert.equal(JSON.stringify(shown).includes(trigger.secret ?? ""), false);
  assert.equal(shown.last_firing?.execution_id, execution.id);
  const again = await service.client.triggers.rotate(trigger.id);
  assert.equal((await call(path, {})).status, 404, "the old secret opens nothing any more");
  assert.equal((await call(`${service.url}${again.call_path}`, {})).status, 201);
  await service.client.triggers.update(trigger.id, { enabled: false });
  assert.equal((await call(`${service.url}${again.call_path}`, {})).status, 409);
  await service.end();
  for (const secret of [trigger.secret, again.secret])
    assert.equal(service.stderr.includes(secret ?? "?"), false, "no secret is logged");
});

test("a call that is repeated with its idempotency key makes one run", async () => {
  await using service = await ServiceProcess.start();
  const trigger = await make(service, { kind: "call" });
  const headers = { "idempotency-key": "order-7" };
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => call(`${service.url}${trigger.call_path}`, {}, headers)),
  );
  await eventually(async () => {
    const { total, firings } = await service.client.triggers.firings(trigger.id);
    assert.deepEqual([total, firings[0]?.outcome], [1, "started"]);
  });
  assert.equal(new Set(answers.map(({ body }) => body.id)).size, 1);
  assert.equal((await service.client.executions.list()).total, 1);
});

test("while its run goes on, a trigger that may have one skips, and one that queues starts the next when it is over", async () => {
  await using service = await ServiceProcess.start();
  const skipping = await make(service, { kind: "call", max_running: 1 }, WAITS);
  const first = await service.client.triggers.fire(skipping.id);
  const second = await service.client.triggers.fire(skipping.id);
  assert.deepEqual([first.outcome, second.outcome, second.error?.code], ["started", "skipped", "STILL_RUNNING"]);
  const queueing = await make(service, { kind: "call", max_running: 1, when_running: "queue" }, WAITS);
  const runs = [await service.client.triggers.fire(queueing.id), await service.client.triggers.fire(queueing.id)];
  assert.deepEqual(
    runs.map(({ outcome }) => outcome),
    ["started", "pending"],
  );
  await service.client.executions.cancel(String(runs[0]?.execution_id));
  await eventually(async () => {
    const { firings } = await service.client.triggers.firings(queueing.id);
    assert.deepEqual(
      firings.map(({ outcome }) => outcome),
      ["started", "started"],
    );
  });
});

test("times that were missed while no service ran are caught up with one run, or skipped, as the trigger says", async () => {
  await using service = await ServiceProcess.start();
  const cron = { expression: "0 3 * * *", time_zone: "Europe/Berlin" };
  const once = await make(service, { kind: "cron", cron });
  const skip = await make(service, { kind: "cron", cron: { ...cron, missed: "skip" } });
  assert.equal(once.name, "0 3 * * *");
  assert.ok(Date.parse(once.next_at ?? "") > Date.now());
  await service.end("SIGKILL");
  // As if it had been away for the last ten days.
  const ago = new Date(Date.parse(once.next_at ?? "") - 11 * 24 * 3_600_000);
  const database = new DatabaseSync(join(service.dataDir, "millrace.db"));
  database.prepare("UPDATE triggers SET next_at = ?").run(ago.getTime());
  database.close();
  await service.start();
  await eventually(async () => {
    const { firings, total } = await service.client.triggers.firings(once.id);
    assert.deepEqual([total, firings[0]?.outcome], [1, "started"]);
    const age = Date.now() - Date.parse(firings[0]?.due_at ?? "");
    assert.ok(age >= 0 && age < 26 * 3_600_000, "it was due at the last of the times");
  });
  await eventually(async () => {
    const { firings, total } = await service.client.triggers.firings(skip.id);
    assert.deepEqual([total, firings[0]?.outcome, firings[0]?.error?.code], [1, "skipped", "MISSED"]);
  });
  const after = await service.client.triggers.get(once.id);
  assert.ok(Date.parse(after.next_at ?? "") > Date.now());
  assert.equal((await service.client.executions.list()).total, 1);
});

test("an expression or a zone that is none is refused, with what is wrong", async () => {
  await using service = await ServiceProcess.start();
  for (const [cron, expected] of [
    [{ expression: "61 * * * *" }, /minute/],
    [{ expression: "* * * *" }, /five/],
    [{ expression: "* * * * *", time_zone: "Mars/Base" }, /no time zone/],
  ] as const)
    await assert.rejects(make(service, { kind: "cron", cron }), { status: 422, message: expected });
});

test("each new file of a folder makes one run, also over a crash, and files that were there make none", async () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-watched-"));
  try {
    writeFileSync(join(folder, "old.csv"), "1");
    await using service = await ServiceProcess.start();
    const trigger = await make(service, {
      kind: "folder",
      folder: { path: folder, glob: "**/*.csv", settle_seconds: 0, fields: { file: "name", bytes: "size" } },
    });
    mkdirSync(join(folder, "in"));
    writeFileSync(join(folder, "in", "a.csv"), "12");
    writeFileSync(join(folder, "b.txt"), "12");
    const seen = async () =>
      (await service.client.triggers.firings(trigger.id)).firings.map(({ payload, outcome }) => ({
        ...payload,
        outcome,
      }));
    await eventually(async () => assert.deepEqual(await seen(), [{ file: "in/a.csv", bytes: 2, outcome: "started" }]));
    await service.end("SIGKILL");
    writeFileSync(join(folder, "c.csv"), "123");
    await service.start();
    await eventually(async () =>
      assert.deepEqual(await seen(), [
        { file: "c.csv", bytes: 3, outcome: "started" },
        { file: "in/a.csv", bytes: 2, outcome: "started" },
      ]),
    );
    utimesSync(join(folder, "c.csv"), new Date(), new Date());
    await eventually(async () => assert.equal((await seen()).length, 3, "a file that was written anew is a new one"));
    rmSync(folder, { recursive: true });
    await eventually(async () =>
      assert.match((await service.client.triggers.get(trigger.id)).problem ?? "", /cannot be watched.*ENOENT/),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("what keeps a run from being started is told by the firing, and a config that is deleted takes its triggers along", async () => {
  await using service = await ServiceProcess.start();
  const trigger = await make(service, { kind: "call" });
  await service.client.configs.update(trigger.config_id, { is_active: false });
  await assert.rejects(service.client.triggers.fire(trigger.id), { code: "CONFIG_INACTIVE" });
  const { firings } = await service.client.triggers.firings(trigger.id);
  assert.deepEqual([firings[0]?.outcome, firings[0]?.error?.code], ["failed", "CONFIG_INACTIVE"]);
  await service.client.configs.delete(trigger.config_id);
  await assert.rejects(service.client.triggers.get(trigger.id), { code: "TRIGGER_NOT_FOUND" });
});

async function make(service: ServiceProcess, trigger: Omit<CreateTrigger, "config_id">, yaml = drops(3)) {
  const config = await service.client.configs.create({ config_yaml: yaml, name: "a pipeline" });
  return service.client.triggers.create({ ...trigger, config_id: config.id });
}

async function call(url: string, body: unknown, headers: Readonly<Record<string, string>> = {}) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  const answer: Record<string, unknown> = JSON.parse(await response.text());
  return { status: response.status, body: answer };
}
