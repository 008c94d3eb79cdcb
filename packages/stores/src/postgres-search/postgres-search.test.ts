import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { Client } from "pg";
import { searchIndexConformance } from "../conformance/search-index.ts";
import { PostgresSearch } from "./postgres-search.ts";

/** The server that tests make their databases on, by a user who may. */
const SERVER = process.env.TEST_POSTGRES_URL ?? "postgres://postgres@127.0.0.1:5432/postgres";

async function on(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

async function temporaryDatabase(): Promise<{ readonly url: string } & AsyncDisposable> {
  const name = `millrace_search_${process.pid}_${randomBytes(6).toString("hex")}`;
  await on(SERVER, `CREATE DATABASE ${name}`);
  const url = new URL(SERVER);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    [Symbol.asyncDispose]: () => on(SERVER, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

const reason = await on(SERVER, "SELECT 1").then(
  () => null,
  (error: Error) => `PostgreSQL cannot be reached (${error.message}); TEST_POSTGRES_URL says where one is`,
);

if (reason !== null) {
  test("the tests of this file need PostgreSQL", {
    skip: process.env.TEST_REQUIRE_POSTGRES === "1" ? false : reason,
  }, () => {
    throw new Error(reason);
  });
} else {
  searchIndexConformance("PostgreSQL", async () => {
    const database = await temporaryDatabase();
    let index = await PostgresSearch.open(database.url);
    return {
      get indexes() {
        return index;
      },
      async reopen() {
        await index.close();
        index = await PostgresSearch.open(database.url);
      },
      async [Symbol.asyncDispose]() {
        await index.close();
        await database[Symbol.asyncDispose]();
      },
    };
  });

  test("nodes that open the same database at once make one set of tables, and see each other's documents", async () => {
    await using database = await temporaryDatabase();
    const nodes = await Promise.all(Array.from({ length: 4 }, () => PostgresSearch.open(database.url)));
    const [one, other] = nodes;
    assert.ok(one !== undefined && other !== undefined);
    await one.put("docs", { language: "english" }, [
      {
        id: "a",
        title: null,
        text: "there \0 \ud800",
        vector: [1, 2],
        metadata: { odd: "\0\ud800" },
        executionId: "e",
        messageId: "m",
        objectKey: null,
      },
    ]);
    assert.equal((await other.collection("docs"))?.documents, 1);
    for (const node of nodes) await node.close();
  });

  test("a server that cannot be reached is told of, and what is asked afterwards as well", async () => {
    await assert.rejects(PostgresSearch.open("postgres://postgres@127.0.0.1:1/none"), { code: "STORE_UNREACHABLE" });
    await using database = await temporaryDatabase();
    const index = await PostgresSearch.open(database.url);
    await database[Symbol.asyncDispose]();
    await assert.rejects(index.collection("docs"), { code: "STORE_UNREACHABLE" });
    await index.close();
  });
}
