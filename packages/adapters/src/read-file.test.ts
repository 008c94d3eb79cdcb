import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { describe, test } from "node:test";
import { readFile } from "./read-file.ts";
import { failure, problems, run, runOne } from "./testing/run-adapter.ts";
import { TempFolder } from "./testing/temp-folder.ts";

/** What a file with these bytes is read as. */
async function textOf(bytes: string | Uint8Array, config = {}): Promise<unknown> {
  using folder = new TempFolder();
  folder.write("file", bytes);
  return (await runOne(readFile, config, { root: folder.path, path: "file" })).text;
}

async function failureOf(bytes: string | Uint8Array, config = {}): Promise<{ code: string; message: string }> {
  using folder = new TempFolder();
  folder.write("file", bytes);
  return await failure(readFile, config, { root: folder.path, path: "file" });
}

describe("what read_file reads", () => {
  test("it adds text and the SHA-256 of the bytes, and keeps the rest of the message", async () => {
    using folder = new TempFolder();
    const bytes = Buffer.from("\uFEFFhéllo\r\n🙂");
    folder.write("a/b.txt", bytes);
    assert.deepEqual(await runOne(readFile, {}, { root: folder.path, path: "a/b.txt", size: 1 }), {
      root: folder.path,
      path: "a/b.txt",
      size: 1,
      text: "héllo\r\n🙂",
      sha256: createHash("sha256").update(bytes).digest("hex"),
    });
  });

  test("an empty file is an empty text", async () => {
    assert.equal(await textOf(""), "");
  });

  test("an encoding is named by its WHATWG label, in whatever spelling", async () => {
    assert.equal(await textOf(Buffer.from([0xe9]), { encoding: "latin1" }), "é");
    for (const encoding of ["utf-16", "UTF-16LE", "ucs-2", "unicode"])
      assert.equal(await textOf(Buffer.from("\uFEFFAé", "utf16le"), { encoding }), "Aé", encoding);
    assert.equal(await textOf(Buffer.from([0x00, 0x41]), { encoding: "utf-16be" }), "A");
    assert.equal(problems(readFile, { encoding: "klingon" }).length, 1);
  });

  test("a path may be absolute, as long as it lies in the root", async () => {
    using folder = new TempFolder();
    const path = folder.write("a.txt", "a");
    assert.equal((await runOne(readFile, {}, { root: folder.path, path })).text, "a");
    assert.equal((await runOne(readFile, {}, { root: "/", path })).text, "a");
  });

  test("a link is followed where it stays in the root", async () => {
    using folder = new TempFolder();
    folder.write("real.txt", "real");
    folder.link("sub/link", "../real.txt");
    assert.equal((await runOne(readFile, {}, { root: folder.path, path: "sub/link" })).text, "real");
  });
});

describe("what read_file refuses", () => {
  test("a path that leaves its root, by dots, as absolute or by a link", async () => {
    using outside = new TempFolder();
    const secret = outside.write("secret", "s");
    using folder = new TempFolder();
    folder.link("link", secret);
    folder.link("folder", outside.path);
    for (const path of ["../x", "a/../../x", secret, "link", "folder/secret", `${folder.path}-not/x`]) {
      const { code } = await failure(readFile, {}, { root: folder.path, path });
      assert.equal(code, "PATH_OUTSIDE_ROOT", path);
    }
  });

  test("a message without a path", async () => {
    for (const payload of [{}, { path: "" }, { path: 7 }, { path: null }])
      assert.equal((await failure(readFile, {}, payload)).code, "PATH_MISSING");
  });

  test("a file that is not there, a circle of links, and names that no file can have", async () => {
    using folder = new TempFolder();
    folder.link("loop", "loop");
    for (const path of ["none", "loop", "x".repeat(5_000), "nul\0"]) {
      const { code, message } = await failure(readFile, {}, { root: folder.path, path });
      assert.equal(code, "FILE_NOT_FOUND", path.slice(0, 10));
      assert.doesNotMatch(message, /\0/);
    }
  });

  test("a folder, and a pipe that nobody writes to, without waiting for it", { timeout: 60_000 }, async () => {
    using folder = new TempFolder();
    execFileSync("mkfifo", [join(folder.path, "pipe")]);
    for (const path of [".", "pipe"]) {
      const { code, message } = await failure(readFile, {}, { root: folder.path, path });
      assert.deepEqual([code, message], ["FILE_UNREADABLE", `${path} is not a file.`]);
    }
  });

  test("a binary file, telling where it is no text", async () => {
    const nul = await failureOf(Buffer.from([0x50, 0x4b, 0x00, 0x03]));
    assert.deepEqual([nul.code, /NUL byte at 2/.test(nul.message)], ["FILE_NOT_TEXT", true]);
    const bad = await failureOf(Buffer.from([0x61, 0xff]));
    assert.deepEqual([bad.code, /not utf-8/.test(bad.message)], ["FILE_NOT_TEXT", true]);
  });

  test("a UTF-16 file that is read as UTF-8, with the encoding to set", async () => {
    const { code, message } = await failureOf(Buffer.from("\uFEFFhello", "utf16le"));
    assert.equal(code, "FILE_NOT_TEXT");
    assert.match(message, /set encoding to utf-16le/);
  });
});

describe("how much read_file reads", () => {
  test("a file of max_bytes is read, one more byte is too much", async () => {
    assert.equal(await textOf("12345", { max_bytes: 5 }), "12345");
    const { code, message } = await failureOf("12345", { max_bytes: 4 });
    assert.equal(code, "FILE_TOO_LARGE");
    assert.match(message, /has 5 bytes; max_bytes is 4/);
  });

  test("the default takes a file of 10 MiB, in the order of its bytes", async () => {
    const text = Array.from({ length: 10 * 1024 * 128 }, (_, line) => `${line}`.padStart(7, "0")).join("\n");
    assert.equal(await textOf(`${text}\n`), `${text}\n`);
    assert.equal((await failureOf(Buffer.alloc(10 * 1024 * 1024 + 1, 97))).code, "FILE_TOO_LARGE");
  });

  test("a file that says it is empty and is not is held to the limit too", {
    skip: process.platform !== "linux",
  }, async () => {
    const payload = { root: "/", path: "/proc/self/status" };
    assert.equal((await failure(readFile, { max_bytes: 20 }, payload)).code, "FILE_TOO_LARGE");
    assert.match(String((await runOne(readFile, {}, payload)).text), /^Name:/);
  });

  test("cancel ends the reading", async () => {
    using folder = new TempFolder();
    folder.write("big", Buffer.alloc(5_000_000, 97));
    const signal = AbortSignal.abort();
    const reading = run(readFile, {}, { root: folder.path, path: "big" }, { signal });
    await assert.rejects(reading, { name: "AbortError" });
  });
});
