import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { packTar } from "modern-tar";
import { ending, newEvent, newMessage, start } from "../conformance/store-under-test.ts";
import { FileObjectStore } from "../files/file-object-store.ts";
import { openSqliteStore } from "../sqlite/store.ts";
import { fillDisk, smallDisk } from "../support/small-disk.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { restoreBackup } from "./restore-backup.ts";
import { writeBackup } from "./write-backup.ts";

const METADATA = { contentType: "text/plain", createdAt: "2026-03-01T12:00:00.000Z", messageId: "m" };
const KEYS = [
  "a",
  `a.d/${"n".repeat(200)}`,
  "ü🏭/e\u0301",
  `${"long".repeat(40)}/${"d/".repeat(200)}end`,
  " spaces ",
  "-rf",
  "*?:\"<>|'$`#&;",
  "%2e%2e/%2F",
];

test("backup: objects of any name and size come back with their metadata, and the database with its rows", async () => {
  using folder = temporaryFolder();
  const { data, id } = await fill(folder.path);
  const objects = new FileObjectStore(data);
  const keys = KEYS.map((key) => `executions/${id}/${key}`);
  for (const key of [...keys, "elsewhere/x"]) await objects.put(key, Buffer.from(key), METADATA);
  const large = Buffer.alloc(5_000_001, "0123456789");
  await objects.put(`executions/${id}/large`, large, METADATA);
  await objects.put(`executions/${id}/empty`, Buffer.alloc(0), METADATA);
  const file = join(folder.path, "backup.tar");
  const written = await writeBackup(data, file, { version: "1.2.3" });
  assert.deepEqual([written.executions, written.objects], [2, keys.length + 3]);
  const target = join(folder.path, "restored");
  const restored = await restoreBackup(file, target);
  assert.deepEqual(restored, written);
  const again = new FileObjectStore(target);
  assert.deepEqual(await Array.fromAsync(again.list("")), await Array.fromAsync(objects.list("")));
  for (const key of keys) assert.deepEqual(await again.get(key), { body: Buffer.from(key), metadata: METADATA });
  assert.ok((await again.get(`executions/${id}/large`))?.body.equals(large));
  assert.equal((await again.get(`executions/${id}/empty`))?.body.length, 0);
  const store = openSqliteStore(target, { durability: "normal" });
  assert.equal((await store.records.getExecution(id))?.status, "completed");
  assert.equal((await store.records.unfinishedExecutions()).length, 1);
  store.close();
  assert.deepEqual(readdirSync(folder.path).sort(), ["backup.tar", "data", "restored"]);
  assert.deepEqual(readdirSync(target).sort(), ["lock.db", "metadata", "millrace.db", "objects"]);
});

test("backup: what is there is never overwritten, and what cannot be written to is said", async () => {
  using folder = temporaryFolder();
  const { data } = await fill(folder.path);
  const file = join(folder.path, "backup.tar");
  writeFileSync(file, "mine");
  await assert.rejects(writeBackup(data, file, { version: "1" }), { code: "TARGET_EXISTS", message: /exists already/ });
  assert.equal(readFileSync(file, "utf8"), "mine");
  await assert.rejects(writeBackup(data, join(folder.path, "no", "b.tar"), { version: "1" }), {
    code: "BACKUP_FAILED",
    message: /no folder .*no to write/,
  });
  await assert.rejects(writeBackup(folder.path, `${file}2`, { version: "1" }), {
    code: "DATA_DIR_UNUSABLE",
    message: /no millrace.db/,
  });
  const good = join(folder.path, "good.tar");
  await writeBackup(data, good, { version: "1" });
  for (const target of [data, file]) {
    await assert.rejects(restoreBackup(good, target), { code: "TARGET_EXISTS", message: /not empty/ });
  }
});

test("backup: a file that is no backup, or not a whole one, is refused with its reason, and nothing is left", async () => {
  using folder = temporaryFolder();
  const { data, id } = await fill(folder.path);
  await new FileObjectStore(data).put(`executions/${id}/x`, Buffer.alloc(100_000, "x"), METADATA);
  const good = join(folder.path, "good.tar");
  await writeBackup(data, good, { version: "1" });
  const bytes = readFileSync(good);
  const flipped = Buffer.from(bytes);
  const at = flipped.indexOf("xxxxxxxx");
  flipped[at] = 0;
  const head = (more: object) =>
    JSON.stringify({
      format: "millrace-backup",
      format_version: 1,
      version: "9.9.9",
      schema: 1,
      created_at: "",
      ...more,
    });
  const tar = (...entries: [name: string, body: string][]) =>
    packTar(entries.map(([name, body]) => ({ header: { name, size: Buffer.byteLength(body) }, body })));
  const cases: [bytes: Uint8Array, message: RegExp][] = [
    [Buffer.alloc(0), /it is empty|no tar archive/],
    [Buffer.from("This is a letter to a friend. ".repeat(100)), /no tar archive/],
    [await tar(["x", "y"]), /not written by millrace backup/],
    [await tar(["backup.json", "[]"]), /not written by millrace backup/],
    [await tar(["backup.json", "{"]), /no tar archive|damaged/],
    [await tar(["backup.json", head({ schema: 1_000 })]), /Millrace 9.9.9, which is newer.*schema 1000.*Update/],
    [await tar(["backup.json", head({ format_version: 2 })]), /newer/],
    [await tar(["backup.json", head({})]), /cut off/],
    [await tar(["backup.json", head({})], ["objects/../../evil", "x"]), /does not belong/],
    [await tar(["backup.json", head({})], ["/etc/passwd", "x"]), /does not belong/],
    [await tar(["backup.json", head({})], ["lock.db", "x"]), /does not belong/],
    [await tar(["backup.json", head({})], ["cache.db", "x"]), /does not belong/],
    [await tar(["backup.json", head({})], ["search.db/x", "x"]), /does not belong/],
    [flipped, /damaged/],
    ...[0.1, 0.5, 0.9, 0.99].map((part): [Uint8Array, RegExp] => [
      bytes.subarray(0, Math.floor(bytes.length * part)),
      /damaged|cut off/,
    ]),
  ];
  const file = join(folder.path, "bad.tar");
  const target = join(folder.path, "restored");
  for (const [index, [content, message]] of cases.entries()) {
    writeFileSync(file, content);
    await assert.rejects(restoreBackup(file, target), { code: "BACKUP_INVALID", message }, `case ${index}`);
    assert.equal(existsSync(target), false, `case ${index}`);
    mkdirSync(target);
    await assert.rejects(restoreBackup(file, target), { code: "BACKUP_INVALID" });
    assert.deepEqual(readdirSync(target), [], `case ${index}`);
    rmSync(target, { recursive: true });
  }
  await assert.rejects(restoreBackup(join(folder.path, "none"), target), {
    code: "BACKUP_INVALID",
    message: /no file/,
  });
  assert.equal(existsSync(join(folder.path, "evil")), false);
});

test("backup: on a full disk neither a backup nor a restore leaves anything behind, and both succeed when there is room", async (t) => {
  using disk = smallDisk(t, "12m");
  if (disk === null) return;
  using folder = temporaryFolder();
  const { data, id } = await fill(folder.path);
  await new FileObjectStore(data).put(`executions/${id}/x`, Buffer.alloc(3_000_000, "x"), METADATA);
  const file = join(disk.path, "backup.tar");
  for (const left of [0, 20_000, 1_000_000, 3_000_000]) {
    const free = fillDisk(disk.path, left);
    const before: string[] = readdirSync(disk.path);
    const refused = { code: "BACKUP_FAILED", message: /Make room/ };
    await assert.rejects(writeBackup(data, file, { version: "1" }), refused, `${left}`);
    assert.deepEqual(readdirSync(disk.path), before, `${left}`);
    free();
  }
  await writeBackup(data, file, { version: "1" });
  for (const left of [0, 20_000, 1_000_000, 3_000_000]) {
    const free = fillDisk(disk.path, left);
    const before: string[] = readdirSync(disk.path);
    await assert.rejects(restoreBackup(file, join(disk.path, "restored")), (error) => {
      assert.ok(error instanceof Error && /[Mm]ake room/.test(error.message), `${left}: ${error}`);
      return true;
    });
    assert.deepEqual(readdirSync(disk.path), before, `${left}`);
    free();
  }
  await restoreBackup(file, join(disk.path, "restored"));
});

test("backup: one that is interrupted leaves nothing, and a directory where a restore was killed counts as empty", async () => {
  using folder = temporaryFolder();
  const { data } = await fill(folder.path);
  const file = join(folder.path, "backup.tar");
  const signal = AbortSignal.abort();
  await assert.rejects(writeBackup(data, file, { version: "1", signal }));
  assert.deepEqual(readdirSync(folder.path), ["data"]);
  await writeBackup(data, file, { version: "1" });
  const target = join(folder.path, "restored");
  await assert.rejects(restoreBackup(file, target, { signal }));
  assert.deepEqual(readdirSync(folder.path), ["backup.tar", "data"]);
  mkdirSync(join(target, "restoring", "objects"), { recursive: true });
  writeFileSync(join(target, "lock.db"), "");
  await restoreBackup(file, target);
  assert.deepEqual(readdirSync(target).sort(), ["lock.db", "millrace.db"]);
});

test("backup: a database of another schema than this program's is refused", async () => {
  using folder = temporaryFolder();
  const { data } = await fill(folder.path);
  const database = new DatabaseSync(join(data, "millrace.db"));
  database.exec("PRAGMA user_version = 1");
  database.close();
  await assert.rejects(writeBackup(data, join(folder.path, "b.tar"), { version: "1" }), {
    code: "DATA_DIR_UNUSABLE",
    message: /schema 1, and this Millrace backs up schema \d+/,
  });
  truncateSync(join(data, "millrace.db"), 5000);
  await assert.rejects(writeBackup(data, join(folder.path, "b.tar"), { version: "1" }), { code: "BACKUP_FAILED" });
  assert.deepEqual(readdirSync(folder.path), ["data"]);
});

/** A data directory with an execution that is over, and one that runs. */
async function fill(folder: string): Promise<{ data: string; id: string }> {
  const data = join(folder, "data");
  const store = openSqliteStore(data, { durability: "normal" });
  const id = await start(store);
  await store.journal.append(ending(id, METADATA.createdAt, [newEvent(id)]));
  const running = await start(store);
  await store.journal.append({ executionId: running, events: [newEvent(running)], enqueue: [newMessage()] });
  store.close();
  return { data, id };
}
