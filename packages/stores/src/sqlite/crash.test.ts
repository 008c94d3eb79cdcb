import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { framesOf } from "../conformance/store-under-test.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { openSqliteStore, type SqliteStore } from "./store.ts";

const WRITER = join(import.meta.dirname, "append-until-killed.ts");

test("SQLite: a process that is killed amid its commits loses nothing that it was told is kept, and does nothing by halves", async () => {
  using folder = temporaryFolder();
  let highest = 0;
  for (let kill = 0; kill < 6; kill += 1) {
    const acknowledged = await killWriter(folder.path, `${kill}`, Math.random() * 150);
    const store = openSqliteStore(folder.path, { durability: "normal" });
    try {
      const unfinished = (await store.records.unfinishedExecutions()).map(({ id }) => id);
      for (const [id, step] of acknowledged) {
        assert.ok(unfinished.includes(id), `${id} is there`);
        const first = await checkSteps(store, id, step);
        assert.ok(first > highest, "positions go on after those from before the kill");
      }
      for (const id of unfinished) highest = Math.max(highest, (await store.journal.bounds(id))?.lastEvent ?? 0);
    } finally {
      store.close();
    }
    const database = new DatabaseSync(join(folder.path, "millrace.db"), { readOnly: true });
    assert.equal(database.prepare("PRAGMA integrity_check").get()?.integrity_check, "ok");
    database.close();
  }
});

/** Runs the writer for some time after its first acknowledgement; returns the last acknowledged step per execution. */
async function killWriter(folder: string, prefix: string, ms: number): Promise<Map<string, number>> {
  const writer = spawn(process.execPath, [WRITER, folder, prefix], { stdio: ["ignore", "pipe", "inherit"] });
  let printed = "";
  writer.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  await once(writer.stdout, "data");
  await wait(ms);
  writer.kill("SIGKILL");
  await once(writer, "close");
  const acknowledged = new Map<string, number>();
  for (const [, id = "", step] of printed.matchAll(/^(\S+) (\d+)\n/gm)) acknowledged.set(id, Number(step));
  assert.ok(acknowledged.size > 0);
  return acknowledged;
}

/** That an execution has whole steps only, all up to `acknowledged`, once and in order. Returns its first position. */
async function checkSteps(store: SqliteStore, id: string, acknowledged: number): Promise<number> {
  const frames = (await store.journal.read([id], 0, Number.POSITIVE_INFINITY)).flatMap(framesOf);
  const steps = frames.length / 3;
  assert.ok(Number.isInteger(steps) && steps > acknowledged, `${id}: ${steps} steps, ${acknowledged} acknowledged`);
  assert.deepEqual(
    frames.map(({ event }) => event.message_id),
    Array.from({ length: steps }, (_, step) => [`${step}x`, `${step}y`, `${step}z`]).flat(),
  );
  const queued = (await store.work.take(id, "work", 0, 1_000_000, Number.POSITIVE_INFINITY)).map(({ id }) => id);
  // Every third step's message is settled by the step that comes after it.
  const expected = Array.from({ length: steps }, (_, step) => step).filter(
    (step) => step % 3 !== 2 || step === steps - 1,
  );
  assert.deepEqual(queued, expected.map(String));
  return frames[0]?.position ?? 0;
}
