import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createClient } from "@millrace/client";
import { errorResponseSchema, sessionSchema, ticketSchema } from "@millrace/protocol";
import { sendRaw } from "../../packages/server/src/http/testing/raw.ts";
import { IdentityProvider } from "../support/identity-provider.ts";
import { ServiceProcess } from "../support/service-process.ts";

const ADMIN_KEY = "an-admin-key-that-is-long-enough-to-be-one";

let idp: IdentityProvider;
let service: ServiceProcess;
let admin: ReturnType<typeof createClient>;

before(async () => {
  idp = await IdentityProvider.start();
  service = await ServiceProcess.start(
    [
      ...["--oidc-issuer", idp.issuer, "--oidc-audience", "millrace"],
      ...["--oidc-roles-claim", "realm_access.roles", "--oidc-roles", "ops=run@alpha,boss=admin"],
    ],
    { MILLRACE_ADMIN_KEY: ADMIN_KEY },
  );
  admin = createClient({ baseUrl: service.url, apiKey: ADMIN_KEY });
});
after(async () => {
  await service[Symbol.asyncDispose]();
  await idp[Symbol.asyncDispose]();
});

function ask(method: string, path: string, headers: Record<string, string> = {}, body?: unknown): Promise<Response> {
  return fetch(`${service.url}${path}`, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** Logs in with a key; what the cookie and the answer say. */
async function logIn(key: string): Promise<{ cookie: string; csrf: string }> {
  const answer = await ask("POST", "/api/v1/session", {}, { api_key: key });
  assert.equal(answer.status, 201);
  const [cookie = ""] = (answer.headers.get("set-cookie") ?? "").split(";");
  return { cookie, csrf: sessionSchema.parse(await answer.json()).csrf_token ?? "" };
}

test("whoever is nobody is told how to log in, and whoever is somebody, who they are", async () => {
  const nobody = await ask("GET", "/api/v1/session");
  assert.equal(nobody.status, 401);
  const body = errorResponseSchema.loose().parse(await nobody.json());
  assert.deepEqual(body.login_methods, [{ kind: "api_key", name: null, path: null }]);
  const { secret, id } = await admin.keys.create({ name: "mine", scopes: ["run"], project: "alpha" });
  const key = sessionSchema.parse(await (await ask("GET", "/api/v1/session", bearer(secret))).json());
  assert.deepEqual(
    [key.kind, key.id, key.name, key.project, key.scopes, key.csrf_token],
    ["key", `key:${id}`, "mine", "alpha", ["run"], null],
  );
  const { cookie, csrf } = await logIn(secret);
  const session = sessionSchema.parse(await (await ask("GET", "/api/v1/session", { cookie })).json());
  assert.deepEqual({ ...session, expires_at: null }, { ...key, kind: "session", csrf_token: csrf });
  assert.ok(Date.parse(session.expires_at ?? "") > Date.now());
});

test("wrong keys log nobody in, nor does a page of another origin, and the answers say nothing of the key", async () => {
  for (const key of ["x", `mr_${"0".repeat(32)}_${"0".repeat(64)}`, `${ADMIN_KEY}x`, "a b", "ü"]) {
    const answer = await ask("POST", "/api/v1/session", {}, { api_key: key });
    assert.equal(answer.status, 401, key);
    assert.equal(answer.headers.get("set-cookie"), null);
    assert.ok(key.length < 5 || !(await answer.text()).includes(key));
  }
  assert.equal((await ask("POST", "/api/v1/session")).status, 401);
  for (const headers of [{ "sec-fetch-site": "cross-site" }, { origin: "https://evil.test" }]) {
    const answer = await ask("POST", "/api/v1/session", { ...headers }, { api_key: ADMIN_KEY });
    assert.equal(answer.status, 403);
    assert.equal(answer.headers.get("set-cookie"), null);
  }
  assert.equal((await ask("POST", "/api/v1/session", {}, { api_key: 7, more: 1 })).status, 422);
  for (const key of [ADMIN_KEY]) assert.ok(!service.stderr.includes(key));
});

test("a cookie opens what its key does; to change something, a request must prove whose page it is of", async () => {
  const { secret } = await admin.keys.create({ name: "writer", scopes: ["write"] });
  const { cookie, csrf } = await logIn(secret);
  assert.equal((await ask("GET", "/api/v1/configs", { cookie })).status, 200);
  assert.equal((await ask("GET", "/api/v1/keys", { cookie })).status, 403);
  const yaml =
    'version: "1.0"\nname: by-cookie\nroutes:\n  a: { adapters: [{ type: log }] }\ninit_message: { route: a }\n';
  const create = (headers: Record<string, string>) =>
    ask("POST", "/api/v1/configs", { cookie, ...headers }, { config_yaml: yaml });
  for (const headers of [{}, { "x-csrf-token": "x" }, { "x-csrf-token": csrf, origin: "https://evil.test" }])
    assert.equal((await create({ ...headers })).status, 403);
  assert.equal((await create({ "x-csrf-token": csrf })).status, 201);
  assert.equal((await ask("DELETE", "/api/v1/session", { cookie })).status, 403);
  const out = await ask("DELETE", "/api/v1/session", { cookie, "x-csrf-token": csrf });
  assert.equal(out.status, 204);
  assert.match(out.headers.get("set-cookie") ?? "", /^millrace_session=;.*Max-Age=0/);
  assert.equal((await ask("GET", "/api/v1/configs", { cookie })).status, 401);
});

test("a stream is watched by a cookie alone, as an EventSource of a page sends it", async () => {
  const yaml = 'version: "1.0"\nname: seen\nroutes:\n  a: { adapters: [{ type: log }] }\ninit_message: { route: a }\n';
  const { id } = await admin.configs.create({ config_yaml: yaml });
  const run = await admin.configs.run(id);
  const { cookie } = await logIn(ADMIN_KEY);
  const path = `/api/v1/executions/${run.id}/events`;
  const stream = await ask("GET", path, { cookie });
  assert.equal(stream.status, 200);
  assert.match(await stream.text(), /event: end\ndata: \{"reason":"completed"/);
  assert.equal((await ask("GET", path)).status, 401);
});

test("a logout ends the streams of its login, and what a ticket of it opens", async () => {
  const yaml =
    'version: "1.0"\nname: long\nroutes:\n  a: { adapters: [{ type: delay, config: { seconds: 600 } }] }\ninit_message: { route: a }\n';
  const { id } = await admin.configs.create({ config_yaml: yaml });
  const run = await admin.configs.run(id);
  const path = `/api/v1/executions/${run.id}/events`;
  const [leaving, staying] = [await logIn(ADMIN_KEY), await logIn(ADMIN_KEY)];
  const proof = { cookie: leaving.cookie, "x-csrf-token": leaving.csrf };
  const made = await ask("POST", `${path}/ticket`, proof, { expires_in_seconds: 600 });
  const { url } = ticketSchema.parse(await made.json());
  const [byCookie, byTicket, others] = await Promise.all([
    ask("GET", path, { cookie: leaving.cookie }),
    ask("GET", url),
    ask("GET", path, { cookie: staying.cookie }),
  ]);
  assert.deepEqual([byCookie.status, byTicket.status, others.status], [200, 200, 200]);
  assert.equal((await ask("DELETE", "/api/v1/session", proof)).status, 204);
  for (const stream of [byCookie, byTicket])
    assert.match(await stream.text(), /event: end\ndata: \{"reason":"timeout"/);
  assert.equal((await ask("GET", url)).status, 401);
  await admin.executions.cancel(run.id);
  assert.match(await others.text(), /event: end\ndata: \{"reason":"cancelled"/);
});

test("a login outlives a restart of the service, and not its key", async () => {
  const { secret, id } = await admin.keys.create({ name: "short", scopes: ["read"] });
  const { cookie } = await logIn(secret);
  const { cookie: admins } = await logIn(ADMIN_KEY);
  await service.end();
  await service.start();
  assert.equal((await ask("GET", "/api/v1/configs", { cookie })).status, 200);
  assert.equal((await ask("GET", "/api/v1/configs", { cookie: admins })).status, 200);
  await admin.keys.revoke(id);
  assert.equal((await ask("GET", "/api/v1/configs", { cookie })).status, 401);
});

test("a token of the provider opens what its roles say, and logs in for no longer than it is good", async () => {
  const exp = Math.floor(Date.now() / 1000) + 600;
  const token = await idp.token({ preferred_username: "ben", realm_access: { roles: ["ops"] }, exp });
  const who = sessionSchema.parse(await (await ask("GET", "/api/v1/session", bearer(token))).json());
  assert.deepEqual([who.kind, who.name, who.project, who.scopes], ["token", "ben", "alpha", ["run"]]);
  assert.equal((await ask("GET", "/api/v1/executions", bearer(token))).status, 200);
  assert.equal((await ask("GET", "/api/v1/keys", bearer(token))).status, 403);
  const login = sessionSchema.parse(await (await ask("POST", "/api/v1/session", bearer(token))).json());
  assert.deepEqual([login.kind, login.expires_at], ["session", new Date(exp * 1000).toISOString()]);
  const expired = await ask("GET", "/api/v1/executions", bearer(await idp.token({ exp: exp - 1200 })));
  assert.equal(expired.status, 401);
  assert.match(expired.headers.get("www-authenticate") ?? "", /^Bearer .*error="invalid_token"/);
  assert.equal(errorResponseSchema.parse(await expired.json()).detail, "The token has expired.");
  assert.equal((await ask("GET", "/api/v1/executions", bearer(await idp.token()))).status, 403);
  assert.ok(!service.stderr.includes(token));
});

test("while the provider is down, its tokens are answered with 503 and when to come back, and keys go on to work", async () => {
  await service.end();
  idp.fault = (request) => Boolean(request.socket.destroy());
  await service.start();
  const answer = await ask("GET", "/api/v1/executions", bearer(await idp.token()));
  assert.equal(answer.status, 503);
  assert.ok(Number(answer.headers.get("retry-after")) > 0);
  assert.equal(errorResponseSchema.parse(await answer.json()).error_code, "SERVICE_UNAVAILABLE");
  assert.equal((await ask("GET", "/api/v1/executions", bearer(ADMIN_KEY))).status, 200);
  idp.fault = null;
});

test("a login by the https name of public_url has a cookie that goes over TLS alone, also where no proxy is trusted", async () => {
  await using named = await ServiceProcess.start(["--public-url", "https://mill.example"], {
    MILLRACE_ADMIN_KEY: ADMIN_KEY,
  });
  const cookieAs = async (host: string) => {
    const body = JSON.stringify({ api_key: ADMIN_KEY });
    const answer = await sendRaw(
      named.url,
      `POST /api/v1/session HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    );
    return answer.headers["set-cookie"] ?? "";
  };
  assert.match(await cookieAs("mill.example"), /^__Host-millrace_session=.*; Secure/);
  const byAddress = await cookieAs(new URL(named.url).host);
  assert.match(byAddress, /^millrace_session=/, "which comes without TLS");
  assert.doesNotMatch(byAddress, /Secure/);
});
