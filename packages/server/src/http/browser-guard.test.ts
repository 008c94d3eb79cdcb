import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { MillraceError } from "@millrace/protocol";
import { allowedHosts, BrowserGuard, type BrowserGuardSettings } from "./browser-guard.ts";

/** What of a request is looked at. */
const requestOf = (method: string, headers: Readonly<Record<string, string>>) =>
  ({ method, headers }) as unknown as IncomingMessage;

function refusal(
  request: { readonly method?: string; readonly headers: Readonly<Record<string, string>>; readonly host?: string },
  settings: Partial<BrowserGuardSettings> = {},
): string | null {
  const guard = new BrowserGuard({ allowedHosts: [], corsOrigins: [], publicUrl: null, ...settings });
  const { method = "POST", headers, host = headers.host ?? null } = request;
  try {
    guard.check(requestOf(method, headers), {
      address: "127.0.0.1",
      secure: false,
      host,
      proxyNotTrusted: false,
    });
    return null;
  } catch (error) {
    return error instanceof MillraceError ? error.code : String(error);
  }
}

test("a service on a loopback address answers to localhost and to addresses, and to no name that can lead anywhere", () => {
  const by = (host: string) => refusal({ method: "GET", headers: { host } });
  for (const good of [
    "localhost",
    "localhost:8000",
    "LOCALHOST.",
    "a.localhost",
    "127.0.0.1:8000",
    "[::1]:8000",
    "10.0.0.7",
  ])
    assert.equal(by(good), null, good);
  for (const bad of [
    "evil.example",
    "evil.example:8000",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evillocalhost",
    "localhost@evil.example",
    "localhost:8000@evil.example",
    "millrace",
    "",
    "[::1",
  ])
    assert.equal(by(bad), "HOST_NOT_ALLOWED", bad);
  assert.equal(refusal({ method: "GET", headers: {} }), null, "no browser leaves it out");
});

test("names are those of allowed_hosts and public_url, and any where that is set or access is controlled", () => {
  const by = (host: string, settings: Partial<BrowserGuardSettings>) =>
    refusal({ method: "GET", headers: { host } }, settings);
  assert.equal(by("mill.example:80", { allowedHosts: ["Mill.example"] }), null);
  assert.equal(by("a.b.example", { allowedHosts: ["*.b.example"] }), null);
  assert.equal(by("b.example", { allowedHosts: ["*.b.example"] }), "HOST_NOT_ALLOWED");
  assert.equal(by("mill.example", { publicUrl: "https://mill.example" }), null);
  assert.equal(by("any.example", { allowedHosts: ["*"] }), null);
  assert.equal(by("any.example", { allowedHosts: null }), null);
  assert.deepEqual(allowedHosts([], { boundTo: "127.0.0.1", accessControl: false }), []);
  assert.deepEqual(allowedHosts([], { boundTo: "localhost", accessControl: false }), []);
  assert.equal(allowedHosts([], { boundTo: "127.0.0.1", accessControl: true }), null);
  assert.equal(allowedHosts([], { boundTo: "0.0.0.0", accessControl: false }), null);
  assert.deepEqual(allowedHosts(["a"], { boundTo: "0.0.0.0", accessControl: true }), ["a"]);
});

test("a page of another site changes nothing, and a page of the service, a program and an allowed origin do", () => {
  const host = "127.0.0.1:8000";
  const by = (headers: Readonly<Record<string, string>>, settings: Partial<BrowserGuardSettings> = {}) =>
    refusal({ headers: { host, ...headers } }, settings);
  const evil = "http://evil.example";
  assert.equal(by({}), null, "curl");
  assert.equal(by({ origin: "http://127.0.0.1:8000" }), null);
  assert.equal(by({ origin: "http://127.0.0.1:8000", "sec-fetch-site": "same-origin" }), null);
  assert.equal(by({ "sec-fetch-site": "none" }), null, "typed in by the user");
  assert.equal(by({ origin: "http://localhost:5173", "sec-fetch-site": "same-origin" }), null, "Vite's proxy");
  for (const headers of [
    { origin: evil, "sec-fetch-site": "cross-site" },
    { origin: evil },
    { origin: "null" },
    { origin: "null", "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site", origin: "http://127.0.0.1:9999" },
    { origin: "http://127.0.0.1:9999" },
    { origin: "http://127.0.0.1:8000.evil.example" },
    { origin: "junk" },
  ])
    assert.equal(by(headers), "CROSS_SITE_REQUEST", JSON.stringify(headers));
  assert.equal(by({ origin: evil, "sec-fetch-site": "cross-site" }, { corsOrigins: [evil] }), null);
  assert.equal(by({ origin: evil, "sec-fetch-site": "cross-site" }, { corsOrigins: "*" }), null);
  assert.equal(by({ origin: "https://mill.example" }, { publicUrl: "https://mill.example/" }), null);
  assert.equal(
    refusal({ headers: { host, origin: "http://mill.example" }, host: "mill.example" }),
    null,
    "by a proxy's word",
  );
  assert.equal(
    refusal({ headers: { host, origin: "http://a.example:8080" }, host: "a.example" }),
    null,
    "a proxy left it out",
  );
  for (const method of ["GET", "HEAD", "OPTIONS"])
    assert.equal(refusal({ method, headers: { host, origin: evil } }), null, method);
});

test("a page that may call the service is another's all the same, and one of the service is its own behind any proxy", () => {
  const settings = { allowedHosts: null, corsOrigins: "*", publicUrl: "https://mill.example" } as const;
  const guard = new BrowserGuard(settings);
  const by = (headers: Readonly<Record<string, string>>, host = "node-1:8000") =>
    guard.isForeign(requestOf("POST", headers), { host });
  for (const own of [
    {},
    { "sec-fetch-site": "same-origin", origin: "https://any.example" },
    { origin: "https://mill.example" },
    { origin: "http://node-1:8000" },
  ])
    assert.equal(by(own), false, JSON.stringify(own));
  assert.equal(by({ origin: "http://told.example" }, "told.example"), false, "by a proxy's word");
  for (const other of [
    { "sec-fetch-site": "cross-site", origin: "https://evil.example" },
    { "sec-fetch-site": "same-site", origin: "https://other.mill.example" },
    { "sec-fetch-site": "cross-site", origin: "http://node-1:8000" },
    { "sec-fetch-site": "cross-site" },
    { origin: "https://evil.example" },
    { origin: "null" },
    { origin: "https://mill.example.evil.example" },
  ])
    assert.equal(by(other), true, JSON.stringify(other));
});
