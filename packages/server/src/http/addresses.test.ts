import assert from "node:assert/strict";
import { test } from "node:test";
import { addressIn, isNetwork, Networks, networkOf } from "./addresses.ts";

test("an address is found in what sockets and headers name it by", () => {
  for (const [text, address] of [
    ["203.0.113.7", "203.0.113.7"],
    [" 203.0.113.7:4711 ", "203.0.113.7"],
    ["::ffff:203.0.113.7", "203.0.113.7"],
    ["[2001:DB8::1]:443", "2001:db8::1"],
    ["fe80::1%eth0", "fe80::1"],
    ["unknown", null],
    ["_hidden", null],
    ["203.0.113.7.evil.example", null],
    ["999.1.1.1", null],
    ["", null],
  ] as const)
    assert.equal(addressIn(text), address, text);
});

test("networks hold the addresses within them, in either family and under their names", () => {
  const networks = new Networks(["10.1.0.0/16", "2001:db8::/32", "192.0.2.9", "loopback"]);
  for (const inside of ["10.1.255.1", "2001:db8:ffff::1", "192.0.2.9", "127.8.8.8", "::1"])
    assert.ok(networks.has(inside), inside);
  for (const outside of ["10.2.0.1", "2001:db9::1", "192.0.2.8", "unknown", ""])
    assert.ok(!networks.has(outside), outside);
  assert.ok(new Networks(["private"]).has("172.31.0.1"));
  assert.ok(!new Networks([]).has("127.0.0.1"));
  for (const good of ["loopback", "private", "10.0.0.7", "10.0.0.0/8", "fd00::/8"]) assert.ok(isNetwork(good), good);
  for (const bad of ["10.0.0.0/33", "fd00::/129", "10.0.0/8", "proxy.example", "10.0.0.0/", "", "constructor"])
    assert.ok(!isNetwork(bad), bad);
});

test("limits count a whole /64 of IPv6 as one address, since it is one subscriber's", () => {
  assert.equal(networkOf("203.0.113.7"), "203.0.113.7");
  assert.equal(networkOf("2001:db8:1:2:3:4:5:6"), networkOf("2001:db8:1:2::ffff"));
  assert.notEqual(networkOf("2001:db8:1:2::1"), networkOf("2001:db8:1:3::1"));
  assert.equal(networkOf("2001:db8::1"), networkOf("2001:0db8::2"));
});
