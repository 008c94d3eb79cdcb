import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { type Diagnosis, diagnosisSchema } from "@millrace/server";
import { fillDisk, smallDisk } from "../../packages/stores/src/support/small-disk.ts";
import { MILLRACE } from "../support/millrace-process.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { notOfNodes } from "../support/shared-stack.ts";
import { examine, found, privateFolder, sound } from "./diagnosis.ts";

const skip = notOfNodes("a data directory is one process's");
const asRoot = process.getuid?.() === 0 ? false : "only root becomes somebody else";

test("a data directory that is not there is made by the first start, for its user alone; where it cannot be made is a problem", async () => {
  using folder = privateFolder();
  const dataDir = join(folder.path, "new", "data");
  found(await examine({ flags: { data_dir: dataDir } }), "data directory", "ok", /the first start makes it/);
  assert.ok(!existsSync(join(folder.path, "new")), "looking makes nothing");
  const { openSqliteStore } = await import("@millrace/stores");
  openSqliteStore(dataDir, { durability: "normal" }).close();
  assert.equal(statSync(dataDir).mode & 0o777, 0o700);
  const blocked = join(folder.path, "file");
  writeFileSync(blocked, "");
  found(await examine({ flags: { data_dir: blocked } }), "data directory", "problem", /is a file, not a folder/);
});

test("a data directory that others may read is a warning, one that they may write to a problem", async () => {
  using folder = privateFolder();
  sound(await examine({ flags: { data_dir: folder.path } }), "data directory");
  chmodSync(folder.path, 0o755);
  const readable = await examine({ flags: { data_dir: folder.path } });
  found(readable, "data directory", "warning", /All users of this machine may read .*755.*chmod 700/);
  chmodSync(folder.path, 0o777);
  const writable = await examine({ flags: { data_dir: folder.path } });
  found(writable, "data directory", "problem", /may write to .*chmod 700/);
});

test("run as a user who may not write to the data directory, or not enter it, the command says so, and what to do", {
  skip: asRoot,
}, async () => {
  using folder = privateFolder();
  const dataDir = join(folder.path, "data");
  const { openSqliteStore } = await import("@millrace/stores");
  openSqliteStore(dataDir, { durability: "normal" }).close();
  const nobody = 65534;
  const asNobody = (): Diagnosis => {
    const run = spawnSync(process.execPath, [MILLRACE, "doctor", "--json", "--port", "0", "--data-dir", dataDir], {
      uid: nobody,
      gid: nobody,
      env: { PATH: process.env.PATH, NODE_DISABLE_COMPILE_CACHE: "1" },
      cwd: "/",
    });
    assert.equal(run.status, 1, `${run.stdout}${run.stderr}`);
    return diagnosisSchema.parse(JSON.parse(String(run.stdout)));
  };
  chmodSync(folder.path, 0o755);
  for (const mode of [0o755, 0o700]) {
    chmodSync(dataDir, mode);
    const diagnosis = asNobody();
    found(diagnosis, "data directory", "problem", /cannot be written: EACCES.*change its permissions/);
    found(diagnosis, "data directory", "warning", /belongs to user 0, and this is user 65534/);
  }
  for (const closed of [dataDir, folder.path]) {
    chmodSync(closed, 0o700);
    const diagnosis = asNobody();
    found(diagnosis, "database", "skipped", /cannot be told: this user may not look into/);
    found(diagnosis, "access", "skipped", /Whether there are API keys cannot be told/);
    assert.doesNotMatch(JSON.stringify(diagnosis), /the first start makes it|there is no API key/);
  }
  found(asNobody(), "data directory", "problem", /cannot be reached.*Run this as the user that the service runs as/);
});

test("a full disk is a problem, and the probe leaves nothing behind", async (t) => {
  using disk = smallDisk(t, "64m");
  if (disk === null) return;
  chmodSync(disk.path, 0o700);
  const free = fillDisk(disk.path);
  const full = await examine({ flags: { data_dir: disk.path } });
  found(full, "disk", "problem", /as good as full.*retain_days/);
  found(full, "data directory", "problem", /cannot be written: ENOSPC.*Make room/);
  free();
  found(
    await examine({ flags: { data_dir: disk.path } }),
    "disk",
    "warning",
    /tmpfs: it is in memory.*Put data_dir on a disk/,
  );
  assert.deepEqual(readdirSync(disk.path), []);
});

test("a disk without inodes is a problem, though it has room", async (t) => {
  const { mount, unmount } = await import("../../packages/stores/src/support/small-disk.ts");
  using folder = privateFolder();
  if (!mount(t, ["-t", "tmpfs", "-o", "size=64m,nr_inodes=16,mode=700", "tmpfs", folder.path])) return;
  try {
    for (let file = 0; file < 20; file += 1) {
      try {
        writeFileSync(join(folder.path, String(file)), "");
      } catch {
        break;
      }
    }
    found(await examine({ flags: { data_dir: folder.path } }), "disk", "problem", /0 of 16 inodes are free/);
  } finally {
    unmount(folder.path);
  }
});

test("a network under SQLite is a warning, under the cache of a node it is none", async () => {
  const { checkFileSystem } = await import("../../packages/server/src/doctor/disk-check.ts");
  const nfs = { type: 0x6969, free: 2 ** 40, total: 2 ** 41, freeInodes: 1_000, totalInodes: 2_000 };
  const of = (isStore: boolean) => checkFileSystem(nfs, "/data", isStore).map(({ status }) => status);
  assert.deepEqual(of(true), ["ok", "warning"]);
  assert.deepEqual(of(false), ["ok"]);
  const bounded = checkFileSystem({ ...nfs, type: 0xef53 }, "/data", true, 2 ** 50);
  assert.match(JSON.stringify(bounded), /warning.*retain_bytes is 1024 TiB/);
});

test("while a service runs, the process that works on the data directory is named, and its database is looked through", {
  skip,
}, async () => {
  await using service = await ServiceProcess.start();
  await service.run('version: "1.0"\nroutes: { main: { adapters: [{ type: log }] } }\ninit_message: { route: main }\n');
  const { port } = new URL(service.url);
  const running = await examine({ flags: { data_dir: service.dataDir, port } });
  found(running, "data directory", "ok", new RegExp(`Process ${service.pid} works on it`));
  found(running, "database", "ok", /millrace\.db .* is sound/);
  found(running, "port", "ok", /A Millrace listens/);
  found(running, "service", "ok", /is ready \(0\.1\.0\)/);
  sound(running, "clock");
  const elsewhere = await examine({ flags: { data_dir: service.dataDir } });
  found(elsewhere, "data directory", "warning", /works on it, and no service answers.*--url/);
  using other = privateFolder();
  const strange = await examine({ flags: { data_dir: other.path, port } });
  found(strange, "port", "problem", /A Millrace listens on .* that does not work on /);
  await service.end();
  const ended = await examine({ flags: { data_dir: service.dataDir, port } });
  found(ended, "data directory", "ok", /No process works on it/);
  found(ended, "port", "ok", /is free/);
  sound(ended, "database");
});

test("a damaged database, one of a newer version, and one that is not Millrace's are problems; an older one is no problem", async () => {
  using folder = privateFolder();
  const { openSqliteStore } = await import("@millrace/stores");
  openSqliteStore(folder.path, { durability: "normal" }).close();
  const file = join(folder.path, "millrace.db");
  const ask = () => examine({ flags: { data_dir: folder.path } });
  found(await ask(), "database", "ok", /which is the newest/);
  const change = (sql: string) => {
    const database = new DatabaseSync(file);
    database.exec(sql);
    database.close();
  };
  change("PRAGMA user_version = 1");
  found(await ask(), "database", "ok", /schema 1; the next start brings it to \d+.*backup/);
  change("PRAGMA user_version = 900");
  found(await ask(), "database", "problem", /newer Millrace \(schema 900, .*Update Millrace/);
  const bytes = readFileSync(file);
  writeFileSync(file, Buffer.concat([bytes.subarray(0, bytes.length - 16_384), Buffer.alloc(16_384, "x")]));
  found(await ask(), "database", "problem", /millrace\.db is damaged.*millrace restore/);
  writeFileSync(file, "x".repeat(16_384));
  found(await ask(), "database", "problem", /damaged: file is not a database/);
});

test("a clock that is behind what was written last is a problem", async () => {
  using folder = privateFolder();
  const { openSqliteStore } = await import("@millrace/stores");
  openSqliteStore(folder.path, { durability: "normal" }).close();
  const later = Date.now() / 1000 + 3 * 3600;
  utimesSync(join(folder.path, "millrace.db"), later, later);
  found(await examine({ flags: { data_dir: folder.path } }), "clock", "problem", /3 h behind .* last written.*cron/);
});
