import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, describe, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { JsonObject, JsonValue } from "@millrace/protocol";
import { openSqliteStore } from "@millrace/stores";
import { sqlUpsert } from "./sql-upsert.ts";
import { failure, problems, run, runOne } from "./testing/run-adapter.ts";
import { TempFolder } from "./testing/temp-folder.ts";

const HERE = process.cwd();
/** What the service was started in. */
const folder = new TempFolder();
process.chdir(folder.path);
after(() => {
  process.chdir(HERE);
  folder[Symbol.dispose]();
});

const PEOPLE = { table: "people", columns: { id: "integer", name: "text" }, key: ["id"], field: "items" };
let files = 0;

/** A config with a file of its own that is made when it is needed. */
function people(more: JsonObject = {}): { file: string; [field: string]: JsonValue } {
  files += 1;
  return { ...PEOPLE, create_table: true, ...more, file: `${files}.db` };
}

/** What a query finds. */
function query(file: string, sql = "SELECT * FROM people ORDER BY id"): JsonObject[] {
  using database = new DatabaseSync(file);
  return database
    .prepare(sql)
    .all()
    .map((row) => JSON.parse(JSON.stringify(row)));
}

/** Makes a database by SQL, and a config for it that makes nothing. */
function made(sql: string, more: JsonObject = {}) {
  const config = { ...people(more), create_table: false };
  using database = new DatabaseSync(config.file);
  database.exec(sql);
  return config;
}

describe("what sql_upsert writes", () => {
  test("new rows are added, those whose key is there are replaced, and it says how many there were", async () => {
    const config = people();
    await runOne(sqlUpsert, config, {
      items: [
        { id: 1, name: "Ada" },
        { id: 2, name: "Bob" },
      ],
    });
    const next = await runOne(sqlUpsert, config, { items: [{ id: 2, name: "Ben", x: 1 }, { id: 3 }] });
    assert.equal(next.rows_written, 2);
    assert.deepEqual(query(config.file), [
      { id: 1, name: "Ada" },
      { id: 2, name: "Ben" },
      { id: 3, name: null },
    ]);
  });

  test("the payload is a row where no field with rows is named", async () => {
    const { field: _, ...config } = people();
    await runOne(sqlUpsert, config, { id: 1, name: "Ada" });
    assert.deepEqual(query(config.file), [{ id: 1, name: "Ada" }]);
  });

  test("the same message, taken again, leaves each row there once", async () => {
    const config = people();
    const items = [
      { id: 1, name: "Ada" },
      { id: 1, name: "Ann" },
    ];
    for (const attempt of [1, 2]) await runOne(sqlUpsert, config, { items }, { attempt });
    assert.deepEqual(query(config.file), [{ id: 1, name: "Ann" }]);
  });

  test("an older row does not replace a newer one with newest_by, and one of the same age does", async () => {
    const columns = { id: "integer", name: "text", version: "integer" };
    const config = people({ columns, newest_by: "version" });
    const put = (version: number | null, name: string) =>
      runOne(sqlUpsert, config, { items: [{ id: 1, name, version }] });
    await put(null, "first");
    await put(2, "second");
    await put(1, "old");
    assert.deepEqual(query(config.file), [{ id: 1, name: "second", version: 2 }]);
    await put(2, "again");
    assert.deepEqual(query(config.file), [{ id: 1, name: "again", version: 2 }]);
  });

  test("a key of several columns, and a table of nothing but its key", async () => {
    const config = people({ columns: { a: "text", b: "boolean" }, key: ["a", "b"] });
    for (const b of [true, false, true]) await runOne(sqlUpsert, config, { items: [{ a: "x", b }] });
    assert.deepEqual(query(config.file, "SELECT * FROM people ORDER BY b"), [
      { a: "x", b: 0 },
      { a: "x", b: 1 },
    ]);
  });

  test("each type takes what is such a value, also as a text, and SQL in a value is a text", async () => {
    const columns = { id: "integer", t: "text", r: "real", b: "boolean", j: "json" };
    const config = people({ columns });
    const items = [
      { id: "-7", t: "'); DROP TABLE people; --", r: "1.5e3", b: "true", j: { a: ["é"] } },
      { id: 8, t: 1.5, r: -2, b: 0, j: "x" },
    ];
    await runOne(sqlUpsert, config, { items });
    assert.deepEqual(query(config.file), [
      { id: -7, t: "'); DROP TABLE people; --", r: 1500, b: 1, j: '{"a":["é"]}' },
      { id: 8, t: "1.5", r: -2, b: 0, j: '"x"' },
    ]);
    const big = "9223372036854775807";
    await runOne(sqlUpsert, config, { items: [{ id: big }] });
    assert.deepEqual(query(config.file, `SELECT CAST(id AS TEXT) AS id FROM people WHERE id = ${big}`), [{ id: big }]);
  });

  test("into a table that is there, by a unique index; its other columns stay as they are", async () => {
    const config = made(`CREATE TABLE people (id INTEGER UNIQUE, name TEXT, note TEXT DEFAULT 'none');
      INSERT INTO people VALUES (1, 'Ada', 'kept')`);
    await runOne(sqlUpsert, config, {
      items: [
        { id: 1, name: "Ann" },
        { id: 2, name: "Bob" },
      ],
    });
    assert.deepEqual(query(config.file), [
      { id: 1, name: "Ann", note: "kept" },
      { id: 2, name: "Bob", note: "none" },
    ]);
  });
});

describe("what sql_upsert refuses, with nothing of the message written", () => {
  const refused = async (config: { file: string; [field: string]: JsonValue }, ...items: JsonValue[]) => {
    const { code, message } = await failure(sqlUpsert, config, { items });
    return `${code}: ${message}`;
  };

  test("values that the column does not take", async () => {
    const columns = { id: "integer", t: "text", r: "real", b: "boolean" };
    const config = people({ columns });
    await runOne(sqlUpsert, config, { items: [] });
    const bad = [{ id: 1.5 }, { id: "1.0" }, { id: 2 ** 53 }, { id: "9223372036854775808" }, { id: true }, { t: {} }];
    for (const row of [...bad, { r: "" }, { r: "1e999" }, { r: "0x10" }, { b: 2 }, { b: "yes" }]) {
      const told = await refused(config, { id: 1 }, { id: 2, ...row });
      assert.match(told, /^VALUE_INVALID: Row 2: the column "[a-z]+" takes [a-z]+, and .* is none\.$/);
    }
    assert.deepEqual(query(config.file), []);
  });

  test("rows without a key, and rows that are none", async () => {
    const config = people();
    assert.match(await refused(config, { id: 1 }, { name: "x" }), /^KEY_MISSING: Row 2 has no "id"/);
    assert.match(await refused(config, { id: 1 }, [1]), /^ROW_INVALID: Row 2/);
    assert.match(await refused(config, { id: 1 }, { id: null }), /^KEY_MISSING/);
    assert.equal(existsSync(config.file) && query(config.file, "SELECT name FROM sqlite_schema").length, 0);
  });

  test("rows that break a constraint of the table", async () => {
    const config = made("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL)");
    assert.match(await refused(config, { id: 1, name: "a" }, { id: 2 }), /^ROW_REJECTED: .*NOT NULL.*people\.name/);
    assert.deepEqual(query(config.file), []);
  });

  test("a table, a column or an index that is not there", async () => {
    assert.match(await refused(made("CREATE TABLE other (id)"), { id: 1 }), /^TABLE_MISMATCH: .*no such table: people/);
    assert.match(
      await refused(made("CREATE TABLE people (id INTEGER PRIMARY KEY)"), { id: 1 }),
      /^TABLE_MISMATCH: .*name/,
    );
    assert.match(await refused(made("CREATE TABLE people (id INTEGER, name)"), { id: 1 }), /^TABLE_MISMATCH: .*UNIQUE/);
  });

  test("a file that is not there is made only where create_table says so", async () => {
    const config = people({ create_table: false });
    assert.match(await refused(config, { id: 1 }), /^DATABASE_NOT_FOUND: .*create_table: true/);
    assert.equal(existsSync(config.file), false);
    assert.match(await refused({ ...people(), file: "none/x.db" }, { id: 1 }), /^DATABASE_NOT_FOUND: .*create it/);
  });

  test("a file outside of the folder that the service was started in, whatever leads there", async () => {
    using outside = new TempFolder();
    symlinkSync(outside.path, "out");
    symlinkSync(join(outside.path, "target.db"), "link.db");
    writeFileSync(join(outside.path, "target.db"), "");
    for (const file of ["../x.db", join(outside.path, "x.db"), "out/x.db", "link.db"])
      assert.match(await refused({ ...people(), file }, { id: 1 }), /^PATH_OUTSIDE_ROOT/, file);
    assert.equal(existsSync(join(outside.path, "x.db")), false);
  });

  test("what is no database, and Millrace's own", async () => {
    writeFileSync("text.db", "This is no database at all. ".repeat(100));
    assert.match(await refused({ ...people(), file: "text.db" }, { id: 1 }), /^DATABASE_INVALID/);
    mkdirSync("folder.db");
    assert.match(await refused({ ...people(), file: "folder.db" }, { id: 1 }), /^DATABASE_INVALID: .*no file/);
    openSqliteStore(join(folder.path, "own"), { durability: "normal" }).close();
    assert.match(await refused({ ...people(), file: "own/millrace.db" }, { id: 1 }), /^DATABASE_INVALID: .*Millrace/);
    assert.deepEqual(query("own/millrace.db", "SELECT name FROM sqlite_schema WHERE name = 'people'"), []);
  });

  test("a config that cannot work is found with the pipeline", () => {
    const base = { ...PEOPLE, file: "x.db" };
    assert.deepEqual(problems(sqlUpsert, base), []);
    assert.match(problems(sqlUpsert, { ...base, key: ["no"] }).join(), /^key\.0: "no" is none of the columns/);
    for (const more of [
      { key: [] },
      { key: ["id", "id"] },
      { columns: { id: "json" } },
      { columns: { id: "integer", ID: "text" } },
      { columns: { id: "integer", 'a"b': "text" } },
      { columns: { id: "varchar" } },
      { newest_by: "no" },
      { table: "a b" },
      { table: "sqlite_x" },
      { file: "" },
      { other: 1 },
    ])
      assert.equal(problems(sqlUpsert, { ...base, ...more }).length, 1, JSON.stringify(more));
  });
});

describe("sql_upsert beside others", () => {
  const many = (count: number) => Array.from({ length: count }, (_, id) => ({ id, name: `n${id}` }));

  test("waits for another process that writes, and says so when that takes too long", async () => {
    const config = made("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT)");
    const other = new DatabaseSync(config.file);
    other.exec("BEGIN IMMEDIATE");
    const busy = await failure(sqlUpsert, { ...config, wait_seconds: 0 }, { items: many(1) });
    assert.equal(busy.code, "DATABASE_BUSY, retryable");
    const waiting = runOne(sqlUpsert, config, { items: many(1) });
    await nextTurn();
    other.exec("COMMIT");
    await waiting;
    other.close();
    assert.equal(query(config.file).length, 1);
  });

  test("cancel ends the wait for another process at once, and nothing is written", { timeout: 60_000 }, async () => {
    const config = made("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT)");
    const other = new DatabaseSync(config.file);
    other.exec("BEGIN IMMEDIATE");
    const control = new AbortController();
    const waiting = run(sqlUpsert, { ...config, wait_seconds: 3600 }, { items: many(1) }, { signal: control.signal });
    const outcome = assert.rejects(waiting, { name: "AbortError" });
    await nextTurn();
    control.abort();
    await outcome;
    other.close();
    assert.deepEqual(query(config.file), []);
  });

  test("cancel in the middle of many rows rolls them back", async () => {
    const config = people();
    await runOne(sqlUpsert, config, { items: [] });
    const control = new AbortController();
    const items = many(50_000);
    Object.defineProperty(items[100], "name", {
      get() {
        control.abort();
        return "n";
      },
    });
    await assert.rejects(run(sqlUpsert, config, { items }, { signal: control.signal }), { name: "AbortError" });
    assert.deepEqual(query(config.file), []);
  });

  test("other work has its turn while many rows are written, and messages at once are all written", async () => {
    const config = people();
    let turns = 0;
    let isOver = false;
    const others = (async () => {
      for (; !isOver; turns += 1) await nextTurn();
    })();
    const all = [0, 1, 2].map((part) =>
      runOne(sqlUpsert, config, { items: many(60_000).filter(({ id }) => id % 3 === part) }),
    );
    await Promise.all(all);
    isOver = true;
    await others;
    assert.equal(query(config.file, "SELECT count(*) AS n FROM people")[0]?.n, 60_000);
    assert.ok(turns > 10, `${turns} turns`);
  });

  test("a process that is killed in the middle leaves none of the message's rows, and once it is redone, all", async () => {
    const config = people();
    const count = 20_000;
    await runOne(sqlUpsert, config, { items: [] });
    const script = `
      const { sqlUpsert } = await import(${JSON.stringify(join(import.meta.dirname, "sql-upsert.ts"))});
      const { run } = await import(${JSON.stringify(join(import.meta.dirname, "testing", "run-adapter.ts"))});
      const items = Array.from({ length: ${count} }, (_, id) => ({ id, name: "n" + id }));
      Object.defineProperty(items[${count / 2}], "name", { get: () => process.kill(process.pid, "SIGKILL") });
      await run(sqlUpsert, ${JSON.stringify(config)}, { items }, {});`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "inherit" });
    const [, signal] = await once(child, "close");
    assert.equal(signal, "SIGKILL");
    assert.ok(existsSync(`${config.file}-journal`), "it died in the middle of its transaction");
    assert.equal(query(config.file, "SELECT count(*) AS n FROM people")[0]?.n, 0);
    await runOne(sqlUpsert, config, { items: many(count) });
    assert.equal(query(config.file, "SELECT count(*) AS n FROM people")[0]?.n, count);
  });
});
