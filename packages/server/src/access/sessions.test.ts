import assert from "node:assert/strict";
import { after, test } from "node:test";
import { MillraceError } from "@millrace/protocol";
import { openSqliteStore } from "@millrace/stores";
import { temporaryFolder } from "../../../stores/src/support/temporary-folder.ts";
import type { Principal } from "./principal.ts";
import { openSessions, requireProof } from "./sessions.ts";

const folder = temporaryFolder();
const store = openSqliteStore(folder.path, { durability: "normal" });
let now = 1_000_000_000_000;
const revoked = new Set<string>();
const ended: string[] = [];
const MINUTE = 60_000;

const sessions = openSessions({
  store: store.sessions,
  keyIdOf: ({ id }) => id,
  keyIsLive: async (id) => !revoked.has(id),
  clock: { now: () => now },
  lifeMs: 12 * 60 * MINUTE,
  idleMs: 30 * MINUTE,
  ended: (id) => ended.push(id),
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
  expiresAt: null,
};

/** A browser without a cookie, that asks without TLS. */
const PLAIN = { cookies: undefined, secure: false };

/** The cookie that an answer has set, as it is sent back. */
function cookieOf(setCookie: string): string {
  return setCookie.split(";")[0] ?? "";
}

async function login(principal = KEY, request: { cookies: string | undefined; secure: boolean } = PLAIN) {
  const { session, setCookie } = await sessions.issue(request, principal, null);
  return { ...session, setCookie, cookie: cookieOf(setCookie) };
}

const whose = (cookies: string, overTls = false) => sessions.principalOf(cookies, overTls);

const isForbidden = (error: unknown) => error instanceof MillraceError && error.code === "FORBIDDEN";

test("a login is known by its cookie, as whom it was made for, and what is stored does not open it", async () => {
  const { principal, setCookie, cookie, csrfToken } = await login();
  assert.match(setCookie, /^millrace_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/);
  const { sessionId = "" } = principal;
  assert.deepEqual(principal, { ...KEY, kind: "session", expiresAt: now + 720 * MINUTE, sessionId });
  assert.equal(await whose(`millrace_session=${sessionId}`), null);
  assert.deepEqual(await whose(cookie), principal);
  assert.deepEqual(await whose(`a=b; ${cookie}; c`), principal);
  const [, token = ""] = cookie.split("=");
  for (const other of ["", "x", token.slice(1), `${token}x`, `${token.slice(0, -1)}!`, csrfToken])
    assert.equal(await whose(`millrace_session=${other}`), null);
});

test("over TLS the cookie has the prefix that keeps others from setting it, and opens nothing without it", async () => {
  const { setCookie, cookie, principal } = await login(KEY, { cookies: undefined, secure: true });
  assert.match(setCookie, /^__Host-millrace_session=[\w-]+; Path=\/; HttpOnly; SameSite=Strict; Secure; Max-Age=\d+$/);
  assert.deepEqual(await whose(cookie), principal);
  assert.equal(await whose(cookie.replace("__Host-", "")), null);
  const planted = await login({ ...KEY, id: "another" });
  assert.deepEqual(await whose(`${planted.cookie}; ${cookie}`), principal);
  assert.deepEqual(await whose(`${planted.cookie}; ${cookie}`, true), principal);
  assert.equal(await whose(planted.cookie, true), null, "a neighbouring host logs nobody in as somebody else");
  assert.equal((await sessions.end(planted.cookie, true)).setCookie, null);
});

test("a login ends when it is not used, when its time is over, and with its key", async () => {
  const first = await login();
  for (let minutes = 0; minutes < 11 * 60; minutes += 29) {
    assert.notEqual(await whose(first.cookie), null, `after ${minutes} minutes`);
    now += 29 * MINUTE;
  }
  now = (first.principal.expiresAt ?? 0) - 1;
  const late = await login();
  now += 1;
  assert.equal(await whose(first.cookie), null);
  assert.notEqual(await whose(late.cookie), null);
  now += 30 * MINUTE;
  assert.equal(await whose(late.cookie), null);

  const third = await login({ ...KEY, id: "k2" });
  revoked.add("k2");
  assert.equal(await whose(third.cookie), null);
  revoked.delete("k2");
  assert.equal(await whose(third.cookie), null, "it does not come back");
  const { session } = await sessions.issue(PLAIN, { ...KEY, kind: "token" }, now + 5);
  assert.equal(session.principal.expiresAt, now + 5);
  assert.ok((await sessions.prune()) >= 2);
});

test("a logout ends the login wherever its cookie is, and a login ends the one before it", async () => {
  const gone = await login();
  assert.match((await sessions.end(gone.cookie, false)).setCookie ?? "", /^millrace_session=; .*Max-Age=0$/);
  assert.equal(await whose(gone.cookie), null);
  assert.equal((await sessions.end("a=b", false)).setCookie, null);
  assert.deepEqual(ended.splice(0), [gone.principal.sessionId], "who has streams of it is told");

  const one = await login();
  const two = await login(KEY, { cookies: one.cookie, secure: false });
  assert.equal(await whose(one.cookie), null);
  assert.notEqual(await whose(two.cookie), null);
  assert.deepEqual(ended, [one.principal.sessionId]);
  assert.deepEqual(await Promise.all([one, two].map(({ principal }) => sessions.isLive(principal.sessionId ?? ""))), [
    false,
    true,
  ]);
});

test("by a cookie, only what a page of the service sends changes anything", async () => {
  const { cookie, csrfToken } = await login();
  const other = await login();
  const token = { "x-csrf-token": csrfToken };
  const asked =
    (method: string, headers: object, isForeign = false) =>
    () =>
      requireProof({ method, headers: { cookie, ...headers } }, isForeign);
  for (const method of ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"]) {
    assert.doesNotThrow(asked(method, token));
    for (const headers of [{}, { "x-csrf-token": "" }, { "x-csrf-token": other.csrfToken }])
      assert.throws(asked(method, headers), isForbidden);
    assert.throws(asked(method, token, true), isForbidden);
  }
  assert.doesNotThrow(asked("GET", {}));
});
