import assert from "node:assert/strict";
import { test } from "node:test";
import { millrace } from "../support/command.ts";
import { eventually } from "../support/eventually.ts";
import { drops } from "../support/pipelines.ts";
import { ServiceProcess } from "../support/service-process.ts";

test("triggers and webhooks are made, tried, looked at and removed from the command line", async () => {
  await using service = await ServiceProcess.start();
  await service.client.configs.create({ config_yaml: drops(1), name: "p" });
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await millrace([...args, "--url", service.url]);
    assert.equal(code, 0, stderr);
    return stdout.trim();
  };
  const nightly = await run(
    "triggers",
    "create",
    "p",
    "--cron",
    "@daily",
    "--time-zone",
    "Europe/Berlin",
    "--set",
    "n=1",
  );
  const [called, path] = (await run("triggers", "create", "p", "--call")).split("\n");
  assert.match(path ?? "", new RegExp(`^/api/v1/triggers/${called}/mts_`));
  const execution = await run("triggers", "fire", nightly, "--payload", '{"m":2}');
  assert.deepEqual((await service.client.executions.get(execution)).metadata.trigger, {
    id: nightly,
    name: "@daily",
    kind: "cron",
    firing_id: (await service.client.triggers.firings(nightly)).firings[0]?.id,
    due_at: (await service.client.triggers.firings(nightly)).firings[0]?.due_at,
  });
  assert.match(await run("triggers", "firings", nightly), new RegExp(`started +${execution}`));
  await run("triggers", "disable", nightly);
  assert.match(await run("triggers", "list", "--config", "p"), new RegExp(`${nightly} +@daily +cron +no`));
  const [hook, key] = (await run("webhooks", "create", "http://127.0.0.1:9/", "--event", "execution.failed")).split(
    "\n",
  );
  assert.match(key ?? "", /^whsec_/);
  const delivery = await run("webhooks", "test", hook ?? "");
  await eventually(async () =>
    assert.match(await run("webhooks", "deliveries", hook ?? "", "--state", "failed"), new RegExp(delivery)),
  );
  assert.equal(await run("webhooks", "redeliver", hook ?? "", delivery), delivery);
  await run("webhooks", "delete", hook ?? "");
  await run("triggers", "delete", nightly);
  const wrong = await millrace(["triggers", "create", "p", "--url", service.url]);
  assert.deepEqual([wrong.code, /--cron, --folder or --call/.test(wrong.stderr)], [2, true]);
});
