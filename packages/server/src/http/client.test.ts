import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { Networks } from "./addresses.ts";
import { clientOf, PEER_HEADER, type ProxySettings } from "./client.ts";

const trusting: ProxySettings = {
  trusted: new Networks(["loopback", "10.0.0.0/8"]),
  headers: "x-forwarded",
  fromWorkers: false,
};

function from(peer: string, headers: Readonly<Record<string, string>>, settings = trusting) {
  // What of a request is looked at.
  return clientOf({ headers, socket: { remoteAddress: peer } } as unknown as IncomingMessage, settings);
}

test("the last address that no trusted proxy has is the client's, whatever the client has written before it", () => {
  const by = (text: string) => from("127.0.0.1", { "x-forwarded-for": text }).address;
  assert.equal(by("203.0.113.7"), "203.0.113.7");
  assert.equal(by("127.0.0.1, 203.0.113.7"), "203.0.113.7", "the first is the client's own word");
  assert.equal(by("198.51.100.1, 203.0.113.7, 10.0.0.3"), "203.0.113.7", "a second proxy is passed over");
  assert.equal(by("203.0.113.7:1234"), "203.0.113.7");
  assert.equal(by("[2001:db8::1]:1234"), "2001:db8::1");
  assert.equal(by("203.0.113.7, unknown"), "127.0.0.1", "it is known no further");
  assert.equal(by(`203.0.113.7, ${"10.0.0.1, ".repeat(50)}10.0.0.1`), "10.0.0.1", "there are not so many proxies");
  assert.equal(by(""), "127.0.0.1");
  assert.equal(by("10.0.0.1, 10.0.0.2"), "10.0.0.1", "where all are trusted, the farthest");
});

test("who is no trusted proxy is believed nothing", () => {
  const headers = {
    host: "here",
    "x-forwarded-for": "127.0.0.1",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "there",
    forwarded: "for=127.0.0.1;proto=https;host=there",
    [PEER_HEADER]: "127.0.0.1",
  };
  const client = { address: "203.0.113.7", secure: false, host: "here", proxyNotTrusted: true };
  assert.deepEqual(from("203.0.113.7", headers), client);
  assert.deepEqual(from("::ffff:203.0.113.7", headers), client);
  assert.equal(from("203.0.113.7", { host: "here" }).proxyNotTrusted, false);
  assert.equal(from("", headers).proxyNotTrusted, false, "nobody can say whose the connection was");
});

test("a trusted proxy's word on the scheme and the host counts, of several the last one's", () => {
  const client = from("10.0.0.1", {
    host: "127.0.0.1:8000",
    "x-forwarded-for": "203.0.113.7",
    "x-forwarded-proto": "http, https",
    "x-forwarded-host": "evil.example, Millrace.Example:8443",
  });
  assert.equal(client.secure, true);
  assert.equal(client.host, "millrace.example:8443");
  assert.equal(from("10.0.0.1", { "x-forwarded-proto": "https, http" }).secure, false);
});

test("only the kind of header that proxies are said to set is read: the other comes from clients", () => {
  const both = {
    "x-forwarded-for": "198.51.100.1",
    forwarded: 'for="[2001:db8::7]:1234";proto=https;host="a.example"',
  };
  assert.equal(from("127.0.0.1", both).address, "198.51.100.1");
  const client = from("127.0.0.1", both, { ...trusting, headers: "forwarded" });
  assert.deepEqual([client.address, client.secure, client.host], ["2001:db8::7", true, "a.example"]);
  const by = (forwarded: string) => from("127.0.0.1", { forwarded }, { ...trusting, headers: "forwarded" }).address;
  assert.equal(by("for=127.0.0.1, for=203.0.113.7;by=10.0.0.1"), "203.0.113.7");
  assert.equal(by('for="_a,for=127.0.0.1", For=203.0.113.7'), "203.0.113.7", "a comma in quotes ends nothing");
  assert.equal(by("by=203.0.113.7"), "127.0.0.1");
  assert.equal(by('for="203.0.113.7'), "203.0.113.7");
});

test("the main process goes by the address that its worker was called from", () => {
  const settings = { ...trusting, fromWorkers: true };
  assert.equal(from("", { [PEER_HEADER]: "203.0.113.7" }, settings).address, "203.0.113.7");
  assert.equal(
    from("", { [PEER_HEADER]: "127.0.0.1", "x-forwarded-for": "203.0.113.8" }, settings).address,
    "203.0.113.8",
  );
  assert.equal(from("", {}, settings).address, "unknown");
});
