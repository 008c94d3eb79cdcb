import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { eventually } from "../support/eventually.ts";
import { WAITS } from "../support/pipelines.ts";
import { RawReader } from "../support/raw-reader.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { notOfNodes } from "../support/shared-stack.ts";

/** Addresses that are set aside for trials (RFC 2544): two networks between the namespace and this one. */
const LINKS = [
  { here: "198.18.233.1", there: "198.18.233.2" },
  { here: "198.18.233.5", there: "198.18.233.6" },
] as const;

/** Nobody's address on the link: what is sent to it is lost without a word. */
const NOBODY = "02:00:00:00:00:99";

const NAMESPACE = `millrace-${process.pid}`;
const device = (index: number, side: "a" | "b") => `mr${process.pid}${side}${index}`.slice(-15);
const ip = (...words: string[]) => execFileSync("ip", words, { stdio: ["ignore", "pipe", "pipe"] });

describe("a client whose network is gone without a word", {
  skip: notOfNodes("its network does not reach the servers that they share") || skipWithoutNamespaces(),
}, () => {
  let service: ServiceProcess | null = null;
  before(async () => {
    ip("netns", "add", NAMESPACE);
    ip("-n", NAMESPACE, "link", "set", "lo", "up");
    for (const [index, { here, there }] of LINKS.entries()) {
      ip("link", "add", device(index, "a"), "type", "veth", "peer", "name", device(index, "b"));
      ip("link", "set", device(index, "b"), "netns", NAMESPACE);
      ip("addr", "add", `${here}/30`, "dev", device(index, "a"));
      ip("link", "set", device(index, "a"), "up");
      ip("-n", NAMESPACE, "addr", "add", `${there}/30`, "dev", device(index, "b"));
      ip("-n", NAMESPACE, "link", "set", device(index, "b"), "up");
    }
    // As docs/proxies.md has it: the kernel gives a peer up after so many retransmissions.
    ip("netns", "exec", NAMESPACE, "sysctl", "-q", "-w", "net.ipv4.tcp_retries2=3");
    service = new ServiceProcess(["--host", "0.0.0.0", "--access", "unprotected", "--max-subscribers", "1"], {}, [
      "ip",
      "netns",
      "exec",
      NAMESPACE,
    ]);
    await service.start();
  });
  after(async () => {
    await service?.[Symbol.asyncDispose]();
    spawnSync("ip", ["netns", "del", NAMESPACE]);
    // They go with the namespace, but for those that had not come to it yet.
    for (const index of LINKS.keys()) spawnSync("ip", ["link", "del", device(index, "a")]);
  });

  test("is noticed by a heartbeat, and makes room for another", async () => {
    assert.ok(service !== null);
    const { port } = new URL(service.url);
    service.url = `http://${LINKS[0].there}:${port}`;
    const path = `/api/v1/executions/${await service.run(WAITS)}/events`;
    const dead = await RawReader.open(`http://${LINKS[1].there}:${port}${path}`);
    assert.equal(dead.status, 200);
    // All that was sent has come and is acknowledged: nothing but a heartbeat can find out.
    await eventually(() => assert.equal(dead.frames.length, 2));
    const readAt = performance.now();
    await wait(1_000);
    ip("neigh", "replace", LINKS[1].there, "lladdr", NOBODY, "dev", device(1, "a"), "nud", "permanent");
    ip("-n", NAMESPACE, "neigh", "replace", LINKS[1].here, "lladdr", NOBODY, "dev", device(1, "b"), "nud", "permanent");
    const open = () =>
      spawnSync("ip", ["netns", "exec", NAMESPACE, "ss", "-Htn", "dst", LINKS[1].here]).stdout.toString();
    assert.match(open(), /ESTAB/);
    const cutAt = performance.now();
    const url = service.url + path;
    assert.equal((await RawReader.open(url)).status, 503, "the place is taken");
    let alive: RawReader;
    do {
      assert.ok(performance.now() - cutAt < 90_000, `still there: ${open()}`);
      await wait(500);
      alive = await RawReader.open(url);
    } while (alive.status === 503);
    assert.equal(alive.status, 200);
    assert.ok(performance.now() - readAt > 10_000, "it was a heartbeat that found out, not the cut itself");
    assert.equal(dead.socket.closed, false, "the client has not heard of it");
    assert.equal(open(), "");
    alive.cut();
    dead.cut();
  });
});

/** CI may make namespaces, and has no excuse. */
function skipWithoutNamespaces(): string | false {
  const name = `millrace-try-${process.pid}`;
  const tried = spawnSync("ip", ["netns", "add", name]);
  spawnSync("ip", ["netns", "del", name]);
  if (tried.error === undefined && tried.status === 0) return false;
  if (process.env.TEST_REQUIRE_NETNS !== undefined) throw new Error(`no namespace can be made: ${tried.stderr}`);
  return "it takes root and iproute2";
}
