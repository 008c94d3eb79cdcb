import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { objectStoreConformance } from "../conformance/object-store.ts";
import { fillDisk, smallDisk } from "../support/small-disk.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { FileObjectStore } from "./file-object-store.ts";

objectStoreConformance("files", async () => {
  const folder = temporaryFolder();
  return {
    objects: new FileObjectStore(folder.path),
    [Symbol.asyncDispose]: async () => folder[Symbol.dispose](),
  };
});

objectStoreConformance("files, flushed", async () => {
  const folder = temporaryFolder();
  return {
    objects: new FileObjectStore(folder.path, { flush: true }),
    [Symbol.asyncDispose]: async () => folder[Symbol.dispose](),
  };
});

const METADATA = { contentType: "text/plain", createdAt: "2026-03-01T12:00:00.000Z" };

test("files: an object's body is found in the folder under its key, as it was written", async () => {
  using folder = temporaryFolder();
  await new FileObjectStore(folder.path).put("executions/x/report.txt", Buffer.from("hello"), METADATA);
  assert.equal(readFileSync(join(folder.path, "objects/executions/x/report.txt"), "utf8"), "hello");
});

test("files: a writer that is killed leaves the object whole: the old one or the new one, with its own metadata", async () => {
  using folder = temporaryFolder();
  const objects = new FileObjectStore(folder.path);
  for (let kill = 0; kill < 8; kill += 1) {
    const writer = spawn(process.execPath, [join(import.meta.dirname, "write-objects.ts"), folder.path], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(writer.stdout, "data");
    await wait(Math.random() * 30);
    writer.kill("SIGKILL");
    await once(writer, "close");
    const found = await objects.get("k");
    assert.ok(found !== null);
    assert.ok(found.body.toString() === (found.metadata.messageId ?? "").repeat(1_000), `kill ${kill}`);
  }
});

test("files: a body that was put in its place by hand has the metadata of the last write", async () => {
  using folder = temporaryFolder();
  const objects = new FileObjectStore(folder.path);
  await objects.put("k", Buffer.from("written"), METADATA);
  writeFileSync(join(folder.path, "objects/k"), "by hand");
  assert.deepEqual(await objects.get("k"), { body: Buffer.from("by hand"), metadata: METADATA });
});

test("files: an object cannot lie in a folder that is an object, which is said and not tried again", async () => {
  using folder = temporaryFolder();
  const objects = new FileObjectStore(folder.path);
  await objects.put("a", Buffer.from("a"), METADATA);
  await objects.put("b/c", Buffer.from("b/c"), METADATA);
  const refused = { code: "OBJECT_KEY_INVALID", retryable: false, message: /folder that is another object/ };
  await assert.rejects(objects.put("a/x", Buffer.from("x"), METADATA), refused);
  await assert.rejects(objects.put("a/x/y", Buffer.from("x"), METADATA), refused);
  await assert.rejects(objects.put("b", Buffer.from("x"), METADATA), refused);
  assert.equal(await objects.get("a/x"), null);
  assert.equal((await objects.get("a"))?.body.toString(), "a");
  assert.deepEqual(await Array.fromAsync(objects.list("")), ["a", "b/c"]);
  assert.deepEqual(readdirSync(join(folder.path, "parts")), []);
});

test("files: what a killed writer left is removed after a day, and a write that is under way is not", async () => {
  using folder = temporaryFolder();
  const parts = join(folder.path, "parts");
  mkdirSync(parts);
  const yesterday = Date.now() / 1000 - 25 * 60 * 60;
  for (const name of ["old", "young"]) writeFileSync(join(parts, name), "half");
  utimesSync(join(parts, "old"), yesterday, yesterday);
  await new FileObjectStore(folder.path).put("k", Buffer.from("x"), METADATA);
  assert.deepEqual([existsSync(join(parts, "old")), existsSync(join(parts, "young"))], [false, true]);
});

test("files: on a full disk a write fails with its reason, the object stays as it was, and a later write succeeds", async (t) => {
  using disk = smallDisk(t, "2m");
  if (disk === null) return;
  const objects = new FileObjectStore(disk.path);
  await objects.put("k", Buffer.from("old"), METADATA);
  const free = fillDisk(disk.path, 100_000);
  const unavailable = { code: "OBJECT_STORE_UNAVAILABLE", retryable: true, message: /"k".*no space left/ };
  await assert.rejects(objects.put("k", Buffer.alloc(500_000), { ...METADATA, messageId: "new" }), unavailable);
  assert.deepEqual(await objects.get("k"), { body: Buffer.from("old"), metadata: METADATA });
  assert.deepEqual(readdirSync(join(disk.path, "parts")), []);
  free();
  await objects.put("k", Buffer.alloc(500_000), METADATA);
  assert.equal((await objects.get("k"))?.body.length, 500_000);
});
