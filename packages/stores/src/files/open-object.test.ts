import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { objectReaderConformance } from "../conformance/object-reader.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { FileObjectStore } from "./file-object-store.ts";

objectReaderConformance("files", async () => {
  const folder = temporaryFolder();
  return {
    objects: new FileObjectStore(folder.path),
    [Symbol.asyncDispose]: async () => folder[Symbol.dispose](),
  };
});

const METADATA = { contentType: "text/plain", createdAt: "2026-03-01T12:00:00.000Z" };

test("files: links, folders and pipes in the place of objects are none, and are neither followed nor waited for", async () => {
  using folder = temporaryFolder();
  const objects = new FileObjectStore(join(folder.path, "data"));
  await objects.put("e/real", Buffer.from("x"), METADATA);
  const inside = (name: string) => join(folder.path, "data", "objects", "e", name);
  writeFileSync(join(folder.path, "secret"), "secret");
  mkdirSync(join(folder.path, "outside"));
  writeFileSync(join(folder.path, "outside", "secret"), "secret");
  // With metadata as an object has it, so that it is not for want of it.
  for (const name of ["link", "to-real", "pipe", "folder"]) await objects.put(`e/${name}`, Buffer.from("x"), METADATA);
  await objects.put("e/away/secret", Buffer.from("x"), METADATA);
  for (const name of ["link", "to-real", "pipe", "folder", "away"]) execFileSync("rm", ["-r", inside(name)]);
  symlinkSync(join(folder.path, "secret"), inside("link"));
  symlinkSync(inside("real"), inside("to-real"));
  symlinkSync(join(folder.path, "outside"), inside("away"));
  mkdirSync(inside("folder"));
  execFileSync("mkfifo", [inside("pipe")]);
  for (const key of ["e/link", "e/to-real", "e/away/secret", "e/pipe", "e/folder"])
    assert.equal(await objects.open(key), null, key);
  const real = await objects.open("e/real");
  assert.notEqual(real, null);
  await real?.close();
});

test("files: the data directory itself may be a link", async () => {
  using folder = temporaryFolder();
  mkdirSync(join(folder.path, "real"));
  symlinkSync(join(folder.path, "real"), join(folder.path, "link"));
  const objects = new FileObjectStore(join(folder.path, "link"));
  await objects.put("a", Buffer.from("x"), METADATA);
  const object = await objects.open("a");
  assert.equal(object?.size, 1);
  await object?.close();
});

test("files: what was changed by hand, or copied, is known by its bytes, and has its own hash", async () => {
  using folder = temporaryFolder();
  const objects = new FileObjectStore(join(folder.path, "one"));
  await objects.put("k", Buffer.from("first"), { ...METADATA, messageId: "1" });
  await objects.put("k", Buffer.from("other"), { ...METADATA, messageId: "2" });
  const place = join(folder.path, "one", "objects", "k");
  const look = async (store: FileObjectStore) => {
    const object = await store.open("k");
    await object?.close();
    return [object?.sha256, object?.metadata.messageId];
  };
  cpSync(join(folder.path, "one"), join(folder.path, "two"), { recursive: true });
  utimesSync(join(folder.path, "two", "objects", "k"), 1, 1);
  assert.deepEqual(await look(new FileObjectStore(join(folder.path, "two"))), [sha256Of("other"), "2"]);
  writeFileSync(place, "first");
  assert.deepEqual(await look(objects), [sha256Of("first"), "1"]);
  writeFileSync(place, "by hand, of another size");
  assert.deepEqual(await look(objects), [sha256Of("by hand, of another size"), "2"]);
});

test("files: an object that an older version has written is served", async () => {
  using folder = temporaryFolder();
  mkdirSync(join(folder.path, "objects"));
  mkdirSync(join(folder.path, "metadata"));
  writeFileSync(join(folder.path, "objects", "k"), "old");
  const kept = [{ digest: sha256Of("old"), metadata: METADATA }];
  writeFileSync(join(folder.path, "metadata", "k.json"), JSON.stringify(kept));
  const object = await new FileObjectStore(folder.path).open("k");
  assert.deepEqual([object?.size, object?.sha256, object?.metadata], [3, sha256Of("old"), METADATA]);
  await object?.close();
});

function sha256Of(body: string): string {
  return createHash("sha256").update(body).digest("hex");
}
