import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { eventually } from "../../../../test/support/eventually.ts";
import { NatsServer, withoutNatsServer } from "../../../../test/support/nats-servers.ts";
import { type NatsBus, openNatsBus } from "./nats-bus.ts";
import { CONSUMER, streamName } from "./task-stream.ts";

const skip = withoutNatsServer();
const LONG_MS = 600_000;

const open = async (t: TestContext, servers: string, prefix = `test.${randomUUID()}`): Promise<NatsBus> => {
  const bus = await openNatsBus({ servers, prefix, name: "a test", connectTimeoutMs: 2_000 });
  t.after(() => bus.close());
  return bus;
};

/** The error that an opening ends with. */
async function refusal(opening: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error: unknown = await opening.then(
    () => assert.fail("it opens"),
    (thrown) => thrown,
  );
  assert.ok(error instanceof Error && "code" in error);
  return { code: String(error.code), message: error.message };
}

test("where no server answers, the start says where it looked and what to do, and shows no password", async () => {
  const opening = openNatsBus({
    servers: "nats://me:secret@127.0.0.1:1",
    prefix: "x",
    name: "n",
    connectTimeoutMs: 500,
  });
  const { code, message } = await refusal(opening);
  assert.equal(code, "STORE_UNREACHABLE");
  assert.match(
    message,
    /^No NATS server answers at nats:\/\/127\.0\.0\.1:1 \(.+\)\. Start it, or correct the address\.$/,
  );
});

test("an address that does not fit is refused before anybody is asked, and not shown with its password", async () => {
  for (const servers of [
    "",
    "http://me:secret@host:1",
    "nats://me:secret@host:1/x",
    "nats://a:secret@h,nats://b:secret@i",
  ]) {
    const { code, message } = await refusal(openNatsBus({ servers, prefix: "x", name: "n" }));
    assert.equal(code, "SETTING_INVALID", servers);
    assert.doesNotMatch(message, /secret/);
  }
});

test("users, their passwords, and tokens are taken from the address; wrong ones are refused at the start", {
  skip,
}, async (t) => {
  const users = 'authorization { users = [{ user: "me", password: "p@ss/w" }] }';
  await using server = await NatsServer.start({ jetStream: false, config: users });
  await using withToken = await NatsServer.start({ jetStream: false, config: 'authorization { token: "s3cret" }' });
  const at = (login: string, { port } = server) => `nats://${login}@127.0.0.1:${port}`;
  assert.equal((await open(t, at("me:p%40ss%2Fw"))).connected, true);
  assert.equal((await open(t, at("s3cret", withToken))).connected, true);
  for (const servers of [at("me:wrong"), server.url, at("wrong", withToken)]) {
    const { code, message } = await refusal(open(t, servers));
    assert.equal(code, "STORE_UNREACHABLE");
    assert.match(message, /takes no connection with/);
    assert.doesNotMatch(message, /wrong/);
  }
});

test("tls:// is encrypted, and trusts a server whose certificate the system or NODE_EXTRA_CA_CERTS knows, and no other", {
  skip: skip || withoutOpenssl(),
}, async (t) => {
  const [trusted, stranger] = [certificate(t), certificate(t)];
  const config = ({ cert, key }: { cert: string; key: string }) => `tls { cert_file: "${cert}", key_file: "${key}" }`;
  await using server = await NatsServer.start({ jetStream: false, config: config(trusted) });
  await using other = await NatsServer.start({ jetStream: false, config: config(stranger) });
  const before = getCACertificates();
  t.after(() => setDefaultCACertificates(before));
  setDefaultCACertificates([...before, readFileSync(trusted.cert, "utf8")]);
  assert.equal((await open(t, `tls://localhost:${server.port}`)).connected, true);
  const { code, message } = await refusal(open(t, `tls://localhost:${other.port}`));
  assert.equal(code, "STORE_UNREACHABLE");
  assert.match(message, /certificate/);
});

test("an account that may not use the service's subjects is told which it needs", { skip }, async (t) => {
  const permissions = 'permissions { publish: ["other.>"], subscribe: ["other.>"] }';
  const config = `authorization { users = [{ user: "me", password: "x", ${permissions} }] }`;
  await using server = await NatsServer.start({ jetStream: false, config });
  const { code, message } = await refusal(open(t, `nats://me:x@127.0.0.1:${server.port}`, "mine"));
  assert.equal(code, "STORE_UNREACHABLE");
  assert.match(message, /mine\.>/);
});

test("where JetStream is not enabled, the work queue says so and what to do", { skip }, async (t) => {
  await using server = await NatsServer.start({ jetStream: false });
  const bus = await open(t, server.url);
  const { code, message } = await refusal(bus.openTaskQueue());
  assert.equal(code, "STORE_UNREACHABLE");
  assert.match(message, /JetStream.*nats-server -js/);
});

test("a server that takes small messages only lets large requests and answers through", { skip }, async (t) => {
  await using server = await NatsServer.start({ jetStream: false, config: "max_payload: 64KB" });
  const prefix = `test.${randomUUID()}`;
  const [one, two] = [await open(t, server.url, prefix), await open(t, server.url, prefix)];
  assert.equal(one.maxBytes, 65_536);
  two.answer("echo", async (data) => data);
  const body = Buffer.alloc(1_000_003, "millrace");
  const echoed = await eventually(() => one.request("echo", body, LONG_MS));
  assert.ok(body.equals(echoed));
});

test("a server that goes and comes back is noticed; listeners, answers and tasks are there again", {
  skip,
}, async (t) => {
  await using server = await NatsServer.start();
  const prefix = `test.${randomUUID()}`;
  const [one, two] = [await open(t, server.url, prefix), await open(t, server.url, prefix)];
  const queue = await one.openTaskQueue();
  const seen: boolean[] = [];
  one.onStatus((connected) => seen.push(connected));
  const heard: string[] = [];
  two.subscribe("news", (data) => heard.push(Buffer.from(data).toString()));
  two.answer("echo", async (data) => data);
  let asked = false;
  two.answer("never", () => {
    asked = true;
    return new Promise(() => {});
  });
  await eventually(() => one.request("echo", Buffer.from("x"), LONG_MS));
  const pending = one.request("never", Buffer.from("x"), LONG_MS);
  pending.catch(() => undefined);
  await eventually(() => assert.ok(asked));
  await queue.put(Buffer.from("a task"));
  await server.end("SIGKILL");
  await assert.rejects(pending, { code: "NODE_UNREACHABLE" }, "who waits for an answer is told at once");
  assert.equal(one.connected, false);
  one.publish("news", Buffer.from("into the void"));
  await assert.rejects(one.request("echo", Buffer.from("x"), LONG_MS), { code: "NODE_UNREACHABLE" });
  await server.start();
  await eventually(() => assert.ok(one.connected && two.connected));
  assert.deepEqual(seen, [false, true]);
  await eventually(() => {
    one.publish("news", Buffer.from("again"));
    assert.ok(heard.includes("again"));
  });
  assert.ok(!heard.includes("into the void"));
  await eventually(() => one.request("echo", Buffer.from("x"), LONG_MS));
  const [task] = await (await two.openTaskQueue()).take(1, LONG_MS);
  assert.equal(task?.data.toString(), "a task");
});

test("a server that hangs is noticed, and what is asked meanwhile is refused", { skip }, async (t) => {
  await using server = await NatsServer.start({ jetStream: false });
  const bus = await open(t, server.url);
  server.signal("SIGSTOP");
  await eventually(() => assert.equal(bus.connected, false));
  await assert.rejects(bus.request("x", Buffer.from("x"), LONG_MS), { code: "NODE_UNREACHABLE" });
  server.signal("SIGCONT");
  await eventually(() => assert.equal(bus.connected, true));
});

test("a work queue whose stream is gone is made again, and whoever holds tasks is told", { skip }, async (t) => {
  await using server = await NatsServer.start();
  const prefix = `test.${randomUUID()}`;
  const bus = await open(t, server.url, prefix);
  const queue = await bus.openTaskQueue();
  let renewed = 0;
  queue.onRenewed = () => {
    renewed += 1;
  };
  const waiting = queue.take(1, LONG_MS);
  const operator = await connect({ servers: server.url });
  await (await jetstreamManager(operator)).streams.delete(streamName(prefix));
  await operator.close();
  await queue.put(Buffer.from("x"));
  assert.equal((await waiting)[0]?.data.toString(), "x");
  assert.equal(renewed, 1);
});

test("nodes that want the work queue otherwise bring it into that form, whoever comes last", { skip }, async (t) => {
  await using server = await NatsServer.start();
  const prefix = `test.${randomUUID()}`;
  const bus = await open(t, server.url, prefix);
  await Promise.all([1, 2, 3, 4].map(() => bus.openTaskQueue({ redeliverAfterMs: LONG_MS })));
  const queue = await bus.openTaskQueue({ redeliverAfterMs: 1_000, maxTasks: 1 });
  await queue.put(Buffer.from("x"));
  await assert.rejects(queue.put(Buffer.from("y")), { code: "SERVICE_UNAVAILABLE" });
  await queue.take(1, LONG_MS);
  assert.equal((await queue.take(1, LONG_MS))[0]?.deliveries, 2);
});

test("a cluster of three keeps tasks on each, and goes on by itself when the leader is killed", { skip }, async (t) => {
  const stop = new AbortController();
  // Before the connection is closed: a take without one ends at once, so that the loop below would leave no time to others.
  t.after(() => stop.abort());
  const servers = await NatsServer.startCluster();
  t.after(() => Promise.all(servers.map((server) => server[Symbol.asyncDispose]())));
  const prefix = `test.${randomUUID()}`;
  const all = servers.map(({ url }) => url).join(",");
  const bus = await open(t, all, prefix);
  // A cluster that has not come together yet gives a place on one server; what comes later makes it three.
  await eventually(() => bus.openTaskQueue({ replicas: 1 }));
  const queue = await eventually(async () => {
    const opened = await bus.openTaskQueue();
    assert.equal(opened.replicas, 3);
    return opened;
  });
  const put: string[] = [];
  const done = new Set<string>();
  const taking = (async () => {
    while (!stop.signal.aborted) {
      for (const task of await queue.take(5, 1_000, stop.signal)) {
        done.add(Buffer.from(task.data).toString());
        task.done();
      }
    }
  })();
  const add = async () => {
    const text = `task ${put.length}`;
    await eventually(() => queue.put(Buffer.from(text)));
    put.push(text);
  };
  for (let count = 0; count < 20; count += 1) await add();
  const leader = await leaderOf(all, streamName(prefix));
  await servers.find(({ name }) => name === leader)?.end("SIGKILL");
  for (let count = 0; count < 20; count += 1) await add();
  await eventually(() => assert.deepEqual([...done].toSorted(), put.toSorted()));
  stop.abort();
  await taking;
});

/** A certificate of its own for this machine, which nobody knows. */
function certificate(t: TestContext): { cert: string; key: string } {
  const folder = mkdtempSync(join(tmpdir(), "millrace-tls-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const made = spawnSync("openssl", [
    ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test".split(" "),
    ...["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert],
  ]);
  assert.equal(made.status, 0, made.stderr.toString());
  return { cert, key };
}

function withoutOpenssl(): string | false {
  return spawnSync("openssl", ["version"]).error === undefined ? false : "there is no openssl on the path";
}

async function leaderOf(servers: string, stream: string): Promise<string | undefined> {
  const operator = await connect({ servers: servers.split(",") });
  try {
    const manager = await jetstreamManager(operator);
    return await eventually(async () => {
      const { cluster } = await manager.streams.info(stream);
      // The consumer is kept by a group of its own, which comes together after the stream's.
      const consumer = await manager.consumers.info(stream, CONSUMER);
      for (const group of [cluster, consumer.cluster]) {
        assert.ok(group?.leader);
        assert.equal(group.replicas?.filter(({ current }) => current).length, 2);
      }
      return cluster?.leader;
    });
  } finally {
    await operator.close();
  }
}
