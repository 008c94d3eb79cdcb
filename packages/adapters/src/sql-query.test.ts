import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, test } from "node:test";
import pg from "pg";
import { eventually } from "../../../test/support/eventually.ts";
import { sqlQuery } from "./sql-query.ts";
import { sqlUpsert } from "./sql-upsert.ts";
import { failure, problems, run, runOne, stream } from "./testing/run-adapter.ts";
import { TempFolder } from "./testing/temp-folder.ts";

const HERE = process.cwd();
const folder = new TempFolder();
process.chdir(folder.path);

/** A server of PostgreSQL that tests may make databases on. */
const SERVER = process.env.TEST_POSTGRES_URL ?? "postgres://postgres@127.0.0.1:5432/postgres";

async function admin(sql: string, url = SERVER): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await client.query(sql);
  } finally {
    await client.end();
  }
}

const isThere = await admin("SELECT 1").then(
  () => true,
  () => false,
);
const skip = isThere ? false : "there is no PostgreSQL";
const name = `millrace_content_${randomUUID().slice(0, 8)}`;
const connection = SERVER.replace(/\/[^/]*$/, `/${name}`);

/** Processes that this one has started and that are there. */
function children(): number {
  return readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").split(" ").filter(Boolean).length;
}

before(async () => {
  if (isThere) await admin(`CREATE DATABASE ${name}`);
});

after(async () => {
  process.chdir(HERE);
  folder[Symbol.dispose]();
  if (isThere) await admin(`DROP DATABASE ${name} WITH (FORCE)`);
});

describe("sql_query over SQLite", () => {
  function made(sql: string): string {
    const file = `${randomUUID()}.db`;
    using database = new DatabaseSync(file);
    database.exec(sql);
    return file;
  }

  test("sends a message per row, with parameters of the message", async () => {
    const file = made(
      "CREATE TABLE t (id INTEGER, name TEXT); INSERT INTO t VALUES (1, 'Ada'), (2, 'Bob''); DROP TABLE t; --')",
    );
    const config = {
      file,
      sql: "SELECT * FROM t WHERE name = ? OR id = ?",
      parameters: ["wanted", "1"],
      keep: ["run"],
    };
    assert.deepEqual(await run(sqlQuery, config, { wanted: "Bob'); DROP TABLE t; --", run: 7 }), [
      { run: 7, id: 1, name: "Ada", row: 1 },
      { run: 7, id: 2, name: "Bob'); DROP TABLE t; --", row: 2 },
    ]);
  });

  test("tells whole numbers of 64 bits, blobs and nulls as JSON can", async () => {
    const file = made("CREATE TABLE t (a, b, c, d); INSERT INTO t VALUES (9223372036854775807, x'6869', NULL, 1.5)");
    assert.deepEqual(await run(sqlQuery, { file, sql: "SELECT * FROM t" }), [
      { a: "9223372036854775807", b: "aGk=", c: null, d: 1.5, row: 1 },
    ]);
  });

  test("reads many rows a few at a time", async () => {
    const file = made(
      "CREATE TABLE t (n); WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 20000) INSERT INTO t SELECT n FROM c",
    );
    let rows = 0;
    for await (const row of stream(sqlQuery, { file, sql: "SELECT n FROM t ORDER BY n" }, {})) {
      rows += 1;
      if (rows === 1200) assert.deepEqual(row, { n: 1200, row: 1200 });
    }
    assert.equal(rows, 20_000);
  });

  test("refuses what does more than read, what cannot run, and other files", async () => {
    const file = made("CREATE TABLE t (a)");
    const code = async (sql: string, more = {}) => (await failure(sqlQuery, { file, sql, ...more })).code;
    for (const sql of [
      "DELETE FROM t",
      "DROP TABLE t",
      "ATTACH 'other.db' AS o",
      "PRAGMA journal_mode = off",
      "INSERT INTO t VALUES (1) RETURNING a",
    ]) {
      assert.equal(await code(sql), "SQL_READ_ONLY", sql);
    }
    assert.equal(await code("SELECT nothing FROM t"), "SQL_INVALID");
    assert.equal(await code("SELECT 1", { file: "/etc/hosts" }), "PATH_OUTSIDE_ROOT");
    assert.equal(await code("SELECT 1", { file: "none.db" }), "DATABASE_NOT_FOUND");
    assert.equal(await code("SELECT 1 AS row"), "COLUMN_TAKEN");
    assert.equal(await code("SELECT 1 AS a UNION SELECT 2", { max_rows: 1 }), "TOO_MANY_ROWS");
  });

  test("gives a query up that takes too long, and others are answered meanwhile", async () => {
    const file = made("CREATE TABLE t (a)");
    const sql =
      "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 30000000) SELECT count(*) FROM c";
    assert.equal((await failure(sqlQuery, { file, sql, query_seconds: 0.2 })).code, "SQL_TIMEOUT, retryable");
  });

  test("a query without end ends when its time is over, or nobody wants it, and takes no more of the machine", async () => {
    const file = made("CREATE TABLE t (a)");
    const endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c";
    assert.equal((await failure(sqlQuery, { file, sql: endless, query_seconds: 0.5 })).code, "SQL_TIMEOUT, retryable");
    const controller = new AbortController();
    const running = run(sqlQuery, { file, sql: endless }, {}, { signal: controller.signal });
    running.catch(() => undefined);
    await eventually(() => assert.equal(children(), 1));
    controller.abort();
    await assert.rejects(running, { name: "AbortError" });
    await eventually(() => assert.equal(children(), 0));
  });

  test("refuses a second statement, which would not run", async () => {
    const file = made("CREATE TABLE t (a)");
    const code = async (sql: string) => (await failure(sqlQuery, { file, sql })).code;
    assert.equal(await code("SELECT 1 AS a; DROP TABLE t"), "SQL_INVALID");
    assert.deepEqual(await run(sqlQuery, { file, sql: "SELECT 1 AS a; -- that is all\n" }), [{ a: 1, row: 1 }]);
  });

  test("takes either a file or a connection", () => {
    assert.deepEqual(problems(sqlQuery, { sql: "SELECT 1" }), [": needs either file or connection"]);
    assert.equal(problems(sqlQuery, { sql: "SELECT 1", file: "a.db", connection: "postgres://a/b" }).length, 1);
    assert.equal(problems(sqlQuery, { sql: "SELECT 1", connection: "http://a/b" }).length, 1);
  });
});

describe("sql_query over PostgreSQL", { skip }, () => {
  test("tells every type without losing a digit", async () => {
    const sql = `SELECT 9223372036854775807::int8 AS large, 7::int8 AS small, 1.10::numeric AS price, '2024-02-29'::date AS day,
      '2024-02-29 12:00:00.123456'::timestamp AS local, '2024-02-29 12:00:00.123456+02'::timestamptz AS at,
      '{"a": [1]}'::jsonb AS doc, true AS yes, 'hi'::bytea AS raw, 'NaN'::float8 AS nan, 0.1::float8 AS tenth,
      ARRAY[1, NULL]::int8[] AS list, ARRAY['a,b', 'c"d'] AS texts, ARRAY[1.10]::numeric[] AS prices, interval '1 day 2 hours' AS span,
      NULL::int AS nothing, '00000000-0000-0000-0000-000000000001'::uuid AS id, '[1,3)'::int4range AS range`;
    assert.deepEqual(await run(sqlQuery, { connection, sql }), [
      {
        large: "9223372036854775807",
        small: 7,
        price: "1.10",
        day: "2024-02-29",
        local: "2024-02-29T12:00:00.123456",
        at: "2024-02-29T10:00:00.123456Z",
        doc: { a: [1] },
        yes: true,
        raw: "aGk=",
        nan: null,
        tenth: 0.1,
        list: [1, null],
        texts: ["a,b", 'c"d'],
        prices: ["1.10"],
        span: "P1DT2H",
        nothing: null,
        id: "00000000-0000-0000-0000-000000000001",
        range: "[1,3)",
        row: 1,
      },
    ]);
  });

  test("takes parameters of the message as values, and rows a few at a time", async () => {
    const config = {
      connection,
      sql: "SELECT n, $2::jsonb->>'a' AS a, $3::bool AS b FROM generate_series(1, $1::int) AS n",
      parameters: ["most", "doc", "yes"],
      fetch_rows: 10,
    };
    const rows = await run(sqlQuery, config, { most: 25, doc: { a: "'; --" }, yes: false });
    assert.equal(rows.length, 25);
    assert.deepEqual(rows[24], { n: 25, a: "'; --", b: false, row: 25 });
  });

  test("does not hold the whole result: a query of a hundred million rows begins at once, and ends when nobody wants more", async () => {
    const sql = "SELECT generate_series(1, 100000000) AS n";
    for await (const row of stream(sqlQuery, { connection, sql }, {})) {
      assert.deepEqual(row, { n: 1, row: 1 });
      break;
    }
  });

  test("refuses to write, to run two statements, and what is not there", async () => {
    await admin("CREATE TABLE IF NOT EXISTS kept (a int)", connection);
    const code = async (sql: string, more = {}) => (await failure(sqlQuery, { connection, sql, ...more })).code;
    assert.equal(await code("INSERT INTO kept VALUES (1)"), "SQL_READ_ONLY");
    assert.equal(await code("SELECT 1; COMMIT; DROP TABLE kept"), "SQL_INVALID");
    assert.equal(await code("SELECT * FROM nowhere"), "TABLE_MISMATCH");
    assert.equal(await code("SELEC 1"), "SQL_READ_ONLY");
    assert.equal(await code("SELECT FROM WHERE"), "SQL_INVALID");
    assert.equal(await code("SELECT 1/0"), "ROW_REJECTED");
    assert.equal(await code("SELECT 1", { connection: SERVER.replace(/\/[^/]*$/, "/none") }), "DATABASE_REFUSED");
    const { rows } = await admin("SELECT count(*)::int AS n FROM kept", connection);
    assert.equal(rows[0].n, 0);
  });

  test("runs nothing but what finds rows: COPY and DO could start programs on the server", async () => {
    const code = async (sql: string) => (await failure(sqlQuery, { connection, sql })).code;
    for (const sql of [
      "COPY (SELECT 1) TO PROGRAM 'true'",
      "/* a /* comment */ SELECT */ COPY (SELECT 1) TO STDOUT",
      "-- SELECT\nDO $$ BEGIN END $$",
      "COMMIT",
      "/* without an end SELECT",
      "SELECT set_config('transaction_read_only', 'off', true)",
    ]) {
      assert.equal(await code(sql), "SQL_READ_ONLY", sql);
    }
    const found = async (sql: string) => (await run(sqlQuery, { connection, sql })).length;
    assert.equal(await found("-- why\n( /* and /* this */ */ VALUES (1), (2))"), 2);
    assert.equal(await found("with a as (select 1) table a"), 1);
    assert.equal(await found("SHOW server_version"), 1);
  });

  test("is not worth another attempt where a function of the database refuses", async () => {
    await admin(
      "CREATE FUNCTION refuse() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not today'; END $$",
      connection,
    );
    assert.equal((await failure(sqlQuery, { connection, sql: "SELECT refuse()" })).code, "SQL_INVALID");
  });

  test("stops a query that takes too long, and on cancel one that runs, on the server as well", async () => {
    const slow = { connection, sql: "SELECT pg_sleep(600) /* slow */" };
    assert.equal((await failure(sqlQuery, { ...slow, query_seconds: 0.1 })).code, "SQL_TIMEOUT, retryable");
    const controller = new AbortController();
    const running = run(sqlQuery, slow, {}, { signal: controller.signal });
    running.catch(() => undefined);
    const active = async () =>
      (
        await admin(
          `SELECT 1 FROM pg_stat_activity WHERE datname = '${name}' AND state = 'active' AND query LIKE '%slow */'`,
        )
      ).rowCount;
    await eventually(async () => assert.equal(await active(), 1));
    controller.abort();
    await assert.rejects(running, { name: "AbortError" });
    await eventually(async () => assert.equal(await active(), 0));
  });

  test("is worth another attempt where nobody answers", async () => {
    const server = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = address !== null && typeof address === "object" ? address.port : 0;
    const { code } = await failure(sqlQuery, { connection: `postgres://a@127.0.0.1:${port}/b`, sql: "SELECT 1" });
    assert.equal(code, "DATABASE_UNAVAILABLE, retryable");
    server.close();
  });
});

describe("sql_upsert into PostgreSQL", { skip }, () => {
  const target = {
    connection,
    table: "people",
    columns: { id: "integer", name: "text", data: "json", ok: "boolean" },
    key: ["id"],
    field: "items",
  };
  const people = async () => (await admin("SELECT * FROM people ORDER BY id", connection)).rows;

  test("adds rows, replaces those whose key is there, and does so again with the same outcome", async () => {
    const items = [
      { id: 1, name: "Ada", data: { a: [1] }, ok: true },
      { id: 2, name: "Bob; DROP TABLE people", ok: false },
      { id: 1, name: 'Ann "{a,b}"', data: null, ok: null },
    ];
    for (const attempt of [1, 2]) {
      const { rows_written: written } = await runOne(
        sqlUpsert,
        { ...target, create_table: true },
        { items },
        { attempt },
      );
      assert.equal(written, 3);
    }
    assert.deepEqual(await people(), [
      { id: "1", name: 'Ann "{a,b}"', data: null, ok: null },
      { id: "2", name: "Bob; DROP TABLE people", data: null, ok: false },
    ]);
  });

  test("fits texts into whatever their columns are, and keeps the newer row", async () => {
    await admin("CREATE TABLE readings (id uuid PRIMARY KEY, at timestamptz, price numeric(10, 2))", connection);
    const config = {
      connection,
      table: "readings",
      columns: { id: "text", at: "text", price: "text" },
      key: ["id"],
      newest_by: "at",
    };
    const id = randomUUID();
    await runOne(sqlUpsert, config, { id, at: "2024-02-01T00:00:00Z", price: "1.10" });
    await runOne(sqlUpsert, config, { id, at: "2024-01-01T00:00:00Z", price: "9.99" });
    const { rows } = await admin("SELECT price FROM readings", connection);
    assert.deepEqual(rows, [{ price: "1.10" }]);
  });

  test("reads and writes nothing of a database of Millrace itself, in which its keys are", async () => {
    const own = `${name}_own`;
    const url = SERVER.replace(/\/[^/]*$/, `/${own}`);
    await admin(`CREATE DATABASE ${own}`);
    try {
      for (const table of ["journal", "executions", "config_versions", "api_keys"])
        await admin(`CREATE TABLE ${table} (id text PRIMARY KEY)`, url);
      const config = { connection: url, table: "api_keys", columns: { id: "text" }, key: ["id"] };
      for (const done of [
        await failure(sqlUpsert, config, { id: "mine" }),
        await failure(sqlQuery, { connection: url, sql: "SELECT id FROM api_keys" }),
      ]) {
        assert.deepEqual([done.code, /of Millrace itself/.test(done.message)], ["DATABASE_REFUSED", true]);
      }
      assert.equal((await admin("SELECT 1 FROM api_keys", url)).rowCount, 0);
    } finally {
      await admin(`DROP DATABASE ${own} WITH (FORCE)`);
    }
  });

  test("writes nothing of a message of which a row is refused", async () => {
    await admin("CREATE TABLE few (id int PRIMARY KEY CHECK (id < 10))", connection);
    const config = { connection, table: "few", columns: { id: "integer" }, key: ["id"], field: "items" };
    assert.equal((await failure(sqlUpsert, config, { items: [{ id: 1 }, { id: 11 }] })).code, "ROW_REJECTED");
    assert.equal((await admin("SELECT 1 FROM few", connection)).rowCount, 0);
    assert.equal((await failure(sqlUpsert, { ...config, table: "nowhere" }, { items: [] })).code, "TABLE_MISMATCH");
    assert.equal(
      (await failure(sqlUpsert, { ...config, columns: { id: "integer", x: "text" } }, { items: [] })).code,
      "TABLE_MISMATCH",
    );
  });

  test("waits for another that holds a row no longer than it may", async () => {
    await runOne(sqlUpsert, { ...target, create_table: true }, { items: [{ id: 5 }] });
    const other = new pg.Client({ connectionString: connection });
    await other.connect();
    await other.query("BEGIN; UPDATE people SET name = 'held' WHERE id = 5");
    const { code } = await failure(sqlUpsert, { ...target, wait_seconds: 0.05 }, { items: [{ id: 5, name: "x" }] });
    assert.equal(code, "DATABASE_BUSY, retryable");
    await other.query("ROLLBACK");
    await other.end();
  });
});
