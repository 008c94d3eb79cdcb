import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { JsonObject } from "@millrace/protocol";
import { FileObjectStore } from "@millrace/stores";
import { storeWrite } from "./store-write.ts";
import { failure, problems, runOne } from "./testing/run-adapter.ts";
import { TempFolder } from "./testing/temp-folder.ts";

/** Writes an object to a real folder, and returns it with the message that goes on. */
async function write(config: JsonObject, payload: JsonObject) {
  using folder = new TempFolder();
  const objects = new FileObjectStore(folder.path);
  const next = await runOne(storeWrite, config, payload, { objects });
  const [key = "", ...more] = await Array.fromAsync(objects.list(""));
  assert.deepEqual(more, []);
  const object = await objects.get(key);
  assert.ok(object !== null);
  return { next, key, text: object.body.toString(), metadata: object.metadata };
}

/** What is said of a name that is refused; nothing is written then. */
async function refusal(name: string): Promise<string> {
  using folder = new TempFolder();
  const objects = new FileObjectStore(folder.path);
  const { code, message } = await failure(storeWrite, { name: "${name}" }, { name }, { objects });
  assert.deepEqual(await Array.fromAsync(objects.list("")), []);
  return `${code}: ${message}`;
}

describe("what store_write writes", () => {
  test("the payload as JSON, under the message's id, and says where", async () => {
    const payload = { name: "Zoë", list: [1] };
    const { next, key, text, metadata } = await write({}, payload);
    assert.equal(key, "executions/execution-1/here/here/message-1");
    assert.deepEqual(next, { ...payload, object_key: key });
    assert.deepEqual(JSON.parse(text), payload);
    assert.partialDeepStrictEqual(metadata, { contentType: "application/json", messageId: "message-1" });
    assert.match(metadata.createdAt, /^\d{4}-.*Z$/);
  });

  test("one field: a text as it is, anything else as JSON", async () => {
    const text = await write({ field: "a" }, { a: "\uFEFFé\r\n", b: 1 });
    assert.deepEqual([text.text, text.metadata.contentType], ["\uFEFFé\r\n", "text/plain; charset=utf-8"]);
    for (const value of [null, 0, false, [], { c: "" }]) {
      const { text: json, metadata } = await write({ field: "a" }, { a: value });
      assert.deepEqual([JSON.parse(json), metadata.contentType], [value, "application/json"]);
    }
    assert.equal((await write({ field: "a" }, { a: "" })).text, "");
  });

  test("with the stage, name and content type that it is given", async () => {
    const config = { stage: "people", name: "${dir}/${name}.md", field: "text", content_type: "text/markdown" };
    const { key, metadata } = await write(config, { dir: "a/b c", name: "日本 é", text: "x" });
    assert.equal(key, "executions/execution-1/here/people/a/b c/日本 é.md");
    assert.equal(metadata.contentType, "text/markdown");
  });

  test("again on another attempt, to the same key", async () => {
    using folder = new TempFolder();
    const objects = new FileObjectStore(folder.path);
    for (const n of [1, 2]) await runOne(storeWrite, { name: "a" }, { n }, { objects, attempt: n });
    const keys = await Array.fromAsync(objects.list(""));
    assert.equal(keys.length, 1);
    assert.equal(JSON.parse(String((await objects.get(keys[0] ?? ""))?.body)).n, 2);
  });
});

describe("a name that store_write refuses, without another try", () => {
  test("leaves its stage, or has parts that no folder can hold", async () => {
    for (const name of ["..", "../x", "a/../../x", "a/..", "/etc/passwd", "./a", ".", "a//b", "a/", "/", "a\\..\\b"])
      assert.match(await refusal(name), /^OBJECT_NAME_INVALID: /, name);
  });

  test("has control characters, or half a character", async () => {
    for (const name of ["a\0b", "a\nb", "\u007f", "a\u0085", "\ud800", "a\udc00b"])
      assert.match(await refusal(name), /^OBJECT_NAME_INVALID: /, JSON.stringify(name));
  });

  test("is empty or too long, counted in bytes for each part", async () => {
    assert.match(await refusal(""), /^OBJECT_NAME_INVALID: /);
    for (const name of ["a".repeat(201), "é".repeat(101), "a/".repeat(513).slice(0, -1)]) {
      const told = await refusal(name);
      assert.match(told, /^OBJECT_NAME_INVALID: .* 1 to 200 bytes long/);
      assert.ok(told.length < 600, "a long name is not told in full");
    }
  });

  test("selects nothing", async () => {
    assert.equal((await failure(storeWrite, { name: "${none}" }, {})).code, "EXPRESSION_FAILED");
  });
});

describe("what store_write takes", () => {
  test("odd names that are none of these", async () => {
    for (const name of [
      "...",
      ".hidden",
      "..a",
      "a..b",
      "a b",
      "con",
      "*?<>|:",
      "%2e%2e",
      "a'\"`$(x)",
      "é".repeat(100),
      "a".repeat(200),
    ]) {
      const { key } = await write({ name: "${name}" }, { name });
      assert.equal(key, `executions/execution-1/here/here/${name}`);
    }
    const deep = "a/".repeat(512).slice(0, -1);
    assert.ok((await write({ name: "${name}" }, { name: deep })).key.endsWith(deep));
  });

  test("a field that is not there fails without another try", async () => {
    for (const field of ["none", "toString", "__proto__"])
      assert.equal((await failure(storeWrite, { field }, { a: 1 })).code, "FIELD_MISSING", field);
  });

  test("a stage is one name, and a content type fits in a header", () => {
    for (const stage of ["", "..", "a/b", ".a", "a b", "é", "a".repeat(129)])
      assert.equal(problems(storeWrite, { stage }).length, 1, stage);
    for (const type of ["", "text/plain\r\nX: 1", "text/é", " text/plain"])
      assert.equal(problems(storeWrite, { content_type: type }).length, 1, type);
    assert.deepEqual(problems(storeWrite, { stage: "a.B-1_", content_type: "text/html; charset=utf-8" }), []);
  });
});
