import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { S3Server } from "../../../test/support/s3-server.ts";
import { s3Objects as makeS3Objects } from "./s3-objects.ts";
import { s3Write as makeS3Write } from "./s3-write.ts";
import { localEnvironment } from "./testing/local-environment.ts";
import { LocalServer } from "./testing/local-server.ts";
import { failure, problems, run, runOne } from "./testing/run-adapter.ts";

const s3Objects = makeS3Objects(localEnvironment());
const s3Write = makeS3Write(localEnvironment());

/** The configuration of a server's bucket. */
function of(server: S3Server) {
  const { accessKeyId, secretAccessKey } = server.credentials;
  return {
    bucket: server.bucket,
    endpoint: server.endpoint,
    region: "eu-test-1",
    access_key_id: accessKeyId,
    secret_access_key: secretAccessKey,
  };
}

describe("s3_write", () => {
  test("writes what s3_objects finds, under any key that S3 takes", async () => {
    await using server = await S3Server.start();
    const keys = [
      "plain.txt",
      "folder/with space/ü☃.txt",
      "a+b=c&d?e#f%20g.txt",
      "it's (1)!*.txt",
      "double//slash.txt",
    ];
    for (const key of keys) {
      const written = await runOne(
        s3Write,
        { ...of(server), key: "${key}", field: "text" },
        { key, text: `in ${key}` },
      );
      assert.partialDeepStrictEqual(written, { s3_key: key, s3_bytes: Buffer.byteLength(`in ${key}`) });
      assert.match(String(written.s3_etag), /^"\w+"$/);
    }
    const found = await run(s3Objects, { ...of(server), read: "text" });
    assert.deepEqual(found.map(({ key, text }) => [key, text]).sort(), keys.map((key) => [key, `in ${key}`]).sort());
  });

  test("writes JSON, lines of a batch, and bytes", async () => {
    await using server = await S3Server.start();
    const payload = { items: [{ a: 1 }, 2], bytes: Buffer.from([0, 255]).toString("base64") };
    const write = (key: string, config: object) => runOne(s3Write, { ...of(server), key, ...config }, payload);
    await write("json", {});
    await write("lines", { field: "items", format: "jsonl" });
    await write("bytes", { field: "bytes", format: "base64", content_type: "image/png" });
    const body = (key: string) => server.objects.get(key)?.body;
    assert.deepEqual(JSON.parse(String(body("json"))), payload);
    assert.equal(String(body("lines")), '{"a":1}\n2\n');
    assert.deepEqual(body("bytes"), Buffer.from([0, 255]));
    assert.equal((await failure(s3Write, { ...of(server), field: "none" }, payload)).code, "FIELD_MISSING");
    const noBase64 = { ...of(server), format: "base64" };
    assert.equal((await failure(s3Write, noBase64, payload)).code, "BASE64_INVALID");
    assert.equal((await failure(s3Write, { ...of(server), key: "a/../b" })).code, "S3_KEY_INVALID");
  });

  test("a message that is taken again writes the same object again", async () => {
    await using server = await S3Server.start();
    await runOne(s3Write, of(server), { a: 1 });
    await runOne(s3Write, of(server), { a: 1 }, { attempt: 2 });
    assert.deepEqual([...server.objects.keys()], ["message-1"]);
  });

  test("failures that may pass are retried, others are not, and no secret is told", async () => {
    await using server = await S3Server.start();
    server.fault = () => ({ status: 503, code: "SlowDown" });
    assert.equal((await failure(s3Write, of(server))).code, "S3_UNAVAILABLE, retryable");
    server.fault = () => null;
    const wrong = await failure(s3Write, { ...of(server), secret_access_key: "s3cret" });
    assert.match(`${wrong.code}: ${wrong.message}`, /^S3_REFUSED: .*403 SignatureDoesNotMatch/);
    assert.doesNotMatch(wrong.message, /s3cret/);
    const gone = await failure(s3Write, { ...of(server), bucket: "another" });
    assert.match(`${gone.code}: ${gone.message}`, /^S3_NOT_FOUND: .*NoSuchBucket for the object/);
    server.fault = () => "cut";
    assert.equal((await failure(s3Write, of(server))).code, "HTTP_FAILED, retryable");
  });

  test("a key without its secret, and an endpoint that is none, are refused with the pipeline", () => {
    assert.deepEqual(problems(s3Write, { bucket: "abc", access_key_id: "x" }), [
      "secret_access_key: goes with access_key_id: set both or neither",
    ]);
    for (const endpoint of ["host:9000", "ftp://x", "https://user:pass@x", "https://x/?q"])
      assert.equal(problems(s3Write, { bucket: "abc", endpoint }).length, 1, endpoint);
  });
});

describe("s3_objects", () => {
  test("lists by prefix and pattern, over pages, in order", async () => {
    await using server = await S3Server.start();
    server.pageSize = 3;
    for (let index = 0; index < 10; index += 1)
      await runOne(s3Write, { ...of(server), key: `logs/${index}.txt`, field: "x" }, { x: `${index}` });
    await runOne(s3Write, { ...of(server), key: "logs/read.me", field: "x" }, { x: "" });
    await runOne(s3Write, { ...of(server), key: "other/1.txt", field: "x" }, { x: "" });
    const keys = async (config: object, payload = {}) =>
      (await run(s3Objects, { ...of(server), ...config }, payload)).map(({ key }) => key);
    assert.equal((await keys({})).length, 12);
    assert.equal((await keys({ prefix: "${folder}/" }, { folder: "logs" })).length, 11);
    assert.deepEqual(await keys({ match: "*1.txt" }), ["logs/1.txt", "other/1.txt"]);
    assert.deepEqual(await keys({ max_objects: 2, match: "*.txt" }), ["logs/0.txt", "logs/1.txt"]);
    assert.deepEqual(await keys({ prefix: "none" }), []);
    const [first] = await run(s3Objects, of(server));
    assert.partialDeepStrictEqual(first, {
      bucket: server.bucket,
      key: "logs/0.txt",
      path: "logs/0.txt",
      size: 1,
      index: 0,
    });
  });

  test("reads texts, bytes, and none that is too large", async () => {
    await using server = await S3Server.start();
    const put = (key: string, bytes: Buffer) =>
      runOne(s3Write, { ...of(server), key, field: "b", format: "base64" }, { b: bytes.toString("base64") });
    await put("binary", Buffer.from([0xff, 0x00]));
    await put("large", Buffer.alloc(100, 65));
    await put("text", Buffer.from("words"));
    const lines: string[] = [];
    const found = await run(s3Objects, { ...of(server), read: "text", max_bytes: 50 }, {}, { lines });
    assert.deepEqual(
      found.map(({ key, text, body, body_encoding: encoding }) => [key, text, body, encoding]),
      [
        ["binary", undefined, "/wA=", "base64"],
        ["large", undefined, undefined, undefined],
        ["text", "words", undefined, undefined],
      ],
    );
    assert.match(lines.join(), /large has 100 bytes/);
  });

  test("a list that is none, or breaks off, is tried again", async () => {
    for (const body of ["<html>", "<ListBucketResult><Contents>", ""]) {
      await using server = await LocalServer.start((_request, response) => void response.end(body));
      const config = { bucket: "abc", endpoint: server.url };
      assert.equal((await failure(s3Objects, config)).code, "S3_ANSWER_INVALID, retryable");
    }
  });

  test("a bucket is asked for without a signature where no key is given, and in the host's name if so set", async () => {
    const asked: unknown[] = [];
    await using server = await LocalServer.start((request, response) => {
      asked.push([request.headers.authorization, request.url?.split("?")[0]]);
      response.end("<ListBucketResult></ListBucketResult>");
    });
    assert.deepEqual(await run(s3Objects, { bucket: "abc", endpoint: `${server.url}/base` }), []);
    assert.deepEqual(asked, [[undefined, "/base/abc/"]]);
    const inHost = { bucket: "abc", endpoint: server.url.replace("127.0.0.1", "localhost"), path_style: false };
    const { code, message } = await failure(s3Objects, inHost);
    assert.match(`${code} ${message}`, /HTTP_(?:FAILED|ADDRESS_REFUSED).*abc\.localhost/);
  });
});
