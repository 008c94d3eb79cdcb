import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const ROOT = join(import.meta.dirname, "..", "..");
const PAGE = readFileSync(join(ROOT, "SECURITY.md"), "utf8");

/** Rows that name a kind of threat, cell by cell. */
const ROWS = [...PAGE.matchAll(/^\| ([STRIDE](?:, [STRIDE])*) \| (.+) \|$/gm)].map(([, kind = "", rest = ""]) => [
  kind,
  ...rest.split(" | "),
]);

test("every threat in the model has what stands against it, where, and a test that shows it", () => {
  assert.ok(ROWS.length > 30);
  for (const row of ROWS) {
    assert.equal(row.length, 5, row.join(" | "));
    const [, threat = "", defence = "", places = "", tests = ""] = row;
    for (const cell of [threat, defence]) assert.notEqual(cell.trim(), "", threat);
    const named = [...places.matchAll(/`([^`]+)`/g)].map(([, path = ""]) => path);
    assert.notEqual(named.length, 0, threat);
    for (const path of named) assert.ok(existsSync(join(ROOT, path)), `${threat}: ${path} is there`);
    const shown = [...tests.matchAll(/\[([^\]]+)\]\(([^)]+)\)/g)];
    assert.notEqual(shown.length, 0, threat);
    for (const [, title = "", path = ""] of shown) {
      assert.match(path, /\.test\.ts$/);
      assert.ok(readFileSync(join(ROOT, path), "utf8").includes(`${title}`), `${path} has a test "${title}"`);
    }
  }
});

test("the model has every kind of boundary that it draws, and says what is not defended and how to report", () => {
  for (const number of [1, 2, 3, 4, 5]) assert.match(PAGE, new RegExp(`^### ${number}\\. `, "m"));
  for (const title of ["Report a vulnerability", "What is not defended", "Check what is released"]) {
    assert.match(PAGE, new RegExp(`^## ${title}$`, "m"));
  }
});
