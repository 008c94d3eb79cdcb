import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { MIGRATIONS, migrate } from "./migrate.ts";

const OWN = "projects.sql";

test("SQLite: what was there before there were projects is of the default one, and no key is given out again", () => {
  using folder = temporaryFolder();
  const before = join(folder.path, "before");
  mkdirSync(before);
  const earlier = readdirSync(MIGRATIONS)
    .sort()
    .filter((name, _, all) => name < (all.find((each) => each.endsWith(OWN)) ?? ""));
  for (const name of earlier) cpSync(join(MIGRATIONS, name), join(before, name));
  const database = new DatabaseSync(join(folder.path, "x.db"));
  migrate(database, before);
  const insert = database.prepare(
    "INSERT INTO executions (id, config_name, status, started_at, tag, config_snapshot, root_correlation_id, metadata, idempotency_key, start_position, bytes) VALUES (?, 'c', 'completed', 't', ?, '{}', 'r', '{}', ?, 7, 99)",
  );
  for (const id of ["a", "b", "gone"]) insert.run(id, `tag of ${id}`, `key of ${id}`);
  database.exec("DELETE FROM executions WHERE id = 'gone'");
  database.exec("INSERT INTO webhooks (id, enabled, data) VALUES ('w', 1, '{}')");
  migrate(database);
  const rows = database
    .prepare("SELECT key, id, project, tag, idempotency_key, bytes, has_events FROM executions")
    .all();
  assert.deepEqual(
    rows.map((row) => ({ ...row })),
    ["a", "b"].map((id, index) => ({
      key: index + 1,
      id,
      project: "default",
      tag: `tag of ${id}`,
      idempotency_key: `key of ${id}`,
      bytes: 99,
      has_events: 1,
    })),
  );
  assert.equal(database.prepare("SELECT project FROM webhooks").get()?.project, "default");
  assert.throws(() => insert.run("c", "tag of a", "other"), /UNIQUE/);
  assert.throws(() => insert.run("c", "other", "key of b"), /UNIQUE/);
  assert.equal(Number(insert.run("c", null, null).lastInsertRowid), 4, "3 was another's");
  assert.equal(Number(insert.run("d", null, null).lastInsertRowid), 5, "without a tag there is nothing to be unique");
  // A search by words, and a list of one project, read no rows but those that they show.
  const plan = (sql: string) =>
    database
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all()
      .map(({ detail }) => String(detail))
      .join("\n");
  assert.match(
    plan("SELECT key FROM executions INDEXED BY executions_listed WHERE project = 'a' AND tag LIKE '%x%'"),
    /COVERING INDEX executions_listed/,
  );
  assert.match(
    plan("SELECT key FROM executions WHERE project = 'a' ORDER BY started_at DESC, key DESC LIMIT 10"),
    /COVERING INDEX executions_by_project/,
  );
  assert.match(
    plan("SELECT id FROM executions WHERE tag = 'x' AND project = ifnull(NULL, project) LIMIT 2"),
    /INDEX executions_by_tag/,
  );
  database.close();
});
