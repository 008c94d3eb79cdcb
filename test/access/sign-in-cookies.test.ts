import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { IdentityProvider } from "../support/identity-provider.ts";
import { ServiceProcess } from "../support/service-process.ts";

/** As a proxy with TLS hands a request on. */
const TLS = { "x-forwarded-proto": "https", "x-forwarded-host": "millrace.example.org" };

let idp: IdentityProvider;
let service: ServiceProcess;

before(async () => {
  idp = await IdentityProvider.start();
  idp.metadata = { authorization_endpoint: `${idp.issuer}/authorize`, token_endpoint: `${idp.issuer}/token` };
  service = await ServiceProcess.start([
    ...["--oidc-issuer", idp.issuer, "--oidc-client-id", "millrace", "--trusted-proxies", "loopback"],
    ...["--oidc-roles-claim", "roles", "--oidc-roles", "ops=run"],
  ]);
});
after(async () => {
  await service[Symbol.asyncDispose]();
  await idp[Symbol.asyncDispose]();
});

/** Begins a sign-in; what the browser is sent to, and what it is to keep. */
async function begin(headers: Record<string, string>) {
  const answer = await fetch(`${service.url}/login/oidc`, { redirect: "manual", headers });
  assert.equal(answer.status, 303);
  const [cookie = ""] = (answer.headers.get("set-cookie") ?? "").split(";");
  const { searchParams } = new URL(answer.headers.get("location") ?? "");
  return { cookie, state: searchParams.get("state") ?? "", callback: searchParams.get("redirect_uri") };
}

/** Comes back from the provider; where that leads to. */
async function comeBack(state: string, headers: Record<string, string>): Promise<string | null> {
  const url = `${service.url}/login/oidc/callback?code=theirs&state=${state}`;
  const answer = await fetch(url, { redirect: "manual", headers });
  assert.equal(answer.status, 303);
  return answer.headers.get("location");
}

test("a sign-in that a neighbouring host has planted is none: over TLS the cookie counts that it cannot set", async () => {
  const { cookie, state, callback } = await begin(TLS);
  assert.match(cookie, /^__Host-millrace_login=/);
  assert.equal(callback, "https://millrace.example.org/login/oidc/callback");
  const planted = { ...TLS, cookie: cookie.replace("__Host-", "") };
  assert.match((await comeBack(state, planted)) ?? "", /^\/login\?error=expired/);
  assert.ok(!idp.asked.includes("/token"), "nothing is asked for who began none");
  assert.match((await comeBack(state, { ...TLS, cookie })) ?? "", /^\/login\?error=refused/);
  assert.ok(idp.asked.includes("/token"));
});

test("whatever name a request has, coming back is answered as a page", async () => {
  for (const host of ["exa mple", "[", "%", "a:b:c"]) {
    const names = { "x-forwarded-proto": "https", "x-forwarded-host": host };
    const { cookie, state } = await begin(names);
    assert.match((await comeBack(state, { ...names, cookie })) ?? "", /^\/login\?error=/, host);
  }
});

test("where it is told by which name users find the service, the provider leads back to that one", async () => {
  await service.end();
  await service.start(["--public-url", "https://mill.example.net"]);
  const { cookie, callback } = await begin({});
  assert.equal(callback, "https://mill.example.net/login/oidc/callback");
  // What its proxy does not say is not known: the cookie is one that works either way.
  assert.match(cookie, /^millrace_login=/);
});
