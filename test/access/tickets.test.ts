import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient } from "@millrace/client";
import { EventSource } from "eventsource";
import { eventually } from "../support/eventually.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { ADMIN_KEY, KeyedService, LONG, SHORT } from "./keyed-service.ts";

for (const workers of ["1", "2"]) {
  test(`a ticket opens the streams of its execution, and nothing else (workers: ${workers})`, async () => {
    await using service = await KeyedService.start(["--workers", workers]);
    const reader = await service.key(["read"]);
    const id = await service.run(SHORT);
    const other = await service.run(SHORT);
    const { ticket, url, expires_at: end } = await service.with(reader.secret).executions.ticket(id);
    assert.ok(Date.parse(end) > Date.now() && Date.parse(end) <= Date.now() + 60_000);

    // As a page does it: no header can be set.
    const source = new EventSource(service.url + url);
    const types = await new Promise<string[]>((resolve, reject) => {
      const seen: string[] = [];
      for (const type of ["initiated", "processing", "completed"]) source.addEventListener(type, () => seen.push(type));
      source.addEventListener("end", () => resolve(seen));
      source.addEventListener("error", (event) => reject(new Error(event.message)));
    }).finally(() => source.close());
    assert.deepEqual(types, ["initiated", "processing", "completed"]);

    const status = async (path: string) => (await service.ask(path, null)).status;
    assert.equal(await status(`/api/v1/events?execution_id=${id}&ticket=${ticket}`), 200);
    assert.equal(await status(`/api/v1/executions/${other}/events?ticket=${ticket}`), 403);
    assert.equal(await status(`/api/v1/executions/nobody/events?ticket=${ticket}`), 403);
    assert.equal(await status(`/api/v1/events?execution_id=${id}&execution_id=${other}&ticket=${ticket}`), 403);
    assert.equal(await status(`/api/v1/executions/${id}?ticket=${ticket}`), 401);
    for (const junk of ["", "x", "a.b", `${ticket}x`, ticket.slice(1), `${ticket}.${ticket}`]) {
      assert.equal(await status(`/api/v1/executions/${id}/events?ticket=${junk}`), 401, junk);
    }
    await eventually(async () => {
      const { entries } = await service.admin.audit.list({ action: "execution.read", outcome: "denied" });
      assert.ok(
        entries.some(({ target, count }) => target?.id === id && count > 1),
        "those that were refused are in the audit log",
      );
    });
  });
}

test("a ticket is no longer good than it says, nor than whoever it was issued to", async () => {
  await using service = await KeyedService.start();
  const reader = await service.key(["read"]);
  const id = await service.run(LONG);
  const client = service.with(reader.secret);
  const open = async (url: string) => {
    const response = await service.ask(url, null);
    await response.body?.cancel();
    return response.status;
  };
  const brief = await client.executions.ticket(id, { expires_in_seconds: 1 });
  const lasting = await client.executions.ticket(id, { expires_in_seconds: 3600 });
  assert.equal(await open(lasting.url), 200);
  while (Date.now() < Date.parse(brief.expires_at)) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(await open(brief.url), 401);
  await service.process.end("SIGTERM");
  await service.process.start();
  assert.equal(await open(lasting.url), 200, "over a restart");
  await service.admin.keys.revoke(reader.id);
  assert.equal(await open(lasting.url), 401, "whose it is has gone");
});

test("a stream that a ticket has opened ends with the key that it was issued to", async () => {
  await using service = await KeyedService.start();
  const id = await service.run(LONG);
  const expiresAt = new Date(Date.now() + 4_000).toISOString();
  const { secret } = await service.admin.keys.create({ name: "brief", scopes: ["read"], expires_at: expiresAt });
  const { url } = await service.with(secret).executions.ticket(id, { expires_in_seconds: 1 });
  const stream = await service.ask(`${url}&timeout=3600`, null, { signal: AbortSignal.timeout(60_000) });
  assert.equal(stream.status, 200);
  assert.match(await stream.text(), /event: end\ndata: \{"reason":"timeout"/);
});

test("a ticket of the settings' own key is good for as long as that is the key", async () => {
  await using service = await ServiceProcess.start();
  const start = async (key: string) => {
    await service.end("SIGTERM");
    await service.start(["--admin-key", key]);
    return createClient({ baseUrl: service.url, apiKey: key });
  };
  const admin = await start(ADMIN_KEY);
  const { id: configId } = await admin.configs.create({ name: "long", config_yaml: LONG });
  const { id } = await admin.executions.start({ config_id: configId });
  const { url } = await admin.executions.ticket(id, { expires_in_seconds: 3600 });
  const open = async () => {
    const response = await fetch(service.url + url);
    await response.body?.cancel();
    return response.status;
  };
  await start(ADMIN_KEY);
  assert.equal(await open(), 200, "over a restart");
  await start(`${ADMIN_KEY}-of-another-day`);
  assert.equal(await open(), 401);
});
