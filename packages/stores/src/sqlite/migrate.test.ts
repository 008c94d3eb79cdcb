import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { migrate, newestSchema, schemaOf } from "./migrate.ts";

const FIRST = "CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT); INSERT INTO t VALUES (1, 'one');";

test("migrations: each runs once, in the order of the names, however often a database is opened", () => {
  using folder = temporaryFolder();
  const database = new DatabaseSync(join(folder.path, "x.db"));
  migrate(database, folderOf(folder.path, { "0002-b.sql": "INSERT INTO t VALUES (2, 'two');", "0001-a.sql": FIRST }));
  migrate(database, folderOf(folder.path, {}));
  migrate(database, folderOf(folder.path, { "0003-c.sql": "ALTER TABLE t ADD COLUMN more TEXT;" }));
  assert.equal(schemaOf(database), 3);
  assert.deepEqual(
    database
      .prepare("SELECT n, text, more FROM t")
      .all()
      .map((row) => ({ ...row })),
    [
      { n: 1, text: "one", more: null },
      { n: 2, text: "two", more: null },
    ],
  );
  database.close();
});

test("migrations: one that fails leaves the database as it was, and the next start tries it again", () => {
  using folder = temporaryFolder();
  const database = new DatabaseSync(join(folder.path, "x.db"));
  migrate(database, folderOf(folder.path, { "0001-a.sql": FIRST }));
  const bad = "ALTER TABLE t ADD COLUMN more TEXT; UPDATE t SET text = 'gone'; INSERT INTO t VALUES (1, 'double', '');";
  for (let start = 0; start < 2; start += 1) {
    assert.throws(() => migrate(database, folderOf(folder.path, { "0002-b.sql": bad })), /UNIQUE/);
    assert.equal(database.isTransaction, false);
    assert.equal(schemaOf(database), 1);
    assert.deepEqual({ ...database.prepare("SELECT * FROM t").get() }, { n: 1, text: "one" });
  }
  migrate(database, folderOf(folder.path, { "0002-b.sql": bad.replace("(1, ", "(2, ") }));
  assert.equal(schemaOf(database), 2);
  database.close();
});

test("migrations: a database of a newer program is refused, and one of this program's is not", () => {
  const database = new DatabaseSync(":memory:");
  migrate(database);
  migrate(database);
  assert.equal(schemaOf(database), newestSchema());
  database.exec(`PRAGMA user_version = ${newestSchema() + 1}`);
  assert.throws(() => migrate(database), { code: "DATA_DIR_UNUSABLE", message: /newer Millrace.*Update Millrace/ });
  database.close();
});

test("migrations: a process that is killed in the middle of one leaves the database as it was, and the next goes through", async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, "x.db");
  const database = new DatabaseSync(file);
  database.exec("PRAGMA journal_mode = WAL");
  migrate(database, folderOf(folder.path, { "0001-a.sql": FIRST }));
  database.close();
  const slow = `ALTER TABLE t ADD COLUMN more TEXT;
    WITH RECURSIVE c (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM c WHERE n < 300000)
    INSERT INTO t SELECT n, printf('%0100d', n), '' FROM c;
    CREATE INDEX by_text ON t (text);`;
  const migrations = folderOf(folder.path, { "0002-slow.sql": slow });
  let cutOff = 0;
  for (let kill = 0; kill < 8; kill += 1) {
    const child = spawn(process.execPath, [join(import.meta.dirname, "migrate-until-killed.ts"), file, migrations], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    child.stdout.on("data", (chunk) => {
      said += chunk;
    });
    await once(child.stdout, "data");
    await wait(10 + kill * 15);
    child.kill("SIGKILL");
    await once(child, "close");
    const left = new DatabaseSync(file);
    const columns = left.prepare("SELECT count(*) AS count FROM pragma_table_info('t')").get()?.count;
    const rows = left.prepare("SELECT count(*) AS count FROM t").get()?.count;
    const schema = schemaOf(left);
    assert.equal(left.prepare("PRAGMA integrity_check").get()?.integrity_check, "ok");
    left.close();
    assert.deepEqual([schema, columns, rows], schema === 1 ? [1, 2, 1] : [2, 3, 300_000], said);
    if (schema === 2) break;
    cutOff += 1;
  }
  assert.ok(cutOff > 0, "it was killed in the middle");
  const last = new DatabaseSync(file);
  migrate(last, migrations);
  assert.equal(schemaOf(last), 2);
  last.close();
});

/** A folder of migrations beside the database, with these added to those that are in it. */
function folderOf(path: string, files: Record<string, string>): string {
  const folder = join(path, "migrations");
  mkdirSync(folder, { recursive: true });
  for (const [name, sql] of Object.entries(files)) writeFileSync(join(folder, name), sql);
  return folder;
}
