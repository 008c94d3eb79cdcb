import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { eventually } from "../../../../../test/support/eventually.ts";
import { objectReaderConformance } from "../../conformance/object-reader.ts";
import { objectStoreConformance } from "../../conformance/object-store.ts";
import { onDatabase, overPostgres, temporaryDatabase } from "../../support/postgres.ts";
import { Session } from "../connection.ts";
import { Database } from "../database.ts";
import { PostgresObjectStore } from "./object-store.ts";

const METADATA = { contentType: "text/plain", createdAt: "2026-03-01T12:00:00.000Z" };

/** More than one chunk. */
const LARGE = 1_000_000;

interface Node extends AsyncDisposable {
  readonly objects: PostgresObjectStore;
  readonly database: Database;
}

/** What a node has of the objects in a database. */
function nodeOn(url: string): Node {
  const options = { url, name: "millrace tests" };
  const database = new Database(options, 8);
  const session = new Session(options, { setup: "SET client_min_messages = error", timeoutMs: 60_000 });
  const objects = new PostgresObjectStore(database, session);
  return {
    objects,
    database,
    async [Symbol.asyncDispose]() {
      await objects.close();
      await database.close();
    },
  };
}

async function open(): Promise<AsyncDisposable & { readonly objects: PostgresObjectStore }> {
  const database = await temporaryDatabase();
  const node = nodeOn(database.url);
  return {
    objects: node.objects,
    async [Symbol.asyncDispose]() {
      await node[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

/** Chunks of how many bodies there are, and how many bodies. */
async function left(url: string): Promise<{ bodies: unknown; chunks: unknown }> {
  const [row] = await onDatabase(
    url,
    "SELECT (SELECT count(*)::integer FROM object_bodies) AS bodies, (SELECT count(DISTINCT body)::integer FROM object_chunks) AS chunks",
  );
  return { bodies: row?.bodies, chunks: row?.chunks };
}

await overPostgres(() => {
  objectStoreConformance("PostgreSQL", open);
  objectReaderConformance("PostgreSQL", open);

  test("PostgreSQL: a large object comes back byte for byte, whole and in parts, on another node", async () => {
    await using database = await temporaryDatabase();
    await using one = nodeOn(database.url);
    await using other = nodeOn(database.url);
    const body = Buffer.from(Array.from({ length: LARGE + 7 }, (_, index) => (index * 7_919) % 251));
    await one.objects.put("a/b", body, METADATA);
    const got = await other.objects.get("a/b");
    assert.ok(got?.body.equals(body));
    const object = await other.objects.open("a/b");
    assert.ok(object !== null);
    assert.equal(object.sha256, createHash("sha256").update(body).digest("hex"));
    const [start, end] = [262_143, 786_433];
    const read = Buffer.concat(await Array.fromAsync<Buffer>(object.read({ start, end })));
    assert.ok(read.equals(body.subarray(start, end + 1)));
  });

  test("PostgreSQL: what another node replaces or deletes is read to its end by who has it open, and goes then", async () => {
    await using database = await temporaryDatabase();
    await using reader = nodeOn(database.url);
    await using writer = nodeOn(database.url);
    const old = Buffer.alloc(LARGE, "o");
    await writer.objects.put("x/1/a", old, METADATA);
    const [read, unread] = [await reader.objects.open("x/1/a"), await reader.objects.open("x/1/a")];
    assert.ok(read !== null && unread !== null);
    await writer.objects.put("x/1/a", Buffer.alloc(LARGE, "n"), METADATA);
    await writer.objects.deleteAll("x/1/");
    assert.equal(await reader.objects.open("x/1/a"), null);
    assert.deepEqual(await left(database.url), { bodies: 1, chunks: 1 }, "the one that is open");
    const bytes = Buffer.concat(await Array.fromAsync<Buffer>(read.read({ start: 0, end: read.size - 1 })));
    assert.ok(bytes.equals(old));
    assert.deepEqual(await left(database.url), { bodies: 1, chunks: 1 }, "it is open once more");
    await unread.close();
    await eventually(async () => assert.deepEqual(await left(database.url), { bodies: 0, chunks: 0 }));
  });

  test("PostgreSQL: a reader that goes away in the middle leaves nothing behind, nor does a node that does", async () => {
    await using database = await temporaryDatabase();
    await using writer = nodeOn(database.url);
    await writer.objects.put("x/1/a", Buffer.alloc(LARGE), METADATA);
    {
      await using gone = nodeOn(database.url);
      const object = await gone.objects.open("x/1/a");
      assert.ok(object !== null);
      await gone.objects.open("x/1/a");
      const stream = object.read({ start: 0, end: object.size - 1 });
      for await (const _ of stream) break;
      await writer.objects.deleteAll("x/1/");
      assert.deepEqual(await left(database.url), { bodies: 1, chunks: 1 });
    }
    await eventually(async () => {
      await writer.objects.deleteAll("x/1/");
      assert.deepEqual(await left(database.url), { bodies: 0, chunks: 0 });
    });
  });

  test("PostgreSQL: of nodes that write one key at once one wins, whole, small or large", async () => {
    await using database = await temporaryDatabase();
    await using one = nodeOn(database.url);
    await using other = nodeOn(database.url);
    const sizes = [1, LARGE];
    for (let round = 0; round < 20; round += 1) {
      await Promise.all(
        [one, other].flatMap(({ objects }, node) =>
          sizes.map((size, index) => {
            const writer = `${node * 2 + index}`;
            return objects.put("k", Buffer.alloc(size, writer), { ...METADATA, messageId: writer });
          }),
        ),
      );
      const found = await one.objects.get("k");
      const writer = found?.metadata.messageId ?? "";
      assert.equal(found?.body.length, sizes[Number(writer) % 2]);
      assert.ok(found?.body.every((byte) => byte === writer.charCodeAt(0)));
    }
    assert.deepEqual(await Array.fromAsync(one.objects.list("")), ["k"]);
    await eventually(async () => {
      await one.objects.deleteAll("nothing/at/");
      assert.deepEqual(await left(database.url), { bodies: 1, chunks: 1 });
    });
  });

  test("PostgreSQL: who deletes an execution's objects waits for those that another node is writing", async () => {
    await using database = await temporaryDatabase();
    await using writer = nodeOn(database.url);
    await using remover = nodeOn(database.url);
    for (let round = 0; round < 20; round += 1) {
      let written = 0;
      const writes = Array.from({ length: 10 }, (_, index) =>
        writer.objects
          .put(`executions/e/r/s/${index}`, Buffer.alloc(index % 2 === 0 ? 10 : LARGE), METADATA)
          .then(() => {
            written += 1;
          }),
      );
      await eventually(() => assert.ok(written > round % 10));
      await remover.objects.deleteAll("executions/e/");
      const before = written;
      await Promise.all(writes);
      // What was there is gone; those that began to be put in their places later may be there.
      const there = await Array.fromAsync(writer.objects.list("executions/e/"));
      assert.ok(there.length <= 10 - Math.min(before, round % 10), `${there.length} of 10`);
      await remover.objects.deleteAll("executions/e/");
    }
  });

  test("PostgreSQL: a database that cannot be reached is an error worth another attempt", async () => {
    await using node = nodeOn("postgres://postgres@127.0.0.1:1/nowhere");
    const unavailable = { code: "OBJECT_STORE_UNAVAILABLE", retryable: true, message: /"k".*ECONNREFUSED/ };
    await assert.rejects(node.objects.put("k", Buffer.from("x"), METADATA), unavailable);
    await assert.rejects(node.objects.get("k"), unavailable);
    await assert.rejects(node.objects.open("k"), unavailable);
  });
});
