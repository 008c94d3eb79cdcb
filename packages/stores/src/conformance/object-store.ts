import assert from "node:assert/strict";
import { test } from "node:test";
import type { ObjectMetadata, ObjectStore } from "@millrace/engine";

/** An object store that a suite is run over. */
export interface ObjectStoreUnderTest extends AsyncDisposable {
  readonly objects: ObjectStore;
}

/** What every `ObjectStore` promises. Registers its tests under the name of the implementation. */
export function objectStoreConformance(name: string, open: () => Promise<ObjectStoreUnderTest>): void {
  test(`${name}: an object comes back byte for byte with its metadata, and the next one of its key replaces it`, async () => {
    await using store = await open();
    const { objects } = store;
    assert.equal(await objects.get("a/b"), null);
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const metadata = { ...METADATA, contentType: 'text/plain; title="ü"', messageId: "m" };
    await objects.put("a/b", bytes, metadata);
    assert.deepEqual(await objects.get("a/b"), { body: bytes, metadata });
    await objects.put("a/b", Buffer.alloc(0), METADATA);
    assert.deepEqual(await objects.get("a/b"), { body: Buffer.alloc(0), metadata: METADATA });
    assert.deepEqual(await keysOf(objects, ""), ["a/b"]);
    assert.equal(await objects.get("a"), null, "a folder is no object");
  });

  test(`${name}: names may be odd and long, and none is taken for another's`, async () => {
    await using store = await open();
    const keys = [
      "a",
      "a.json",
      "a.json.json",
      "a.json.d/x",
      "b.json/x",
      "b",
      "c.d/x",
      "c",
      " spaces  and\u00a0others ",
      "-rf",
      "...",
      "..hidden/.dot",
      "ü🏭/e\u0301",
      "ü🏭/\u00e9",
      "%2e%2e/%2F",
      "CON/nul.txt",
      "*?:\"<>|'$`#&;",
      "case/A",
      "case/a",
      `${"long".repeat(62)}/${"n".repeat(250)}`,
      `deep/${"d/".repeat(400)}end`,
    ];
    for (const key of keys) await store.objects.put(key, Buffer.from(key), { ...METADATA, messageId: key });
    for (const key of keys) {
      const found = await store.objects.get(key);
      assert.deepEqual([found?.body.toString(), found?.metadata.messageId], [key, key]);
    }
    assert.deepEqual(await keysOf(store.objects, ""), keys.toSorted());
  });

  test(`${name}: a key that could lead anywhere else, or that cannot be kept, is refused with its reason`, async () => {
    await using store = await open();
    const { objects } = store;
    const bad = [
      "",
      "/",
      "/a",
      "a/",
      "a//b",
      ".",
      "..",
      "../a",
      "a/..",
      "a/../../b",
      "a/./b",
      "a\\..\\b",
      "a\0b",
      "a\nb",
      "\ud800",
      "x".repeat(5_000),
      "ü/".repeat(2_000).slice(0, -1),
    ];
    const refused = { code: "OBJECT_KEY_INVALID", retryable: false };
    for (const key of bad) {
      await assert.rejects(objects.put(key, Buffer.from("x"), METADATA), refused, JSON.stringify(key));
      await assert.rejects(objects.get(key), refused, JSON.stringify(key));
    }
    await assert.rejects(keysOf(objects, "../"), refused);
    await assert.rejects(keysOf(objects, "a/../../"), refused);
    await assert.rejects(objects.deleteAll("../"), refused);
    await assert.rejects(objects.deleteAll("/"), refused);
    assert.deepEqual(await keysOf(objects, ""), []);
  });

  test(`${name}: a list has the keys that begin with the prefix, sorted, wherever the prefix is cut`, async () => {
    await using store = await open();
    const keys = ["a!/x", "a-b", "a/b", "a/b.txt", "a/c/d", "ab/c", "b/a"];
    for (const key of keys) await store.objects.put(key, Buffer.from(key), METADATA);
    const prefixes = ["", "a", "a/", "a/b", "a/b.", "a/c", "a/c/", "a/c/d", "ab", "c", "a/x/", "b/a/"];
    for (const prefix of prefixes) {
      const expected = keys.filter((key) => key.startsWith(prefix)).sort();
      assert.deepEqual(await keysOf(store.objects, prefix), expected, `prefix "${prefix}"`);
    }
  });

  test(`${name}: deleting by prefix removes what begins with it, and nothing else`, async () => {
    await using store = await open();
    const { objects } = store;
    for (const key of ["x/1/a", "x/1/b/c", "x/10/a", "y/1"]) await objects.put(key, Buffer.from(key), METADATA);
    await objects.deleteAll("x/1/");
    assert.deepEqual(await keysOf(objects, ""), ["x/10/a", "y/1"]);
    assert.equal(await objects.get("x/1/a"), null);
    await objects.deleteAll("nothing/");
    await objects.deleteAll("x/1");
    assert.deepEqual(await keysOf(objects, ""), ["y/1"]);
    await objects.put("x/1", Buffer.from("anew"), METADATA);
    assert.equal((await objects.get("x/1"))?.body.toString(), "anew");
  });

  test(`${name}: what objects take is counted by prefix, and grows and goes with them`, async () => {
    await using store = await open();
    const { objects } = store;
    assert.equal(await objects.sizeOf("x/"), 0);
    for (const key of ["x/1/a", "x/1/b/c", "x/10/a"]) await objects.put(key, Buffer.alloc(10_000), METADATA);
    const [one, all] = [await objects.sizeOf("x/1/"), await objects.sizeOf("x/")];
    assert.ok(one >= 20_000 && one < 22_000, `${one} bytes`);
    assert.ok(all >= 30_000 && all < 33_000, `${all} bytes`);
    await objects.deleteAll("x/1/");
    assert.equal(await objects.sizeOf("x/"), all - one);
  });

  test(`${name}: deleting takes those with it that are being written`, async () => {
    await using store = await open();
    const { objects } = store;
    for (let round = 0; round < 20; round += 1) {
      const writes = Array.from({ length: 20 }, (_, index) =>
        objects.put(`x/${index}`, Buffer.alloc(round * 1_000), METADATA),
      );
      for (let turn = 0; turn < round; turn += 1) await new Promise(setImmediate);
      await objects.deleteAll("x/");
      await Promise.all(writes);
      assert.deepEqual(await keysOf(objects, ""), [], `round ${round}`);
    }
  });

  test(`${name}: of writers at once to one key one wins, whole: its body with its own metadata`, async () => {
    await using store = await open();
    const { objects } = store;
    const write = (writer: number) =>
      objects.put("k", Buffer.alloc(1 + ((writer * 7_919) % 50_000), `${writer % 10}`), {
        ...METADATA,
        messageId: `${writer % 10}`,
      });
    for (let round = 0; round < 20; round += 1) {
      await Promise.all(Array.from({ length: 25 }, (_, index) => write(round + index)));
      assertWhole(await objects.get("k"));
    }
    assert.deepEqual(await keysOf(objects, ""), ["k"]);
  });

  test(`${name}: a reader sees an object before or after a write, never something in between`, async () => {
    await using store = await open();
    const { objects } = store;
    const write = (writer: number) =>
      objects.put("k", Buffer.alloc(writer * 50_000 + 1, `${writer}`), { ...METADATA, messageId: `${writer}` });
    await write(1);
    let writing = true;
    const written = (async () => {
      for (let round = 0; round < 60; round += 1) await write(round % 9);
    })().finally(() => {
      writing = false;
    });
    while (writing) assertWhole(await objects.get("k"));
    await written;
  });
}

const METADATA: ObjectMetadata = { contentType: "text/plain", createdAt: "2026-03-01T12:00:00.000Z" };

/** That all bytes are of one writer, and the metadata of the same. */
function assertWhole(found: Awaited<ReturnType<ObjectStore["get"]>>): void {
  assert.ok(found !== null);
  const { body, metadata } = found;
  const writer = Number(metadata.messageId);
  const byte = `${writer}`.charCodeAt(0);
  assert.ok(
    body.every((other) => other === byte),
    `metadata of ${writer}, body of ${String.fromCharCode(body[0] ?? 0)}`,
  );
}

async function keysOf(objects: ObjectStore, prefix: string): Promise<string[]> {
  return Array.fromAsync(objects.list(prefix));
}
