import assert from "node:assert/strict";
import { closeSync, fstatSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { MillraceError } from "@millrace/protocol";
import { newEvent, newExecution } from "../conformance/store-under-test.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { openSqliteStore, type SqliteStore } from "./store.ts";

const PAGE_BYTES = 4096;

test("SQLite: events on a damaged part of the disk are said to be unreadable, and never read as something else", async () => {
  using folder = temporaryFolder();
  const first = openSqliteStore(folder.path, { durability: "normal" });
  const { id } = (await first.records.createExecution(newExecution(), null)).record;
  for (let step = 0; step < 2_000; step += 1) {
    const appended = first.journal.append({ executionId: id, events: [newEvent(id)] });
    if (step % 10 === 0) await appended;
    await new Promise(setImmediate);
  }
  first.close();
  const file = openSync(join(folder.path, "millrace.db"), "r+");
  const pages = fstatSync(file).size / PAGE_BYTES;
  // Behind the schema, of which each table and index has a page.
  for (let page = Math.floor(pages / 2); page < (pages * 3) / 4; page += 1) {
    writeSync(file, Buffer.alloc(PAGE_BYTES, 0xff), 0, PAGE_BYTES, page * PAGE_BYTES);
  }
  closeSync(file);
  const store = openSqliteStore(folder.path, { durability: "normal" });
  try {
    await assert.rejects(store.journal.read([id], 0, Number.POSITIVE_INFINITY), {
      name: "MillraceError",
      code: "STORE_DAMAGED",
      message: /millrace\.db is damaged \(.*malformed.*\).*millrace restore/,
    });
    assert.equal((await store.records.getExecution(id))?.id, id, "what is not damaged is there");
    for (const write of [store.records.createExecution(newExecution(), null), store.records.deleteConfig("c")]) {
      await assert.rejects(write, { code: "STORE_DAMAGED" }, "nothing more is written to it");
    }
  } finally {
    store.close();
  }
});

test("SQLite: wherever a sector of an execution's events is not what was written, they are said to be unreadable", async () => {
  using folder = temporaryFolder();
  const first = openSqliteStore(folder.path, { durability: "normal" });
  const { id } = (await first.records.createExecution(newExecution(), null)).record;
  const events = Array.from({ length: 600 }, () => newEvent(id));
  await first.journal.append({ executionId: id, events });
  const whole = await first.journal.read([id], 0, Number.POSITIVE_INFINITY);
  first.close();
  const path = join(folder.path, "millrace.db");
  const sound = readFileSync(path);
  let damages = 0;
  for (let at = sound.indexOf("event: "); at < sound.length; at += 512 * 7) {
    const torn = Buffer.from(sound);
    torn.fill(0, at, at + 512);
    writeFileSync(path, torn);
    const store = openOrNull(folder.path);
    if (store === null) continue;
    const read = await store.journal.read([id], 0, Number.POSITIVE_INFINITY).catch((error) => error);
    if (read instanceof Error) {
      damages += 1;
      assert.ok("code" in read && read.code === "STORE_DAMAGED", `${at}: ${read}`);
    } else assert.deepEqual(read, whole, `${at}`);
    store.close();
  }
  assert.ok(damages > 10, `${damages} damages were found`);
});

test("SQLite: whoever meets damage first, of whatever they read, nothing more is written", async () => {
  using folder = temporaryFolder();
  const first = openSqliteStore(folder.path, { durability: "normal" });
  const { id } = (await first.records.createExecution(newExecution({ tag: "t" }), null)).record;
  const resumed = { kind: "resumed", at: "2026-03-01T12:00:00.000Z", redone: 1 } as const;
  await first.journal.append({ executionId: id, events: [newEvent(id)], lifecycle: resumed });
  first.close();
  const database = new DatabaseSync(join(folder.path, "millrace.db"));
  // Another count, and another text: nothing that JSON, or SQLite, would notice in the journal.
  database.exec("UPDATE journal SET lifecycle = replace(lifecycle, '\"redone\":1', '\"redone\":7')");
  database.exec("UPDATE journal SET frames = zeroblob(octet_length(frames)) WHERE frames IS NOT NULL");
  database.exec("UPDATE executions SET config_snapshot = '{'");
  database.close();
  const asked: ((store: SqliteStore) => Promise<unknown>)[] = [
    ({ journal }) => journal.read([id], 0, 1_000),
    ({ journal }) => journal.lastLifecycle(id),
    ({ journal }) => journal.recoveries(id, 10),
    ({ storedObjects }) => storedObjects.log.read([id], 0, 1_000),
    ({ lineage }) =>
      lineage.entries(
        { project: null, executionId: id },
        { sortBy: "started_at", sortOrder: "asc", limit: 1, offset: 0 },
      ),
    ({ records }) => records.getExecution("t"),
    ({ records }) => records.unfinishedExecutions(),
  ];
  for (const ask of asked) {
    const store = openSqliteStore(folder.path, { durability: "normal" });
    try {
      await assert.rejects(ask(store), { code: "STORE_DAMAGED" }, ask.toString());
      const write = store.records.createExecution(newExecution(), null);
      await assert.rejects(write, { code: "STORE_DAMAGED" }, ask.toString());
    } finally {
      store.close();
    }
  }
});

test("SQLite: whoever asks a store that is closed is told so, whatever they ask", async () => {
  using folder = temporaryFolder();
  const store = openSqliteStore(folder.path, { durability: "normal" });
  const { id } = (await store.records.createExecution(newExecution(), null)).record;
  store.close();
  for (const ask of everything(id)) {
    await assert.rejects(ask(store), { code: "SERVICE_UNAVAILABLE", message: /closed/ }, ask.toString());
  }
});

/** Null where the damage is found already when it is opened. */
function openOrNull(folder: string): SqliteStore | null {
  try {
    return openSqliteStore(folder, { durability: "normal" });
  } catch (error) {
    assert.ok(error instanceof MillraceError && error.code === "DATA_DIR_UNUSABLE", String(error));
    assert.match(error.message, /damaged/);
    return null;
  }
}

function everything(id: string): ((store: SqliteStore) => Promise<unknown>)[] {
  const page = { limit: 1, offset: 0 };
  return [
    ({ journal }) => journal.read([id], 0, 1),
    ({ journal }) => journal.bounds(id),
    ({ journal }) => journal.contains(id, 1),
    ({ journal }) => journal.append({ executionId: id, events: [newEvent(id)] }),
    ({ journal }) => journal.trim(id),
    ({ work }) => work.take(id, "work", 0, 1, 1),
    ({ work }) => work.get(id, 1),
    ({ work }) => work.delayed(id),
    ({ work }) => work.depths(id),
    ({ work }) => work.countInterruption(id, []),
    ({ records }) => records.createExecution(newExecution(), null),
    ({ records }) => records.getExecution(id),
    ({ records }) => records.getExecutionByIdempotencyKey("default", "key"),
    ({ records }) => records.listExecutions({ sortOrder: "asc", ...page }),
    ({ records }) => records.unfinishedExecutions(),
    ({ records }) => records.deleteExecution(id),
    ({ records }) => records.executionsToTrim("2026-01-01T00:00:00.000Z", 1),
    ({ records }) => records.getConfig(id),
    ({ records }) => records.getConfigBySourcePath("default", "a"),
    ({ records }) => records.listConfigs(page),
    ({ records }) => records.listConfigVersions(id, page),
    ({ records }) => records.deleteConfig(id),
  ];
}
