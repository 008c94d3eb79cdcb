import { Client } from "pg";
import { objectReaderConformance } from "../../conformance/object-reader.ts";
import { objectStoreConformance } from "../../conformance/object-store.ts";
import { Session } from "../connection.ts";
import { Database } from "../database.ts";
import { migrate } from "../migrate.ts";
import { PostgresObjectStore } from "./object-store.ts";

async function open() {
  const name = `millrace_objects_${Math.random().toString(36).slice(2)}`;
  const admin = new Client({ connectionString: "postgres://postgres@127.0.0.1:5432/postgres" });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${name}`);
  const options = { url: `postgres://postgres@127.0.0.1:5432/${name}`, name: "test" };
  const database = new Database(options, 8);
  await migrate(database);
  const objects = new PostgresObjectStore(database, new Session(options, { setup: "SELECT 1", timeoutMs: 60_000 }));
  return {
    objects,
    async [Symbol.asyncDispose]() {
      await objects.close();
      await database.close();
      await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await admin.end();
    },
  };
}
objectStoreConformance("PostgreSQL", open);
objectReaderConformance("PostgreSQL", open);
