import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { HeldAdapter } from "../support/held-adapter.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { VaultServer } from "./vault-server.ts";

const PIPELINE = `
version: "1.0"
name: needs-a-secret
routes:
  make: { adapters: [{ type: generate, config: { count: 4 } }], outbound: [work] }
  work:
    adapters:
      - { type: held }
      - { type: log, config: { message: "\${secret:FROM_VAULT}" } }
init_message: { route: make }
`;

test("a run whose secrets cannot be had after a crash waits, says so, and goes on by itself when they can", async () => {
  using held = new HeldAdapter();
  await using vault = await VaultServer.start();
  vault.entries.set("default", { FROM_VAULT: "value-of-the-vault" });
  const flags = [...held.flags, "--secrets-url", vault.url, "--secrets-ttl", "1", "--shutdown-grace", "0"];
  await using service = await ServiceProcess.start(flags, { MILLRACE_SECRETS_TOKEN: vault.token });
  const id = await service.run(PIPELINE);
  const { configs } = await service.client.configs.list();
  const configId = configs[0]?.id ?? "";
  await service.end("SIGKILL");
  await vault.down();
  await service.start();
  await eventually(async () => {
    const { status, error_info: error } = await service.client.executions.get(id);
    assert.equal(status, "interrupted");
    assert.match(
      String(error?.message),
      /The secret "FROM_VAULT" cannot be had at present: the server of secrets_url cannot be reached: ECONNREFUSED.* goes on as soon as/,
    );
  });
  const refused = await fetch(`${service.url}/api/v1/configs/${configId}/run`, { method: "POST" });
  assert.equal(refused.status, 503);
  assert.ok(refused.headers.has("retry-after"));
  const body = JSON.stringify(await refused.json());
  assert.match(body, /"error_code":"SECRET_UNAVAILABLE"/);
  const health = await (await fetch(`${service.url}/health/ready`)).text();
  assert.match(
    health,
    /"secrets":\{"status":"degraded","detail":"the server of secrets_url cannot be reached: ECONNREFUSED"/,
  );
  const other = await service.client.configs.validate(PIPELINE);
  assert.equal(other.issues[0]?.code, "E408");

  await vault.up();
  held.letThrough(100);
  await eventually(async () => assert.equal((await service.client.executions.get(id)).status, "completed"));
  const again = await fetch(`${service.url}/api/v1/configs/${configId}/run`, { method: "POST" });
  assert.equal(again.status, 201);
});

test("one that waits for its secrets can be cancelled, and stays it when they come", async () => {
  using held = new HeldAdapter();
  await using vault = await VaultServer.start();
  vault.entries.set("default", { FROM_VAULT: "value-of-the-vault" });
  const flags = [...held.flags, "--secrets-url", vault.url, "--shutdown-grace", "0"];
  await using service = await ServiceProcess.start(flags, { MILLRACE_SECRETS_TOKEN: vault.token });
  const id = await service.run(PIPELINE);
  await service.end("SIGKILL");
  vault.mood = "sealed";
  await service.start();
  await eventually(async () => assert.equal((await service.client.executions.get(id)).status, "interrupted"));
  await service.client.executions.cancel(id);
  vault.mood = "well";
  held.letThrough(100);
  const next = await eventually(() => service.run(PIPELINE));
  await eventually(async () => assert.equal((await service.client.executions.get(next)).status, "completed"));
  assert.equal((await service.client.executions.get(id)).status, "cancelled");
});
