import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { ObjectMetadata, ObjectReader, ObjectStore } from "@millrace/engine";

/** An object store whose objects are served. */
export interface ObjectReaderUnderTest extends AsyncDisposable {
  readonly objects: ObjectStore & ObjectReader;
}

/** What every `ObjectReader` promises. Registers its tests under the name of the implementation. */
export function objectReaderConformance(name: string, open: () => Promise<ObjectReaderUnderTest>): void {
  test(`${name}: any part of an open object is read, and it tells its size, hash and metadata`, async () => {
    await using store = await open();
    const body = Buffer.from(Array.from({ length: 200_000 }, (_, index) => index % 251));
    await store.objects.put("a/b", body, METADATA);
    for (const [start, end] of [
      [0, body.length - 1],
      [0, 0],
      [70_000, 140_000],
      [body.length - 1, body.length - 1],
    ] as const) {
      const object = await store.objects.open("a/b");
      assert.ok(object !== null);
      assert.deepEqual([object.size, object.sha256, object.metadata], [body.length, sha256Of(body), METADATA]);
      const read = Buffer.concat(await Array.fromAsync<Buffer>(object.read({ start, end })));
      assert.ok(read.equals(body.subarray(start, end + 1)), `${start} to ${end}`);
    }
  });

  test(`${name}: an open object stays what it is, whatever is written or deleted meanwhile`, async () => {
    await using store = await open();
    const old = Buffer.alloc(300_000, "o");
    await store.objects.put("a/b", old, METADATA);
    const [replaced, deleted] = [await store.objects.open("a/b"), await store.objects.open("a/b")];
    await store.objects.put("a/b", Buffer.from("new"), { ...METADATA, messageId: "new" });
    const next = await store.objects.open("a/b");
    await store.objects.deleteAll("a/");
    assert.equal(await store.objects.open("a/b"), null);
    for (const object of [replaced, deleted]) {
      assert.ok(object !== null);
      const read = Buffer.concat(await Array.fromAsync<Buffer>(object.read({ start: 0, end: object.size - 1 })));
      assert.ok(read.equals(old));
    }
    assert.deepEqual([next?.size, next?.sha256, next?.metadata.messageId], [3, sha256Of("new"), "new"]);
    await next?.close();
  });

  test(`${name}: while one writes, whoever opens an object finds a whole one, with its own hash and metadata`, async () => {
    await using store = await open();
    const write = (round: number) => {
      // Some of the same size, so that it is not the size that tells them apart.
      const body = Buffer.alloc(1 + (round % 3) * 10_000, String.fromCharCode(97 + (round % 7)));
      return store.objects.put("k", body, { ...METADATA, messageId: sha256Of(body) });
    };
    await write(0);
    let writing = true;
    const written = (async () => {
      for (let round = 1; round < 150; round += 1) await write(round);
    })().finally(() => {
      writing = false;
    });
    while (writing) {
      const object = await store.objects.open("k");
      assert.ok(object !== null);
      const read = Buffer.concat(await Array.fromAsync<Buffer>(object.read({ start: 0, end: object.size - 1 })));
      assert.deepEqual([object.sha256, object.metadata.messageId], [sha256Of(read), sha256Of(read)]);
    }
    await written;
  });

  test(`${name}: nothing is open that is none: no folder, no strange key, nothing that was never written`, async () => {
    await using store = await open();
    await store.objects.put("a/b/c", Buffer.from("x"), METADATA);
    for (const key of [
      "",
      "a",
      "a/b",
      "a/b/",
      "a/b/c/d",
      "a/b/x",
      "../a",
      "a/../a/b/c",
      "/a/b/c",
      "a//b/c",
      "a/b/c\0",
      "\ud800",
    ])
      assert.equal(await store.objects.open(key), null, JSON.stringify(key));
    assert.equal(await store.objects.open("x".repeat(100_000)), null);
  });
}

const METADATA: ObjectMetadata = { contentType: "text/plain", createdAt: "2026-03-01T12:00:00.000Z" };

function sha256Of(body: Buffer | string): string {
  return createHash("sha256").update(body).digest("hex");
}
