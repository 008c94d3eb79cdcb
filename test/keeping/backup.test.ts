import assert from "node:assert/strict";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { millPipeline } from "../search/search-pipelines.ts";
import { checkJournal } from "../support/check-journal.ts";
import { Folder, millrace, RunningCommand } from "../support/command.ts";
import { eventually } from "../support/eventually.ts";
import { HeldAdapter } from "../support/held-adapter.ts";
import { readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";

const COUNT = 600;

const STORING = `
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: ${COUNT} } }], outbound: [keep] }
  keep:
    inbound: { concurrency: 4 }
    adapters: [{ type: delay, config: { seconds: 0.01 } }, { type: store_write }]
init_message: { route: make }
`;

test("a backup under load restores to runs that go on to their ends, with every object that the journal says was written", async () => {
  using held = new HeldAdapter();
  await using service = await ServiceProcess.start(held.flags);
  using folder = new Folder();
  const yaml = STORING.replace("{ type: delay, config: { seconds: 0.01 } }", "{ type: held }");
  const ids = [await service.run(yaml, {}, "?tag=first"), await service.run(yaml)];
  const files: string[] = [];
  let through = 0;
  // All the time while backups are taken, and not to the end before the last.
  const load = setInterval(() => {
    through = Math.min(through + 1, COUNT - 1);
    held.letThrough(through);
  }, 4);
  for (let taken = 0; taken < 3; taken += 1) {
    await wait(100 + Math.random() * 300);
    const file = folder.at(`${taken}.tar`);
    const ended = await millrace(["backup", file, "--data-dir", service.dataDir]);
    assert.equal(ended.code, 0, ended.stderr);
    assert.match(ended.stdout, /^backed up: 2 executions, \d+ objects, \d+ bytes\.$/m);
    files.push(file);
  }
  clearInterval(load);
  held.letThrough(COUNT);
  for (const file of files) {
    await using restored = new ServiceProcess(held.flags);
    const ended = await millrace(["restore", file, "--data-dir", restored.dataDir]);
    assert.equal(ended.code, 0, ended.stderr);
    const written = writtenObjects(restored.dataDir);
    assert.ok(written.length < 2 * COUNT, "it was taken while they ran");
    for (const path of written) assert.ok(existsSync(path), `the journal says that it was written: ${path}`);
    await restored.start();
    for (const id of ids) {
      assert.equal((await restored.client.executions.wait(id, 60)).status, "completed");
      checkJournal((await readStream(`${restored.url}/api/v1/executions/${id}/events`)).frames);
      const names = readdirSync(join(restored.dataDir, "objects", "executions", id, "keep", "keep"));
      assert.equal(names.length, COUNT);
    }
    assert.equal((await restored.client.executions.get("first")).id, ids[0]);
    const body = { replay_source: "lineage", from_stage: "keep", to_route: "keep" } as const;
    const again = await restored.client.executions.replay("first", body);
    assert.equal((await restored.client.executions.wait(again.id, 60)).stats.completed_messages, COUNT);
  }
});

test("what is deleted while a backup is written is not in it, and what is in it has all of its objects", async () => {
  await using service = await ServiceProcess.start();
  using folder = new Folder();
  const quick = STORING.replace("seconds: 0.01", "seconds: 0").replace("concurrency: 4", "concurrency: 30");
  const ids: string[] = [];
  for (let run = 0; run < 8; run += 1) ids.push(await service.run(quick));
  for (const id of ids) await service.client.executions.wait(id, 60);
  const file = folder.at("b.tar");
  await using backup = new RunningCommand(["backup", file, "--data-dir", service.dataDir, "--json"]);
  // As soon as the copy of the database is there, the executions in it begin to go.
  while (!readdirSync(folder.path).some((name) => name.endsWith(".part"))) await wait(1);
  for (const id of ids.slice(0, 6)) await service.client.executions.delete(id);
  const ended = await backup.ended;
  assert.equal(ended.code, 0, ended.stderr);
  await using restored = new ServiceProcess();
  assert.equal((await millrace(["restore", file, "--data-dir", restored.dataDir])).code, 0);
  await restored.start();
  const { executions } = await restored.client.executions.list();
  assert.equal(executions.length, JSON.parse(ended.stdout).executions);
  assert.ok(executions.length >= 2);
  const folders = join(restored.dataDir, "objects", "executions");
  for (const { id } of executions) assert.equal(readdirSync(join(folders, id, "keep", "keep")).length, COUNT);
  const kept = executions.map(({ id }) => id).sort();
  await eventually(() => assert.deepEqual(readdirSync(folders).sort(), kept, "no objects of others"));
});

test("a backup that is interrupted, and one that is killed, leave no file of its name, and the service goes on", async () => {
  await using service = await ServiceProcess.start();
  using folder = new Folder();
  const id = await service.run(STORING);
  for (const signal of ["SIGINT", "SIGKILL"] as const) {
    const file = folder.at(`${signal}.tar`);
    await using backup = new RunningCommand(["backup", file, "--data-dir", service.dataDir]);
    while (!readdirSync(folder.path).some((name) => name.includes(".part"))) {
      if (backup.child.exitCode !== null) break;
      await wait(1);
    }
    backup.child.kill(signal);
    const { code } = await backup.ended;
    if (signal === "SIGINT" && code === 130) assert.deepEqual(readdirSync(folder.path), []);
    assert.ok(code === 0 || !existsSync(file));
  }
  assert.equal((await service.client.executions.wait(id, 60)).status, "completed");
});

test("restore says what is wrong, with its own exit codes, and never touches a directory that is in use", async () => {
  await using service = await ServiceProcess.start();
  using folder = new Folder();
  const file = folder.at("b.tar");
  assert.equal((await millrace(["backup", file, "--data-dir", service.dataDir])).code, 0);
  const inUse = await millrace(["restore", file, "--data-dir", service.dataDir]);
  assert.equal(inUse.code, 5);
  assert.match(inUse.stderr, /^millrace: .* is not empty .*--data-dir\.$/m);
  const again = await millrace(["backup", file, "--data-dir", service.dataDir]);
  assert.equal(again.code, 5);
  const none = await millrace(["restore", folder.write("x.tar", "x"), "--data-dir", folder.at("new")]);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /^millrace: .*x\.tar cannot be restored: it is no tar archive/m);
  assert.equal(existsSync(folder.at("new")), false);
  const nowhere = await millrace(["backup", folder.at("y.tar"), "--data-dir", folder.at("nothing")]);
  assert.equal(nowhere.code, 6);
  rmSync(file);
});

/** Paths of the objects that the journal of a data directory says were written: they are named by their messages. */
function writtenObjects(dataDir: string): string[] {
  const database = new DatabaseSync(join(dataDir, "millrace.db"), { readOnly: true });
  const rows = database
    .prepare("SELECT e.id, j.frames FROM journal j JOIN executions e ON e.key = j.execution_key WHERE j.count > 0")
    .all();
  database.close();
  return rows.flatMap(({ id, frames }) => {
    const text = frames instanceof Uint8Array ? Buffer.from(frames).toString() : "";
    return [...text.matchAll(/^data: (.*)$/gm)]
      .map(([, data]) => JSON.parse(data ?? ""))
      .filter((event) => event.route === "keep" && event.type === "completed")
      .map((event) => join(dataDir, "objects", "executions", String(id), "keep", "keep", event.message_id));
  });
}

test("collections are in a backup, taken while documents are put into them, and answer as before after a restore", async () => {
  using held = new HeldAdapter();
  await using service = await ServiceProcess.start(held.flags);
  using folder = new Folder();
  const mill = await service.run(millPipeline(null));
  await service.client.executions.wait(mill);
  const more = await service.run(`version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 40, payload: { text: "A notch of the wheel." } } }], outbound: [keep] }
  keep: { adapters: [{ type: held }, { type: index, config: { collection: notches, id: "notch-\${index}" } }] }
init_message: { route: make }
`);
  held.letThrough(20);
  await eventually(async () => {
    const { collections } = await service.client.search.collections();
    assert.ok(collections.some(({ name, documents }) => name === "notches" && documents > 0));
  });
  const file = folder.at("b.tar");
  const ended = await millrace(["backup", file, "--data-dir", service.dataDir]);
  assert.equal(ended.code, 0, ended.stderr);
  assert.deepEqual(readdirSync(folder.path), ["b.tar"]);
  held.letThrough(40);

  await using restored = new ServiceProcess(held.flags);
  const back = await millrace(["restore", file, "--data-dir", restored.dataDir]);
  assert.equal(back.code, 0, back.stderr);
  await restored.start();
  const query = { collection: "mill", q: "turning stones" };
  const { took_ms: _, ...found } = await restored.client.search.find(query);
  const { took_ms: __, ...before } = await service.client.search.find(query);
  assert.equal(found.total, 1);
  assert.deepEqual(found, before);
  assert.equal((await restored.client.executions.wait(more, 60)).status, "completed");
  const { documents } = await restored.client.search.collection("notches");
  assert.equal(documents, 40, "what was not in the backup is put there as the run goes on, and nothing twice");
});
