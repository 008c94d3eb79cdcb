import assert from "node:assert/strict";
import { after, test } from "node:test";
import { MillraceError } from "@millrace/protocol";
import { openSqliteStore } from "@millrace/stores";
import { temporaryFolder } from "../../../stores/src/support/temporary-folder.ts";
import type { Principal } from "./principal.ts";
import { openSessions, type SessionRequest } from "./sessions.ts";

const folder = temporaryFolder();
const store = openSqliteStore(folder.path, { durability: "normal" });
let now = 1_000_000_000_000;
const revoked = new Set<string>();
const MINUTE = 60_000;

const sessions = openSessions({
  store: store.sessions,
  keyIsLive: async (id) => !revoked.has(id),
  clock: { now: () => now },
  lifeMs: 12 * 60 * MINUTE,
  idleMs: 30 * MINUTE,
});

after(() => {
  store.close();
  folder[Symbol.dispose]();
});

const KEY: Principal = {
  kind: "key",
  id: "k1",
  name: "somebody's",
  project: "alpha",
  scopes: ["read", "run"],
  executionId: null,
};

const NOTHING: SessionRequest = { method: "POST", headers: { host: "millrace.test" }, secure: false };

/** A request with the cookie that an answer has set. */
function withCookie(setCookie: string, headers: Record<string, string> = {}, method = "GET"): SessionRequest {
  const [cookie] = setCookie.split(";");
  return { method, headers: { host: "millrace.test", cookie, ...headers }, secure: setCookie.includes("; Secure") };
}

const isForbidden = (error: unknown) => error instanceof MillraceError && error.code === "FORBIDDEN";

test("a login is known by its cookie, as whom it was made for, and what is stored does not open it", async () => {
  const { session, setCookie } = await sessions.issue(NOTHING, KEY);
  assert.match(setCookie, /^millrace_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/);
  const found = await sessions.principalOf(withCookie(setCookie).headers.cookie, false);
  assert.deepEqual(found, { ...KEY, kind: "session" });
  assert.deepEqual(session.principal, found);
  const [, token = ""] = /=([\w-]{43})/.exec(setCookie) ?? [];
  for (const other of ["", "x", token.slice(1), `${token}x`, `${token.slice(0, -1)}!`, session.csrfToken])
    assert.equal(await sessions.principalOf(`millrace_session=${other}`, false), null);
  assert.deepEqual(await sessions.principalOf(`a=b; millrace_session=${token}; c`, false), found);
});

test("over TLS the cookie has the prefix that keeps others from setting it, and none without it counts", async () => {
  const { setCookie } = await sessions.issue({ ...NOTHING, secure: true }, KEY);
  assert.match(setCookie, /^__Host-millrace_session=[\w-]+; Path=\/; HttpOnly; SameSite=Strict; Secure; Max-Age=\d+$/);
  const cookie = withCookie(setCookie).headers.cookie ?? "";
  assert.notEqual(await sessions.principalOf(cookie, true), null);
  assert.equal(await sessions.principalOf(cookie.replace("__Host-", ""), true), null);
});

test("a login ends when it is not used, when its time is over, and with its key", async () => {
  const first = await sessions.issue(NOTHING, KEY);
  const cookie = withCookie(first.setCookie).headers.cookie;
  for (let minutes = 0; minutes < 11 * 60; minutes += 29) {
    assert.notEqual(await sessions.principalOf(cookie, false), null, `after ${minutes} minutes`);
    now += 29 * MINUTE;
  }
  now = first.session.expiresAt - 1;
  const late = await sessions.issue(NOTHING, KEY);
  now += 1;
  assert.equal(await sessions.principalOf(cookie, false), null);
  const lateCookie = withCookie(late.setCookie).headers.cookie;
  assert.notEqual(await sessions.principalOf(lateCookie, false), null);
  now += 30 * MINUTE;
  assert.equal(await sessions.principalOf(lateCookie, false), null);

  const third = withCookie((await sessions.issue(NOTHING, { ...KEY, id: "k2" })).setCookie).headers.cookie;
  revoked.add("k2");
  assert.equal(await sessions.principalOf(third, false), null);
  revoked.delete("k2");
  assert.equal(await sessions.principalOf(third, false), null, "it does not come back");
  const short = await sessions.issue(NOTHING, { ...KEY, kind: "token" }, now + 5);
  assert.equal(short.session.expiresAt, now + 5);
  assert.ok((await sessions.prune()) >= 2);
});

test("a logout ends the login wherever its cookie is, and a login ends the one before it", async () => {
  const { session, setCookie } = await sessions.issue(NOTHING, KEY);
  const proof = { "x-csrf-token": session.csrfToken };
  const { ended, setCookie: dropped } = await sessions.end(withCookie(setCookie, proof, "DELETE"));
  assert.equal(ended?.principal.id, "k1");
  assert.match(dropped, /^millrace_session=; .*Max-Age=0$/);
  assert.equal(await sessions.principalOf(withCookie(setCookie).headers.cookie, false), null);
  assert.equal((await sessions.end(withCookie(setCookie, proof, "DELETE"))).ended, null);

  const one = await sessions.issue(NOTHING, KEY);
  const two = await sessions.issue(withCookie(one.setCookie, {}, "POST"), KEY);
  assert.equal(await sessions.principalOf(withCookie(one.setCookie).headers.cookie, false), null);
  assert.notEqual(await sessions.principalOf(withCookie(two.setCookie).headers.cookie, false), null);
});

test("by a cookie, only what a page of the service sends changes anything", async () => {
  const { session, setCookie } = await sessions.issue(NOTHING, KEY);
  const other = await sessions.issue(NOTHING, KEY);
  const token = { "x-csrf-token": session.csrfToken };
  const own = { "sec-fetch-site": "same-origin", origin: "http://millrace.test" };
  const taken = [token, { ...token, ...own }, { ...token, origin: "http://millrace.test" }];
  const refused = [
    {},
    own,
    { ...own, "x-csrf-token": "" },
    { ...own, "x-csrf-token": other.session.csrfToken },
    { ...token, "sec-fetch-site": "cross-site", origin: "http://evil.test" },
    { ...token, "sec-fetch-site": "same-site", origin: "http://other.millrace.test" },
    { ...token, origin: "http://evil.test" },
    { ...token, origin: "null" },
    { ...token, origin: "http://millrace.test.evil.test" },
  ];
  for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
    for (const headers of taken)
      assert.notEqual(await sessions.authenticate(withCookie(setCookie, headers, method)), null);
    for (const headers of refused)
      await assert.rejects(sessions.authenticate(withCookie(setCookie, headers, method)), isForbidden);
  }
  for (const headers of [{}, own]) assert.notEqual(await sessions.authenticate(withCookie(setCookie, headers)), null);
  await assert.rejects(sessions.end(withCookie(setCookie, {}, "DELETE")), isForbidden);
  assert.equal(await sessions.authenticate({ method: "POST", headers: {}, secure: false }), null);
});
