import assert from "node:assert/strict";
import { after, test } from "node:test";
import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";
import { searchIndexConformance } from "../conformance/search-index.ts";
import { PostgresSearch } from "./postgres-search.ts";

/** A PostgreSQL in this process that has pgvector, whatever is installed on the machine. */
async function startPostgres(): Promise<{ readonly url: string } & AsyncDisposable> {
  const database = await PGlite.create({ extensions: { vector } });
  const server = new PGLiteSocketServer({ db: database, port: 0, host: "127.0.0.1", maxConnections: 16 });
  let url = "";
  server.addEventListener("listening", (event) => {
    // The event says where: `{host, port}`.
    const { port } = (event as CustomEvent<{ readonly port: number }>).detail;
    url = `postgres://postgres@127.0.0.1:${port}/postgres?sslmode=disable`;
  });
  await server.start();
  return {
    url,
    async [Symbol.asyncDispose]() {
      await server.stop();
      await database.close();
    },
  };
}

/** It takes seconds to start, and is emptied for each test. */
const server = await startPostgres();
after(() => server[Symbol.asyncDispose]());

searchIndexConformance("PostgreSQL with pgvector", async () => {
  let index = await PostgresSearch.open(server.url);
  return {
    get indexes() {
      return index;
    },
    async reopen() {
      await index.close();
      index = await PostgresSearch.open(server.url);
    },
    async [Symbol.asyncDispose]() {
      for (const name of await index.namesThatEnd("")) await index.deleteCollection(name);
      await index.close();
    },
  };
});

test("where the database can have pgvector it is given it, and vectors are compared by it", async () => {
  const index = await PostgresSearch.open(server.url);
  assert.equal(index.hasPgvector, true);
  await index.close();
});
