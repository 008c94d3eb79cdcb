import assert from "node:assert/strict";
import { test } from "node:test";
import { searchIndexConformance } from "../conformance/search-index.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { cosineDistance, toBlob } from "./cosine-distance.ts";
import { openSearchFile } from "./search-file.ts";
import { SqliteSearch } from "./sqlite-search.ts";

searchIndexConformance("SQLite", async () => {
  const folder = temporaryFolder();
  let index = new SqliteSearch(folder.path);
  return {
    get indexes() {
      return index;
    },
    async reopen() {
      await index.close();
      index = new SqliteSearch(folder.path);
    },
    async [Symbol.asyncDispose]() {
      await index.close();
      folder[Symbol.dispose]();
    },
  };
});

test("the distance that stands in where there is no extension is the extension's", () => {
  using folder = temporaryFolder();
  const database = openSearchFile(folder.path);
  const version = database.prepare("SELECT vec_version() AS version").get()?.version;
  assert.match(String(version), /^v\d/, "this machine has the extension");
  for (const [a, b] of [
    [
      [1, 0, 0],
      [0, 1, 0],
    ],
    [
      [1, 2, 3],
      [-4, 5.5, 0.1],
    ],
    [
      [1e-3, 2e-3, 0],
      [5, 10, 0],
    ],
  ] as const) {
    const theirs = database.prepare("SELECT vec_distance_cosine(?, ?) AS d").get(toBlob(a), toBlob(b))?.d;
    assert.ok(Math.abs(Number(theirs) - (cosineDistance(toBlob(a), toBlob(b)) ?? Number.NaN)) < 1e-6);
  }
  database.close();
});

test("what is asked while it is closed is refused, and what was asked before is answered", async () => {
  using folder = temporaryFolder();
  const indexes = new SqliteSearch(folder.path);
  const index = indexes.inProject("default");
  const asked = index.collections({ limit: 1, offset: 0 });
  await indexes.close();
  assert.deepEqual(await asked, { total: 0, items: [] });
  await assert.rejects(index.collection("x"), { code: "SERVICE_UNAVAILABLE" });
});
