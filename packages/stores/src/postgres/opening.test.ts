import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { inspect } from "node:util";
import { MillraceError } from "@millrace/protocol";
import { emptyDatabase, onDatabase, overPostgres, POSTGRES_URL } from "../support/postgres.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { Database } from "./database.ts";
import { migrate } from "./migrate.ts";
import { openNode } from "./temporary-store.ts";

const PASSWORD = "s3cr3t";

test("PostgreSQL: a URL that is none of PostgreSQL is refused, and not shown, as it may hold a password", async () => {
  for (const url of [`mysql://user:${PASSWORD}@host/db`, `postgres://user:${PASSWORD}@[/db`, PASSWORD]) {
    await assert.rejects(openNode(url), (error) => {
      assert.ok(error instanceof MillraceError);
      assert.equal(error.code, "SETTING_INVALID");
      assert.match(error.message, /database_url must be a URL of PostgreSQL, such as "postgres:\/\//);
      assert.doesNotMatch(inspect(error), new RegExp(PASSWORD));
      return true;
    });
  }
});

test("PostgreSQL: a server that is not there is named with what to do, and without the password", async () => {
  await assert.rejects(openNode(`postgres://user:${PASSWORD}@127.0.0.1:1/db`), (error) => {
    assert.ok(error instanceof MillraceError);
    assert.equal(error.code, "STORE_UNREACHABLE");
    assert.match(
      error.message,
      /^The database postgres:\/\/user@127\.0\.0\.1:1\/db cannot be used: .*ECONNREFUSED.* Start PostgreSQL there, or correct database_url\.$/,
    );
    assert.doesNotMatch(inspect(error, { depth: 10 }), new RegExp(PASSWORD));
    return true;
  });
});

await overPostgres(() => {
  test("PostgreSQL: a database that is not there is said to be missing", async () => {
    const url = new URL(POSTGRES_URL);
    url.pathname = "/millrace_test_nowhere";
    await assert.rejects(openNode(url.href), {
      code: "STORE_UNREACHABLE",
      message: /"millrace_test_nowhere" does not exist\. Create the database, or correct its name/,
    });
  });

  test("PostgreSQL: a user who may not make tables there is told so", async () => {
    await using database = await emptyDatabase();
    const role = `millrace_test_${process.pid}`;
    await onDatabase(database.url, `CREATE ROLE ${role} LOGIN PASSWORD '${PASSWORD}'`);
    try {
      const url = new URL(database.url);
      url.username = role;
      url.password = PASSWORD;
      await assert.rejects(openNode(url.href), {
        code: "STORE_UNREACHABLE",
        message: /permission denied.*Its user must be allowed to create tables/,
      });
    } finally {
      await onDatabase(database.url, `DROP ROLE ${role}`);
    }
  });

  test("PostgreSQL: a database that does not hold all characters is refused", async () => {
    const name = `millrace_test_${process.pid}_latin`;
    await onDatabase(
      POSTGRES_URL,
      `CREATE DATABASE ${name} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`,
    );
    try {
      const url = new URL(POSTGRES_URL);
      url.pathname = `/${name}`;
      await assert.rejects(openNode(url.href), { code: "STORE_UNREACHABLE", message: /encoding is LATIN1.*UTF8/ });
    } finally {
      await onDatabase(POSTGRES_URL, `DROP DATABASE ${name} WITH (FORCE)`);
    }
  });

  test("PostgreSQL: nodes that start at once on an empty database make its tables once, and are one service", async () => {
    await using database = await emptyDatabase();
    const nodes = await Promise.all(Array.from({ length: 5 }, () => openNode(database.url, { readers: 1 })));
    const [first] = nodes;
    assert.ok(first !== undefined);
    assert.equal(new Set(nodes.map(({ clusterId }) => clusterId)).size, 1);
    assert.match(first.clusterId, /^[0-9a-f-]{36}$/);
    assert.equal(new Set(nodes.map(({ ownership }) => ownership.nodeId)).size, 5);
    assert.equal((await first.ownership.nodes()).length, 5);
    for (const node of nodes) await node.close();
    const again = await openNode(database.url);
    assert.equal(again.clusterId, first.clusterId);
    await again.close();
  });

  test("PostgreSQL: migrations run once each, in the order of their names", async () => {
    await using rig = await migrations();
    await rig.migrate({ "0001-a.sql": "CREATE TABLE t (n integer); INSERT INTO t VALUES (1)" });
    const files = { "0002-b.sql": "INSERT INTO t VALUES (2)", "0003-c.sql": "ALTER TABLE t ADD COLUMN more text" };
    await Promise.all([rig.migrate(files), rig.migrate(files), rig.migrate(files)]);
    assert.deepEqual(await rig.rows("SELECT n, more FROM t ORDER BY n"), [
      { n: 1, more: null },
      { n: 2, more: null },
    ]);
  });

  test("PostgreSQL: a migration that fails leaves the database as it was, and the next start tries it again", async () => {
    await using rig = await migrations();
    await rig.migrate({ "0001-a.sql": "CREATE TABLE t (n integer PRIMARY KEY); INSERT INTO t VALUES (1)" });
    const bad = "UPDATE t SET n = 7; INSERT INTO t VALUES (7)";
    for (let start = 0; start < 2; start += 1) {
      await assert.rejects(rig.migrate({ "0002-b.sql": bad }), /duplicate key/);
      assert.deepEqual(await rig.rows("SELECT n FROM t"), [{ n: 1 }]);
    }
    await rig.migrate({ "0002-b.sql": bad.replace("VALUES (7)", "VALUES (8)") });
    assert.deepEqual(await rig.rows("SELECT n FROM t ORDER BY n"), [{ n: 7 }, { n: 8 }]);
  });

  test("PostgreSQL: nodes of an older version go on with a newer one's database where it says that they can", async () => {
    await using rig = await migrations();
    const old = { "0001-a.sql": "CREATE TABLE t (n integer)" };
    const added = { ...old, "0002-b.sql": "-- oldest-program: 1\nALTER TABLE t ADD COLUMN more text" };
    await rig.migrate(added);
    await rig.migrateAlone(old);
    assert.deepEqual(await rig.rows("SELECT n, more FROM t"), []);
    await rig.migrate({ ...added, "0003-c.sql": "ALTER TABLE t DROP COLUMN n" });
    for (const known of [old, added]) {
      await assert.rejects(rig.migrateAlone(known), {
        code: "STORE_UNREACHABLE",
        message: /migrated by a newer Millrace \(schema 3\).*Update Millrace/,
      });
    }
  });
});

/** Migrations of its own on a database of its own. */
async function migrations() {
  const database = await emptyDatabase();
  const folders = [temporaryFolder()];
  const connections = new Database({ url: database.url, name: "test" }, 3);
  const write = (folder: string, files: Readonly<Record<string, string>>) => {
    mkdirSync(folder, { recursive: true });
    for (const [name, sql] of Object.entries(files)) writeFileSync(join(folder, name), sql);
  };
  return {
    /** Adds files to those that are there, and migrates. */
    async migrate(files: Readonly<Record<string, string>>) {
      const folder = join(folders[0]?.path ?? "", "all");
      write(folder, files);
      await migrate(connections, folder);
    },
    /** Migrates as a program does that knows these files alone. */
    async migrateAlone(files: Readonly<Record<string, string>>) {
      const folder = temporaryFolder();
      folders.push(folder);
      write(folder.path, files);
      await migrate(connections, folder.path);
    },
    rows: (statement: string) => onDatabase(database.url, statement),
    async [Symbol.asyncDispose]() {
      await connections.close();
      for (const folder of folders) folder[Symbol.dispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}
