import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { MillraceError } from "@millrace/protocol";
import { newExecution } from "../conformance/store-under-test.ts";
import { fillDisk, smallDisk } from "../support/small-disk.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { openSqliteStore } from "./store.ts";

const open = (folder: string) => openSqliteStore(folder, { durability: "normal" });

test("SQLite: a data directory that another process works on is refused, and free when that process is killed", async () => {
  using folder = temporaryFolder();
  const program = join(import.meta.dirname, "append-until-killed.ts");
  const other = spawn(process.execPath, [program, folder.path, "x"], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    await once(other.stdout, "data");
    refuses(folder.path, "DATA_DIR_IN_USE", new RegExp(`Another Millrace works on .*${folder.path}.*Stop it`));
  } finally {
    other.kill("SIGKILL");
  }
  await once(other, "close");
  open(folder.path).close();
});

test("SQLite: a data directory is opened once in a process as well, and can be closed twice", () => {
  using folder = temporaryFolder();
  const store = open(folder.path);
  refuses(folder.path, "DATA_DIR_IN_USE", /Another Millrace/);
  store.close();
  store.close();
  open(folder.path).close();
});

test("SQLite: a database of a newer Millrace is refused, with both versions, and left as it is", () => {
  using folder = temporaryFolder();
  open(folder.path).close();
  change(folder.path, "PRAGMA user_version = 1000");
  const before = readFileSync(join(folder.path, "millrace.db"));
  refusesForGood(folder.path, /newer Millrace \(schema 1000, this one knows \d+\).*Update/);
  assert.ok(before.equals(readFileSync(join(folder.path, "millrace.db"))));
});

test("SQLite: a file that is no database is refused, and left as it is", () => {
  for (const name of ["millrace.db", "lock.db"]) {
    using folder = temporaryFolder();
    const text = "This is a letter to a friend. ".repeat(1_000);
    writeFileSync(join(folder.path, name), text);
    refusesForGood(folder.path, /not a database.*not written by Millrace.*choose another/);
    assert.equal(readFileSync(join(folder.path, name), "utf8"), text);
  }
});

test("SQLite: a database that was cut off, overwritten or is someone else's is refused with its reason", async () => {
  const damages: ((file: string, folder: string) => void)[] = [
    (file) => truncateSync(file, 4096),
    (file) => {
      const bytes = readFileSync(file);
      writeFileSync(file, bytes.fill(0xff, 4096));
    },
    (_, folder) => change(folder, "DROP TABLE journal"),
    (_, folder) => change(folder, "ALTER TABLE messages DROP COLUMN hops"),
  ];
  for (const [index, damage] of damages.entries()) {
    using folder = temporaryFolder();
    const store = open(folder.path);
    await store.records.createExecution(newExecution(), null);
    store.close();
    damage(join(folder.path, "millrace.db"), folder.path);
    refusesForGood(folder.path, /damaged, or was not written by Millrace/, `damage ${index}`);
  }
});

test("SQLite: a data directory that is a file, or cannot be written, is refused with its reason", (t) => {
  using folder = temporaryFolder();
  const file = join(folder.path, "file");
  writeFileSync(file, "");
  refuses(file, "DATA_DIR_UNUSABLE", /is a file, not a folder/);
  refuses(join(file, "below"), "DATA_DIR_UNUSABLE", /not a directory/);
  // Where no folder can be made, and the system says that there is none.
  if (existsSync("/proc")) refuses("/proc/millrace/data", "DATA_DIR_UNUSABLE", /no such file or directory/);
  for (const isNew of [true, false]) {
    using disk = readOnlyFolder(t, (path) => {
      if (!isNew) open(path).close();
    });
    if (disk === null) return;
    refuses(disk.path, "DATA_DIR_UNUSABLE", /cannot be used: .*directory that this user may write to/);
    assert.equal(readdirSync(disk.path).length === 0, isNew);
  }
});

test("SQLite: on a full disk opening is refused with its reason, and works when there is room", (t) => {
  using disk = smallDisk(t, "4m");
  if (disk === null) return;
  // Each amount of room lets another step of the opening be the one that fails.
  for (let left = 0; left < 2_400_000; left += 16_384) {
    const free = fillDisk(disk.path, left);
    try {
      open(join(disk.path, "data")).close();
      assert.ok(left > 20_000);
      return;
    } catch (error) {
      assert.ok(error instanceof MillraceError, `${left} bytes left: ${error}`);
      assert.equal(error.code, "DATA_DIR_UNUSABLE");
      assert.match(error.message, /[Mm]ake room/, `${left} bytes left`);
    } finally {
      free();
    }
    open(join(disk.path, "data")).close();
    spawnSync("rm", ["-r", join(disk.path, "data")]);
  }
  assert.fail("it never had room enough");
});

/** That it is not opened, and why. */
function refuses(folder: string, code: string, message: RegExp, what = folder): void {
  assert.throws(
    () => open(folder).close(),
    (error) => {
      assert.ok(error instanceof MillraceError, `${what}: ${error}`);
      assert.equal(error.code, code, what);
      assert.match(error.message, message, what);
      return true;
    },
  );
}

/** That it is not opened, however often, and nothing of it is kept open: then the log would still be there. */
function refusesForGood(folder: string, message: RegExp, what = folder): void {
  refuses(folder, "DATA_DIR_UNUSABLE", message, what);
  refuses(folder, "DATA_DIR_UNUSABLE", message, what);
  assert.equal(existsSync(join(folder, "millrace.db-wal")), false, what);
}

function change(folder: string, sql: string): void {
  const database = new DatabaseSync(join(folder, "millrace.db"));
  database.exec(sql);
  database.close();
}

/** A folder that this user cannot write to; for root, who may write to any, on a disk that cannot be written. */
function readOnlyFolder(test: TestContext, prepare: (path: string) => void) {
  if (process.getuid?.() !== 0) {
    const folder = temporaryFolder();
    prepare(folder.path);
    chmodSync(folder.path, 0o555);
    return folder;
  }
  const disk = smallDisk(test, "4m");
  if (disk === null) return null;
  prepare(disk.path);
  spawnSync("mount", ["-o", "remount,ro", disk.path]);
  return disk;
}
