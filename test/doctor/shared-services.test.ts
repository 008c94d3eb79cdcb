import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "pg";
import {
  emptyDatabase,
  onDatabase,
  overPostgres,
  POSTGRES_URL,
  temporaryDatabase,
} from "../../packages/stores/src/support/postgres.ts";
import { Fleet } from "../support/fleet.ts";
import { NatsServer, withoutNatsServer } from "../support/nats-servers.ts";
import { PostgresServer, withoutPostgresServer } from "../support/postgres-server.ts";
import { S3Server } from "../support/s3-server.ts";
import { examine, found, privateFolder, sound } from "./diagnosis.ts";

const NOBODY = "nats://127.0.0.1:1";
const ask = (database_url: string, nats_url = NOBODY, more: Record<string, unknown> = {}, env = {}) =>
  examine({ flags: { database_url, nats_url, ...more }, env });

await overPostgres(() => {
  test("a database without tables, one of this version, an older and a newer one are told apart", async () => {
    await using empty = await emptyDatabase();
    found(await ask(empty.url), "postgresql", "ok", /the first node makes the tables/);
    await using database = await temporaryDatabase();
    const newest = await ask(database.url);
    found(newest, "postgresql", "ok", /which is the newest/);
    found(newest, "postgresql", "ok", /connections of the server are taken/);
    sound(newest, "clock");
    await onDatabase(database.url, "DELETE FROM schema_migrations WHERE version > 1");
    found(await ask(database.url), "postgresql", "ok", /schema 1; the next node of this version brings it to/);
    const newer = (oldest: number) =>
      onDatabase(
        database.url,
        `INSERT INTO schema_migrations (version, name, oldest_program) VALUES (900, 'later', ${oldest}) ON CONFLICT (version) DO UPDATE SET oldest_program = ${oldest}`,
      );
    await newer(1);
    found(await ask(database.url), "postgresql", "warning", /newer Millrace .*this version can work with it/);
    await newer(900);
    found(await ask(database.url), "postgresql", "problem", /newer Millrace \(schema 900\).*Update Millrace/);
  });

  test("a role that may not create tables, and commits that do not wait for the disk, are told with what to do", async () => {
    await using database = await temporaryDatabase();
    const role = `${new URL(database.url).pathname.slice(1)}_role`;
    await onDatabase(database.url, `CREATE ROLE ${role} LOGIN`, `REVOKE CREATE ON SCHEMA public FROM PUBLIC`);
    try {
      const url = new URL(database.url);
      url.username = role;
      url.searchParams.set("options", "-c synchronous_commit=off");
      const diagnosis = await ask(url.href);
      found(diagnosis, "postgresql", "problem", /may not create tables.*GRANT CREATE/);
      found(diagnosis, "postgresql", "problem", /Tables belong to another role: .*executions/);
      found(diagnosis, "postgresql", "warning", /synchronous_commit is off/);
    } finally {
      await onDatabase(database.url, `DROP ROLE ${role}`);
    }
    found(await ask(database.url), "postgresql", "warning", /superuser/);
  });

  test("a database that does not exist is a problem that says so, without the password", async () => {
    const url = new URL(POSTGRES_URL);
    url.password = "hunter2hunter2";
    url.pathname = "/no_such_database_here";
    const diagnosis = await ask(url.href);
    found(diagnosis, "postgresql", "problem", /no_such_database_here.*Create the database/);
    assert.doesNotMatch(JSON.stringify(diagnosis), /hunter2/);
  });
});

test("PostgreSQL that has no connections left, and one that is stopped, are problems", {
  skip: withoutPostgresServer(),
}, async () => {
  await using server = await PostgresServer.start();
  await onDatabase(server.url(), "ALTER SYSTEM SET max_connections = 12");
  await server.end("SIGTERM");
  await server.start();
  found(await ask(server.url()), "postgresql", "warning", /1 of 9 connections .*Raise max_connections/);
  const held = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const client = new Client({ connectionString: server.url() });
      client.on("error", () => undefined);
      await client.connect();
      return client;
    }),
  );
  found(await ask(server.url()), "postgresql", "problem", /9 of 9 connections/);
  await Promise.all(held.map((client) => client.end()));
  await server.end();
  found(await ask(server.url()), "postgresql", "problem", /ECONNREFUSED.*Start PostgreSQL there/);
});

test("NATS that is stopped, refuses the credentials, has no JetStream, or little room, is a problem", {
  skip: withoutNatsServer(),
}, async () => {
  const database = "postgres://postgres@127.0.0.1:1/none";
  found(await ask(database), "nats", "problem", /No NATS server answers .*Start it/);
  await using plain = await NatsServer.start({ jetStream: false, config: "max_payload: 64KB" });
  const without = await ask(database, plain.url);
  found(without, "nats", "problem", /JetStream cannot be used.*nats-server -js/);
  found(without, "nats", "warning", /takes messages of 64 KiB only/);
  await using closed = await NatsServer.start({
    config: 'authorization { user: millrace, password: "hunter2hunter2" }',
  });
  const wrong = await ask(database, closed.url.replace("nats://", "nats://millrace:hunter3hunter3@"));
  found(wrong, "nats", "problem", /takes no connection with the credentials given/);
  assert.doesNotMatch(JSON.stringify(wrong), /hunter/);
  await using small = await NatsServer.start({
    config: "accounts { A { jetstream { max_file: 1M }, users: [{ user: a, password: a }] } }\nno_auth_user: a",
  });
  found(await ask(database, small.url), "nats", "problem", /977 KiB left in JetStream.*Raise max_file/);
});

test("of a service of many nodes that runs, database, broker and queue are in order, and its health has a part for each", {
  skip: withoutNatsServer() || withoutPostgresServer(),
}, async () => {
  await using fleet = await Fleet.start(["both"]);
  using folder = privateFolder();
  const { MILLRACE_DATABASE_URL: database = "", MILLRACE_NATS_URL: nats = "" } = fleet.env;
  const diagnosis = await examine({
    flags: { database_url: database, nats_url: nats, data_dir: folder.path },
    url: fleet.url,
  });
  found(diagnosis, "nats", "ok", /The work queue holds 0 tasks/);
  found(diagnosis, "service", "ok", /is ready/);
  for (const check of ["nats", "clock", "service"]) sound(diagnosis, check);
  const { status, components } = await fleet.client.system.ready();
  assert.equal(status, "healthy");
  assert.deepEqual(Object.keys(components).sort(), ["broker", "database", "executions", "store", "streams"]);
});

test("the bucket is listed, written, read and deleted from: what is wrong is a problem, and the credentials are not shown", async () => {
  await using server = await S3Server.start();
  const database = "postgres://postgres@127.0.0.1:1/none";
  const url = `s3://${server.bucket}/prefix?endpoint=${server.endpoint}`;
  const env = {
    AWS_ACCESS_KEY_ID: server.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: server.credentials.secretAccessKey,
  };
  const look = (objects_url: string, variables: Record<string, string> = env) =>
    ask(database, NOBODY, { objects_url }, variables);
  found(await look(url), "objects", "ok", /can be listed, written, read and deleted from/);
  assert.equal(server.objects.size, 0, "nothing stays behind");
  found(await look(`s3://other-bucket?endpoint=${server.endpoint}`), "objects", "problem", /other-bucket.*create it/);
  const wrong = await look(url, { ...env, AWS_SECRET_ACCESS_KEY: "hunter2hunter2" });
  found(wrong, "objects", "problem", /does not take the credentials/);
  assert.doesNotMatch(JSON.stringify(wrong), /hunter2/);
  found(await look(url, {}), "objects", "problem", /there are no credentials/);
  server.fault = ({ method }) => (method === "PUT" ? { status: 403, code: "AccessDenied" } : null);
  found(await look(url), "objects", "problem", /denies access.*s3:PutObject/);
});
