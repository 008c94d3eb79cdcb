import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { CACHE_FILE, SqliteCache } from "./sqlite-cache.ts";

const bytes = (text: string) => new Uint8Array(Buffer.from(text));

test("what is kept is there again after the cache was closed, and the later of two of one key counts", async () => {
  using folder = temporaryFolder();
  const first = new SqliteCache(folder.path, 1_000_000);
  await first.put([
    { key: "a", value: bytes("one") },
    { key: "b", value: bytes("two") },
    { key: "a", value: bytes("three") },
  ]);
  first.close();
  const cache = new SqliteCache(folder.path, 1_000_000);
  assert.deepEqual(
    await cache.get(["b", "a", "none"]),
    new Map([
      ["b", bytes("two")],
      ["a", bytes("three")],
    ]),
  );
  cache.close();
});

test("no more than maxBytes is kept: what was not used for the longest goes first", async () => {
  using folder = temporaryFolder();
  let now = 0;
  const cache = new SqliteCache(folder.path, 10_000, () => now);
  for (let index = 0; index < 50; index += 1) {
    now += 3_600_001;
    await cache.put([{ key: `k${index}`, value: new Uint8Array(500) }]);
    await cache.get(["k0"]);
    assert.ok(cache.bytes <= 10_000);
  }
  const kept = await cache.get(["k0", "k1", "k49"]);
  assert.deepEqual([...kept.keys()], ["k0", "k49"]);
  await cache.put([{ key: "huge", value: new Uint8Array(5_000) }]);
  assert.equal((await cache.get(["huge"])).size, 0, "one that would push out the others is not kept");
  cache.close();
});

test("a damaged file is made anew, and one that cannot be made is done without", async () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, CACHE_FILE), "no database at all, but a text".repeat(100));
  const cache = new SqliteCache(folder.path, 1_000_000);
  assert.equal((await cache.get(["a"])).size, 0);
  await cache.put([{ key: "a", value: bytes("one") }]);
  assert.equal((await cache.get(["a"])).size, 1);
  cache.close();
  const none = new SqliteCache(join(folder.path, CACHE_FILE, "below"), 1_000_000);
  await none.put([{ key: "a", value: bytes("one") }]);
  assert.equal((await none.get(["a"])).size, 0);
  none.close();
  const off = new SqliteCache(folder.path, 0);
  assert.equal((await off.get(["a"])).size, 0);
  off.close();
});
