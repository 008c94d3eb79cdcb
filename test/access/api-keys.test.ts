import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { createClient } from "@millrace/client";
import { errorResponseSchema } from "@millrace/protocol";
import { eventually } from "../support/eventually.ts";
import { ADMIN_KEY, KeyedService, LONG, SHORT } from "./keyed-service.ts";

let service: KeyedService;

before(async () => {
  service = await KeyedService.start();
});

after(() => service[Symbol.asyncDispose]());

/** What an answer says, in the contract's shape. */
async function refusal(response: Response) {
  const body = errorResponseSchema.parse(await response.json());
  return {
    status: response.status,
    code: body.error_code,
    detail: body.detail,
    challenge: response.headers.get("www-authenticate"),
  };
}

test("without a credential, or with one that is none of the service's, everything is a 401 that says what to send", async () => {
  const none = await refusal(await service.ask("/api/v1/executions", null));
  assert.deepEqual([none.status, none.code, none.challenge], [401, "UNAUTHENTICATED", 'Bearer realm="millrace"']);
  assert.match(none.detail, /Authorization: Bearer mr_/);
  const good = (await service.key(["read"])).secret;
  const wrong = [
    `${good.slice(0, -1)}${good.endsWith("0") ? "1" : "0"}`,
    `mr_${"0".repeat(32)}_${"0".repeat(64)}`,
    "mr_",
    "junk",
    "x".repeat(12_000),
  ];
  for (const key of wrong) {
    const { status, code, detail, challenge } = await refusal(await service.ask("/api/v1/executions", key));
    assert.deepEqual([status, code], [401, "UNAUTHENTICATED"]);
    assert.equal(detail, "The API key is not one of this service.", "which part is wrong is not told");
    assert.match(challenge ?? "", /error="invalid_token"/);
  }
  for (const authorization of ["Basic dTpw", "Bearer", "Bearer a b", good]) {
    const response = await service.ask("/api/v1/executions", null, { headers: { authorization } });
    assert.equal((await refusal(response)).status, 401, authorization);
  }
  assert.equal((await service.ask("/api/v1/executions", good)).status, 200);
});

test("strangers are refused before anything of what they send is looked at", async () => {
  for (const [method, path] of [
    ["GET", "/api/v1/executions/nobody/events?timeout=junk"],
    ["POST", "/api/v1/configs"],
    ["GET", "/api/v1/executions/nobody"],
    ["GET", "/api/v1/executions?limit=junk"],
  ] as const) {
    const response = await service.ask(path, null, {
      method,
      ...(method === "POST" ? { body: "{", headers: { "content-type": "application/json" } } : {}),
    });
    assert.equal((await refusal(response)).status, 401, path);
  }
  for (const path of ["/health/live", "/health/ready", "/openapi.json", "/docs"]) {
    assert.equal((await service.ask(path, null)).status, 200, path);
  }
});

test("each scope opens what is its own and what comes before it, and nothing else", async () => {
  const config = await service.admin.configs.create({ name: "scopes", config_yaml: SHORT });
  const asked = {
    read: ["GET", "/api/v1/executions"],
    run: ["POST", `/api/v1/configs/${config.id}/run`],
    write: ["PUT", `/api/v1/configs/${config.id}`],
    admin: ["GET", "/api/v1/keys"],
  } as const;
  const scopes = ["read", "run", "write", "admin"] as const;
  for (const [rank, granted] of scopes.entries()) {
    const { secret } = await service.key([granted]);
    for (const [needed, scope] of scopes.entries()) {
      const [method, path] = asked[scope];
      const response = await service.ask(path, secret, {
        method,
        ...(method === "GET" ? {} : { body: "{}", headers: { "content-type": "application/json" } }),
      });
      if (rank >= needed) assert.ok(response.ok, `${granted}: ${method} ${path} → ${response.status}`);
      else {
        const { status, code, challenge, detail } = await refusal(response);
        assert.deepEqual([status, code], [403, "FORBIDDEN"], `${granted}: ${path}`);
        assert.equal(challenge, `Bearer realm="millrace", error="insufficient_scope", scope="${scope}"`);
        assert.match(detail, new RegExp(`needs the scope \`${scope}\``));
      }
    }
  }
});

test("a key is told once, is stored as a hash, and is listed with when it was last used", async () => {
  const made = await service.key(["read"]);
  assert.match(made.secret, /^mr_[0-9a-f]{32}_[0-9a-f]{64}$/);
  await service.with(made.secret).executions.list();
  const listed = (await service.admin.keys.list()).keys.find(({ id }) => id === made.id);
  assert.ok(listed !== undefined && !("secret" in listed));
  assert.deepEqual([listed.created_by, listed.scopes, listed.project], ["admin_key", ["read"], null]);
  assert.ok(!JSON.stringify(await service.admin.keys.list()).includes(made.secret.slice(-64)));
});

test("a key that has expired or was revoked opens nothing, also not what it had opened", async () => {
  const brief = await service.key(["read"], { expires_in_days: 0.001 });
  assert.ok(Date.parse(brief.expires_at ?? "") > Date.now());
  const past = await service.ask("/api/v1/keys", ADMIN_KEY, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "x", scopes: ["read"], expires_at: "2020-01-01T00:00:00Z" }),
  });
  assert.equal(past.status, 422);
  const id = await service.run(LONG);
  const { id: keyId, secret } = await service.key(["read"]);
  const stream = await service.ask(`/api/v1/executions/${id}/events`, secret);
  assert.equal(stream.status, 200);
  const text = stream.text();
  await service.admin.keys.revoke(keyId);
  assert.match(await text, /event: end\ndata: \{"reason":"timeout"/);
  const { status, detail } = await refusal(await service.ask(`/api/v1/executions/${id}/events`, secret));
  assert.deepEqual([status, detail], [401, "The API key was revoked."]);
  await assert.rejects(service.admin.keys.revoke(keyId), { code: "KEY_NOT_FOUND" });
  await service.admin.executions.cancel(id);
});

test("a stream ends with the key that it was opened with, when that expires", async () => {
  const id = await service.run(LONG);
  const expiresAt = new Date(Date.now() + 3_000).toISOString();
  const { secret } = await service.admin.keys.create({ name: "brief", scopes: ["read"], expires_at: expiresAt });
  const stream = await service.ask(`/api/v1/executions/${id}/events`, secret);
  assert.match(await stream.text(), /event: end\ndata: \{"reason":"timeout"/);
  await eventually(async () => assert.equal((await service.ask("/api/v1/executions", secret)).status, 401));
  await service.admin.executions.cancel(id);
});

describe("rotation", () => {
  test("leaves the old key good beside the new one for a while", async () => {
    const old = await service.key(["run"], { project: "alpha" });
    const fresh = await service.admin.keys.rotate(old.id, { overlap_seconds: 3600 });
    assert.deepEqual([fresh.scopes, fresh.project, fresh.name], [["read", "run"], "alpha", old.name]);
    for (const { secret } of [old, fresh]) assert.equal((await service.ask("/api/v1/executions", secret)).status, 200);
    const listed = await service.admin.keys.get(old.id);
    assert.equal(listed.rotated_to, fresh.id);
    assert.ok(Date.parse(listed.expires_at ?? "") <= Date.now() + 3_600_000);
    await assert.rejects(service.admin.keys.rotate(old.id), { code: "KEY_NOT_LIVE" });
  });

  test("without overlap ends the old key at once", async () => {
    const old = await service.key(["read"]);
    const fresh = await service.admin.keys.rotate(old.id, { overlap_seconds: 0 });
    assert.equal(
      (await refusal(await service.ask("/api/v1/executions", old.secret))).detail,
      "The API key has expired.",
    );
    assert.equal((await service.ask("/api/v1/executions", fresh.secret)).status, 200);
  });

  test("ends the streams of the old key with the overlap", async () => {
    const id = await service.run(LONG);
    for (const overlap of [0, 1]) {
      const old = await service.key(["read"]);
      const signal = AbortSignal.timeout(60_000);
      const stream = await service.ask(`/api/v1/executions/${id}/events?timeout=3600`, old.secret, { signal });
      const fresh = await service.admin.keys.rotate(old.id, { overlap_seconds: overlap });
      const other = await service.ask(`/api/v1/executions/${id}/events`, fresh.secret);
      assert.match(await stream.text(), /event: end\ndata: \{"reason":"timeout"/);
      await other.body?.cancel();
    }
    await service.admin.executions.cancel(id);
  });
});

test("one who administers a project sees and makes keys of that project alone", async () => {
  const alpha = await service.key(["admin"], { project: "alpha" });
  const other = await service.key(["read"], { project: "beta" });
  const client = service.with(alpha.secret);
  assert.ok((await client.keys.list()).keys.every(({ project }) => project === "alpha"));
  for (const act of [
    () => client.keys.get(other.id),
    () => client.keys.revoke(other.id),
    () => client.keys.rotate(other.id),
  ]) {
    await assert.rejects(act, { status: 404, code: "KEY_NOT_FOUND" });
  }
  assert.equal((await client.keys.create({ name: "x", scopes: ["read"] })).project, "alpha");
  for (const project of ["beta", null]) {
    await assert.rejects(client.keys.create({ name: "x", scopes: ["read"], project }), {
      status: 403,
      code: "FORBIDDEN",
    });
  }
});

test("what was done, and what was not let be done, is in the audit log, with who, what, where from and the request's id", async () => {
  const writer = await service.key(["write"]);
  const config = await service.with(writer.secret).configs.create({ name: "audited", config_yaml: SHORT });
  const [created] = (await service.admin.audit.list({ action: "config.create", actor: `key:${writer.id}` })).entries;
  assert.deepEqual(
    [created?.actor.kind, created?.actor.name, created?.target, created?.outcome, created?.status],
    ["key", "write", { kind: "config", id: config.id }, "allowed", 201],
  );
  const response = await service.ask("/api/v1/keys", writer.secret, { headers: { "x-request-id": "denied-one" } });
  assert.equal(response.status, 403);
  await eventually(async () => {
    const { entries } = await service.admin.audit.list({ outcome: "denied", actor: `key:${writer.id}` });
    assert.deepEqual(
      entries.map(({ action, request_id, status }) => [action, request_id, status]),
      [["key.read", "denied-one", 403]],
    );
  });
  const whole = JSON.stringify(await service.admin.audit.list({ limit: 1000 }));
  assert.ok(!whole.includes(writer.secret) && !whole.includes(ADMIN_KEY));
});

test("whoever knocks has no entry made for each time: what comes of it is counted, whatever is wrong with it", async () => {
  const json = { "content-type": "application/json" };
  const count = async () => (await service.admin.audit.list({ limit: 1 })).total;
  const before = await count();
  for (let time = 0; time < 20; time += 1) {
    assert.equal((await service.ask("/api/v1/session", null, { method: "DELETE" })).status, 204);
    const login = { method: "POST", body: "{", headers: json };
    assert.equal((await service.ask("/api/v1/session", null, login)).status, 422);
    assert.equal((await service.ask("/api/v1/triggers/nobody/mts_x", null, { method: "POST" })).status, 404);
    assert.match(await withoutHost("POST", "/api/v1/webhooks"), /^HTTP\/1\.1 400 /);
  }
  await eventually(async () => {
    const { entries } = await service.admin.audit.list({ outcome: "failed" });
    for (const action of ["session.create", "trigger.call", "webhook.create"]) {
      const counts = entries.filter((each) => each.action === action).map((each) => each.count);
      assert.equal(
        counts.reduce((sum, each) => sum + each, 0),
        20,
        action,
      );
    }
  });
  // Each kind is written once in ten seconds.
  assert.ok((await count()) - before < 20);
});

test("one who administers a project sees what was done there, whoever did it and however it was asked for", async () => {
  const alpha = await service.key(["admin"], { project: "audited" });
  const own = createClient({ baseUrl: service.url, apiKey: ADMIN_KEY, project: "audited" });
  const config = await own.configs.create({ name: "mine", config_yaml: SHORT });
  const run = await service.admin.configs.run(config.id);
  await service.admin.executions.wait(run.id);
  await service.admin.executions.delete(run.id);
  await service.admin.configs.delete(config.id);
  const { entries } = await service.with(alpha.secret).audit.list();
  assert.deepEqual(
    entries.map(({ action, project }) => [action, project]),
    ["config.delete", "execution.delete", "config.run", "config.create", "key.create"].map((each) => [each, "audited"]),
  );
});

test("what a browser sends for a proxy's own password is not taken for a credential, nor in place of one", async () => {
  const authorization = `Basic ${Buffer.from("anna:secret").toString("base64")}`;
  const id = await service.run(SHORT);
  const { url } = await service.admin.executions.ticket(id);
  const login = await service.ask("/api/v1/session", ADMIN_KEY, { method: "POST" });
  const [cookie = ""] = (login.headers.get("set-cookie") ?? "").split(";");
  const ask = (path: string, more: Record<string, string> = {}) =>
    service.ask(path, null, { headers: { authorization, ...more } });
  assert.equal((await ask("/api/v1/executions", { cookie })).status, 200);
  assert.equal((await ask(url)).status, 200);
  const { status, detail } = await refusal(await ask("/api/v1/executions"));
  assert.deepEqual([status, detail], [401, "The Authorization header must be `Bearer` and an API key or a token."]);
});

/** What is answered to a request of HTTP/1.1 that does not say to whom it goes. */
async function withoutHost(method: string, path: string): Promise<string> {
  const { hostname, port } = new URL(service.url);
  const socket = connect(Number(port), hostname);
  socket.write(`${method} ${path} HTTP/1.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return text;
}
