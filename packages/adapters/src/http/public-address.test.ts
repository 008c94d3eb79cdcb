import assert from "node:assert/strict";
import { test } from "node:test";
import { AllowedHosts, isHostName } from "./allowed-hosts.ts";
import { isPublicAddress } from "./public-address.ts";

test("addresses of this machine, of private networks, of the link, of groups and of metadata services are not public", () => {
  const addresses = [
    ...["127.0.0.1", "127.255.0.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"],
    ...["169.254.169.254", "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192", "198.18.0.1"],
    ...["224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "192.0.2.1"],
    ...["::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1"],
    ...[
      "::ffff:127.0.0.1",
      "::ffff:8.8.8.8",
      "64:ff9b::7f00:1",
      "64:ff9b:1::1",
      "2002:7f00:1::",
      "2001::1",
      "::127.0.0.1",
    ],
    ...["", "localhost", "1.2.3", "8.8.8.8.8"],
  ];
  assert.deepEqual(addresses.filter(isPublicAddress), []);
});

test("addresses of the internet are public", () => {
  const addresses = [
    "8.8.8.8",
    "1.1.1.1",
    "100.63.255.255",
    "172.32.0.1",
    "169.253.1.1",
    "2606:4700::1111",
    "2a00:1450::1",
  ];
  assert.deepEqual(addresses.filter(isPublicAddress), addresses);
});

test("hosts are allowed by name, by port, below a name, and by address", () => {
  const hosts = new AllowedHosts([
    "localhost",
    "db.internal:8080",
    "*.corp.example",
    "10.0.0.7",
    "[::1]:9000",
    "fd00::1",
  ]);
  const asked = [
    ...["http://localhost:1234", "http://LOCALHOST.", "http://db.internal:8080", "https://a.b.corp.example"],
    ...["http://10.0.0.7", "http://[::1]:9000", "http://[fd00::1]/"],
    ...["http://db.internal", "http://corp.example", "http://evilcorp.example", "http://10.0.0.8", "http://[::1]"],
    ...["http://localhost.example", "http://notlocalhost"],
  ];
  const allowed = asked.filter((text) => {
    const url = new URL(text);
    return hosts.has(url.hostname, url.port === "" ? "80" : url.port);
  });
  assert.deepEqual(allowed, asked.slice(0, 7));
});

test("what is no host is none", () => {
  for (const text of ["", "*", "http://x", "a/b", "a b", "a:99999", "user@host", "10.0.0.0/8", "*.*.x", "[::1"])
    assert.equal(isHostName(text), false, text);
});
