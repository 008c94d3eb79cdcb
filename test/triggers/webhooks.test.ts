import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { drops, WAITS } from "../support/pipelines.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { Receiver, signatureOf } from "./receiver.ts";

const ALLOWED = ["--http-allow-hosts", "127.0.0.1"];

test("a webhook to an address of a private network is not sent to, unless the service allows the host", async () => {
  await using receiver = await Receiver.start();
  await using service = await ServiceProcess.start();
  const { webhooks } = service.client;
  const hook = await webhooks.create({ url: receiver.url });
  await webhooks.test(hook.id);
  await eventually(async () => {
    const { deliveries } = await webhooks.deliveries(hook.id);
    assert.match(deliveries[0]?.log[0]?.error ?? "", /no public address.*http_allow_hosts/);
  });
  assert.equal(receiver.received.length, 0);
});

test("a webhook is told how executions end, signed, once each, and of those alone that it asks for", async () => {
  await using receiver = await Receiver.start();
  await using service = await ServiceProcess.start(ALLOWED);
  const { webhooks, executions } = service.client;
  const before = await run(service, drops(2));
  await executions.wait(before, 60);
  const hook = await webhooks.create({
    url: receiver.url,
    events: ["execution.completed", "execution.cancelled"],
    headers: { Authorization: "Bearer t0ken" },
  });
  const completed = await run(service, drops(2));
  await executions.wait(completed, 60);
  const cancelled = await run(service, WAITS);
  await executions.cancel(cancelled);
  await eventually(() => assert.equal(receiver.received.length, 2));
  const told = receiver.received.map(({ body }) => [body.type, body.data.id, body.data.status]);
  assert.deepEqual(told.sort(), [
    ["execution.cancelled", cancelled, "cancelled"],
    ["execution.completed", completed, "completed"],
  ]);
  for (const each of receiver.received) {
    assert.equal(each.headers["webhook-signature"], signatureOf(each, hook.secret ?? ""));
    assert.equal(each.headers.authorization, "Bearer t0ken");
    assert.equal(each.headers["content-type"], "application/json");
  }
  const shown = JSON.stringify(await webhooks.get(hook.id));
  assert.equal(shown.includes(hook.secret ?? "?") || shown.includes("t0ken"), false);
  await eventually(async () => {
    const { deliveries } = await webhooks.deliveries(hook.id);
    assert.deepEqual(
      deliveries.map(({ state, log }) => [state, log.map(({ status }) => status)]),
      [
        ["delivered", [204]],
        ["delivered", [204]],
      ],
    );
  });
});

test("a delivery that fails is tried again with the same id and body, and can be made anew", async () => {
  await using receiver = await Receiver.start();
  await using service = await ServiceProcess.start(ALLOWED);
  const { webhooks, executions } = service.client;
  const hook = await webhooks.create({ url: receiver.url });
  receiver.next.push(500, "cut");
  const id = await run(service, drops(1));
  await executions.wait(id, 60);
  const only = async () => (await webhooks.deliveries(hook.id)).deliveries[0];
  for (const [count, error] of [
    [1, /HTTP 500/],
    [2, /socket|hang|closed|terminated|reset/i],
  ] as const) {
    await eventually(async () => {
      const delivery = await only();
      assert.deepEqual([delivery?.state, delivery?.attempts, delivery?.log.length], ["pending", count, count]);
      assert.match(delivery?.log.at(-1)?.error ?? "", error);
      assert.ok(Date.parse(delivery?.next_at ?? "") > Date.parse(delivery?.log.at(-1)?.at ?? ""));
    });
    await atOnce(service);
  }
  await eventually(async () => assert.equal((await only())?.state, "delivered"));
  const [first, second, third] = receiver.received;
  assert.deepEqual([second?.id, second?.text], [first?.id, first?.text]);
  assert.deepEqual([third?.id, third?.text], [first?.id, first?.text]);
  await webhooks.redeliver(hook.id, first?.id ?? "");
  await eventually(() => assert.equal(receiver.received.length, 4));
  await assert.rejects(webhooks.redeliver(hook.id, "nothing"), { code: "DELIVERY_NOT_FOUND" });
});

test("a service that is killed before it could tell of an end tells of it when it is back", async () => {
  await using receiver = await Receiver.start();
  receiver.usual = "hang";
  await using service = await ServiceProcess.start(ALLOWED);
  const { webhooks, executions } = service.client;
  const hook = await webhooks.create({ url: receiver.url });
  const ids = [await run(service, drops(1)), await run(service, drops(1))];
  for (const id of ids) await executions.wait(id, 60);
  await eventually(() => assert.equal(receiver.received.length, 2));
  await service.end("SIGKILL");
  receiver.usual = 204;
  // The claim of the process that is gone has run out.
  due(service);
  await service.start();
  await eventually(async () => {
    const { deliveries } = await service.client.webhooks.deliveries(hook.id);
    assert.deepEqual(
      deliveries.map(({ state }) => state),
      ["delivered", "delivered"],
    );
  });
  assert.equal(new Set(receiver.received.map(({ id }) => id)).size, 2, "what comes twice has the same id");
});

test("a receiver that does not answer holds up no other, and one that is gone is told nothing more", async () => {
  await using slow = await Receiver.start();
  await using quick = await Receiver.start();
  await using gone = await Receiver.start();
  slow.usual = "hang";
  gone.usual = 410;
  await using service = await ServiceProcess.start(ALLOWED);
  const { webhooks } = service.client;
  await webhooks.create({ url: slow.url });
  await webhooks.create({ url: quick.url });
  const left = await webhooks.create({ url: gone.url });
  for (let count = 0; count < 20; count += 1) await run(service, drops(1));
  await eventually(() => assert.equal(quick.received.length, 20));
  const shown = await eventually(async () => {
    const webhook = await webhooks.get(left.id);
    assert.equal(webhook.enabled, false);
    return webhook;
  });
  assert.match(shown.disabled_reason ?? "", /410/);
  assert.ok(slow.received.length <= 4);
});

test("a test is sent on request, and a key in the environment is used and never stored", async () => {
  await using receiver = await Receiver.start();
  const key = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
  await using service = await ServiceProcess.start(ALLOWED, { MILLRACE_SECRET_HOOK: key });
  const { webhooks } = service.client;
  const hook = await webhooks.create({ url: receiver.url, secret_env: "MILLRACE_SECRET_HOOK" });
  assert.equal(hook.secret, null);
  await webhooks.test(hook.id);
  await eventually(() => assert.equal(receiver.received.length, 1));
  const [sent] = receiver.received;
  assert.ok(sent !== undefined);
  assert.deepEqual([sent.body.type, sent.headers["webhook-signature"]], ["webhook.test", signatureOf(sent, key)]);
  const unset = await webhooks.create({ url: receiver.url, secret_env: "MILLRACE_SECRET_OTHER" });
  await webhooks.test(unset.id);
  await eventually(async () => {
    const { deliveries } = await webhooks.deliveries(unset.id);
    assert.match(deliveries[0]?.log[0]?.error ?? "", /The secret "OTHER" is not set/);
  });
  assert.equal(receiver.received.length, 1, "nothing is sent unsigned");
});

async function run(service: ServiceProcess, yaml: string): Promise<string> {
  const config = await service.client.configs.create({ config_yaml: yaml, name: "a pipeline" });
  return (await service.client.configs.run(config.id)).id;
}

/** Has the next attempts made at once, as if their time had come. */
async function atOnce(service: ServiceProcess): Promise<void> {
  await service.end("SIGKILL");
  due(service);
  await service.start();
}

function due(service: ServiceProcess): void {
  const database = new DatabaseSync(join(service.dataDir, "millrace.db"));
  database.exec("UPDATE deliveries SET next_at = 0 WHERE state = 'pending'");
  database.close();
}
