import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { test } from "node:test";
import { inspect } from "node:util";
import { eventually } from "../../../../test/support/eventually.ts";
import { type S3Fault, type S3Request, S3Server } from "../../../../test/support/s3-server.ts";
import { S3ObjectStore } from "./s3-object-store.ts";
import { MULTIPART_BYTES } from "./s3-write.ts";

const METADATA = { contentType: "text/plain", createdAt: "2026-03-01T12:00:00.000Z", messageId: "m" };

/** Bytes of which no two stretches are alike. */
function bytesOf(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE(at, at);
  return bytes;
}

const LARGE = bytesOf(MULTIPART_BYTES + 5 * 1024 * 1024);
const MIDDLING = bytesOf(6 * 1024 * 1024);

async function rig(options: { readonly silenceMs?: number; readonly attempts?: number } = {}) {
  const server = await S3Server.start();
  const store = await S3ObjectStore.open(server.url("p"), server.environment, options);
  return {
    server,
    store,
    /** The next requests that fit have this fault. */
    fail(fault: S3Fault, times: number, fits: (request: S3Request) => boolean = () => true) {
      let left = times;
      server.fault = (request) => {
        if (left === 0 || !fits(request)) return null;
        left -= 1;
        return fault;
      };
    },
    async [Symbol.asyncDispose]() {
      store.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

const unavailable = { name: "AdapterError", code: "OBJECT_STORE_UNAVAILABLE", retryable: true };

for (const [name, fault] of [
  ["503 SlowDown", { status: 503, code: "SlowDown" }],
  ["500", { status: 500, code: "InternalError" }],
  ["connections that are cut", "cut"],
  ["answers that are lost", "cut-after"],
] as const satisfies readonly (readonly [string, S3Fault])[]) {
  test(`s3: ${name}, a few times, are tried again and noticed by nobody`, async () => {
    await using at = await rig();
    at.fail(fault, 2);
    await at.store.put("a/b", Buffer.from("x"), METADATA);
    at.fail(fault, 2);
    assert.equal((await at.store.get("a/b"))?.body.toString(), "x");
    at.fail(fault, 2);
    assert.deepEqual(await Array.fromAsync(at.store.list("")), ["a/b"]);
    at.fail(fault, 2);
    await at.store.deleteAll("a/");
    assert.equal(at.server.objects.size, 0);
  });
}

test("s3: a server that does not answer in time is asked again, and its silence is an error that may pass", async () => {
  await using at = await rig({ silenceMs: 200, attempts: 2 });
  at.fail("silent", 1);
  await at.store.put("a", Buffer.from("x"), METADATA);
  at.fail("silent", 2);
  await assert.rejects(at.store.put("a", Buffer.from("y"), METADATA), {
    ...unavailable,
    message: /"a" cannot be written/,
  });
  assert.equal((await at.store.get("a"))?.body.toString(), "x");
});

test("s3: a server that stays overloaded is an error that may pass, and says what it is", async () => {
  await using at = await rig({ attempts: 2 });
  at.fail({ status: 503, code: "SlowDown" }, 2);
  await assert.rejects(at.store.put("a", Buffer.from("x"), METADATA), { ...unavailable, message: /asked too much/ });
});

test("s3: a large object goes in parts, and is there whole, with its metadata", async () => {
  await using at = await rig();
  await at.store.put("large", LARGE, METADATA);
  const parts = at.server.requests.filter(({ query }) => query.has("partNumber"));
  assert.equal(parts.length, 3);
  const found = await at.store.get("large");
  assert.ok(found?.body.equals(LARGE));
  assert.deepEqual(found?.metadata, METADATA);
  assert.equal(at.server.uploads.size, 0);
});

test("s3: a part that fails for good leaves nothing of the upload, and the object as it was", async () => {
  await using at = await rig({ attempts: 2 });
  await at.store.put("k", Buffer.from("old"), METADATA);
  at.server.fault = ({ query }) => (query.get("partNumber") === "2" ? { status: 500, code: "InternalError" } : null);
  await assert.rejects(at.store.put("k", LARGE, METADATA), { ...unavailable, message: /answers 500/ });
  assert.equal(at.server.uploads.size, 0);
  assert.equal((await at.store.get("k"))?.body.toString(), "old");
});

test("s3: an upload whose last answer was lost is not taken for one that failed", async () => {
  await using at = await rig();
  at.fail("cut-after", 1, ({ method, query }) => method === "POST" && query.has("uploadId"));
  await at.store.put("k", LARGE, METADATA);
  assert.ok((await at.store.get("k"))?.body.equals(LARGE));
});

test("s3: deleting takes uploads with it that a node has left unfinished, and not those of others", async () => {
  await using at = await rig({ attempts: 1 });
  // A node that goes amid an upload cannot abort it either.
  at.server.fault = ({ method, query }) => (method === "DELETE" || query.has("partNumber") ? "cut" : null);
  await assert.rejects(at.store.put("a/k", LARGE, METADATA));
  await assert.rejects(at.store.put("b/k", LARGE, METADATA));
  at.server.fault = () => null;
  await at.store.deleteAll("a/");
  assert.deepEqual(
    [...at.server.uploads.values()].map(({ key }) => key),
    ["p/b/k"],
  );
});

test("s3: thousands of objects are listed and deleted, a thousand at a time", async () => {
  await using at = await rig();
  for (let index = 0; index < 2_500; index += 1) {
    at.server.objects.set(`p/a/${String(index).padStart(5, "0")}`, {
      body: Buffer.from("x"),
      etag: '"e"',
      headers: {},
    });
  }
  assert.equal((await Array.fromAsync(at.store.list("a/"))).length, 2_500);
  await at.store.deleteAll("a/");
  assert.equal(at.server.objects.size, 0);
  assert.equal(at.server.requests.filter(({ query }) => query.has("delete")).length, 3);
});

test("s3: a body that is cut, or is not what was written, is read again, and is an error where it stays so", async () => {
  await using at = await rig();
  await at.store.put("k", MIDDLING, METADATA);
  for (const fault of ["cut-body", "wrong-body"] as const) {
    at.fail(fault, 2, ({ method }) => method === "GET");
    assert.ok((await at.store.get("k"))?.body.equals(MIDDLING), fault);
  }
  at.fail("wrong-body", 100, ({ method }) => method === "GET");
  await assert.rejects(at.store.get("k"), { ...unavailable, message: /not what was written/ });
});

test("s3: a download whose connection is cut goes on where it was, with the same version", async () => {
  await using at = await rig();
  await at.store.put("k", MIDDLING, METADATA);
  at.fail("cut-body", 3, ({ method }) => method === "GET");
  const object = await at.store.open("k");
  assert.ok(object !== null);
  const read = Buffer.concat(await Array.fromAsync<Buffer>(object.read({ start: 0, end: object.size - 1 })));
  assert.ok(read.equals(MIDDLING));
  const resumed = at.server.requests.filter(({ method, headers }) => method === "GET" && headers.range !== undefined);
  assert.equal(resumed.length, 3);
  assert.ok(resumed.every(({ headers }) => headers["if-match"] !== undefined));
});

test("s3: a download that was cut after its object was replaced ends with an error, not with another's bytes", async () => {
  await using at = await rig();
  await at.store.put("k", MIDDLING, METADATA);
  at.fail("cut-body", 1, ({ method }) => method === "GET");
  const object = await at.store.open("k");
  assert.ok(object !== null);
  await at.store.put("k", Buffer.alloc(MIDDLING.length), METADATA);
  await assert.rejects(Array.fromAsync(object.read({ start: 0, end: object.size - 1 })), {
    ...unavailable,
    message: /replaced or deleted/,
  });
});

test("s3: a large open object stays at its version while it is replaced, in any of its parts", async () => {
  await using at = await rig();
  await at.store.put("k", MIDDLING, METADATA);
  const ranges = [
    [0, MIDDLING.length - 1],
    [1_000, 2_000],
    [4_000_000, MIDDLING.length - 1],
  ] as const;
  const opened = await Promise.all(ranges.map(() => at.store.open("k")));
  await at.store.put("k", Buffer.from("new"), METADATA);
  for (const [index, [start, end]] of ranges.entries()) {
    const object = opened[index];
    assert.ok(object);
    const read = Buffer.concat(await Array.fromAsync<Buffer>(object.read({ start, end })));
    assert.ok(read.equals(MIDDLING.subarray(start, end + 1)), `${start} to ${end}`);
  }
});

test("s3: a download that its client leaves lets go of its connection", async () => {
  await using at = await rig();
  await at.store.put("k", LARGE, METADATA);
  const object = await at.store.open("k");
  assert.ok(object !== null);
  const stream = object.read({ start: 0, end: object.size - 1 });
  for await (const _ of stream) break;
  assert.ok(stream.destroyed);
  const other = await at.store.open("k");
  await other?.close();
  await eventually(() => assert.equal(at.server.underWay, 0));
});

test("s3: what is wrong with the bucket, the credentials or the clock is said at the start, with what to do", async () => {
  await using server = await S3Server.start();
  const secret = server.credentials.secretAccessKey;
  const open = (url: string, environment: Record<string, string>) =>
    S3ObjectStore.open(url, environment, { attempts: 1 });
  const { environment } = server;
  const refused = async (opening: Promise<unknown>, code: string, message: RegExp) => {
    const error = await opening.then(
      () => null,
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof Error && "code" in error);
    assert.deepEqual([error.code, message.test(error.message)], [code, true], error.message);
    assert.ok(!inspect(error, { depth: 10 }).includes(secret));
  };
  const elsewhere = server.url().replace(server.bucket, "another-bucket");
  await refused(open(elsewhere, environment), "SETTING_INVALID", /"another-bucket" is not there.*create it/);
  await refused(open(server.url(), {}), "SETTING_INVALID", /set AWS_ACCESS_KEY_ID/);
  const wrongKey = { ...environment, AWS_ACCESS_KEY_ID: "other" };
  await refused(
    open(server.url(), wrongKey),
    "SETTING_INVALID",
    /does not take the credentials \(InvalidAccessKeyId\)/,
  );
  const wrongSecret = { ...environment, AWS_SECRET_ACCESS_KEY: "other" };
  await refused(open(server.url(), wrongSecret), "SETTING_INVALID", /\(SignatureDoesNotMatch\)/);
  const wrongToken = { ...environment, AWS_SESSION_TOKEN: "other" };
  await refused(open(server.url(), wrongToken), "SETTING_INVALID", /\(InvalidToken\)/);
  server.fault = () => ({ status: 403, code: "AccessDenied" });
  await refused(open(server.url(), environment), "SETTING_INVALID", /denies access .*s3:PutObject/);
  server.fault = ({ method }) => (method === "PUT" ? { status: 403, code: "AccessDenied" } : null);
  await refused(open(server.url(), environment), "SETTING_INVALID", /denies access/);
  server.fault = () => ({ status: 403, code: "RequestTimeTooSkewed" });
  await refused(open(server.url(), environment), "SETTING_INVALID", /clock/);
  server.fault = () => ({ status: 503, code: "ServiceUnavailable" });
  await refused(open(server.url(), environment), "STORE_UNREACHABLE", /answers 503/);
  const nobody = server.url().replace(/127\.0\.0\.1%3A\d+/, "127.0.0.1%3A1");
  await refused(open(nobody, environment), "STORE_UNREACHABLE", /cannot be reached \(ECONNREFUSED\)/);
});

test("s3: a machine whose clock is a little off is served all the same", async () => {
  await using server = await S3Server.start();
  server.clockAhead = 60 * 60 * 1000;
  const store = await S3ObjectStore.open(server.url(), server.environment);
  await store.put("k", Buffer.from("x"), METADATA);
  assert.equal((await store.get("k"))?.body.toString(), "x");
  store.close();
});

test("s3: temporary credentials are used with their token", async () => {
  await using server = await S3Server.start();
  server.credentials = { ...server.credentials, sessionToken: "token" };
  const environment = { ...server.environment, AWS_SESSION_TOKEN: "token" };
  const store = await S3ObjectStore.open(server.url(), environment);
  await store.put("k", Buffer.from("x"), METADATA);
  assert.equal(server.objects.get("k")?.headers["x-amz-meta-sha256"], hash("sha256", "x"));
  store.close();
});

test("s3: what others have put into the bucket is no object of the service", async () => {
  await using at = await rig();
  at.server.objects.set("p/theirs", { body: Buffer.from("x"), etag: '"e"', headers: { "content-type": "text/plain" } });
  assert.equal(await at.store.get("theirs"), null);
  assert.equal(await at.store.open("theirs"), null);
});
