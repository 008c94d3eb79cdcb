import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { newEvent, start } from "../conformance/store-under-test.ts";
import { openNode } from "../postgres/temporary-store.ts";
import { overPostgres, temporaryDatabase } from "../support/postgres.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { makeOwnFolder, removeOwnFolder } from "./own-folder.ts";
import { ThreadLineage } from "./thread-lineage.ts";

test("the folder of a process that is gone is removed by the next, and that of one that is there is not", () => {
  using parent = temporaryFolder();
  const gone = spawnSync(process.execPath, ["-e", ""]).pid;
  mkdirSync(join(parent.path, `millrace-lineage-${hostname()}-${gone}-abcdef`, "deep"), { recursive: true });
  mkdirSync(join(parent.path, "millrace-lineage-another_host-1-abcdef"));
  mkdirSync(join(parent.path, "millrace-lineage"));
  const first = makeOwnFolder(parent.path);
  const second = makeOwnFolder(parent.path);
  assert.equal(readdirSync(parent.path).length, 4, "both of its own, another machine's, and one that is none");
  removeOwnFolder(first);
  removeOwnFolder(second);
  assert.equal(readdirSync(parent.path).length, 2);
});

await overPostgres(() => {
  test("the lineage of a service of many nodes is read beside it, and leaves nothing on the node that was asked", async (t) => {
    using temporary = temporaryFolder();
    const before = process.env.TMPDIR;
    process.env.TMPDIR = temporary.path;
    t.after(() => {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
    });
    await using database = await temporaryDatabase();
    const writer = await openNode(database.url);
    const lineage = new ThreadLineage({ journal: { kind: "postgres", url: database.url }, folder: null });
    try {
      const id = await start(writer, { rootCorrelationId: "root" });
      await writer.journal.append({ executionId: id, events: [newEvent(id, "root")] });
      assert.deepEqual(readdirSync(temporary.path), [], "nobody has asked yet");
      assert.equal((await lineage.story("root", { project: null, executionId: id }))?.status, "completed");
      const child = newEvent(id, "child", { parent_message_id: "root" });
      await writer.journal.append({ executionId: id, events: [child] });
      assert.equal(
        (await lineage.story("root", { project: null, executionId: id }))?.children,
        1,
        "what came since is known as well",
      );
      assert.equal(readdirSync(temporary.path).length, 1);
      await writer.records.deleteExecution(id);
      assert.equal(await lineage.story("root", { project: null, executionId: id }), null);
      await assert.rejects(lineage.stats({ project: null, executionId: id }), { code: "EXECUTION_NOT_FOUND" });
      lineage.close();
      assert.deepEqual(readdirSync(temporary.path), []);
      await assert.rejects(lineage.story("root", { project: null, executionId: id }), { code: "SERVICE_UNAVAILABLE" });
    } finally {
      lineage.close();
      await writer.close();
    }
  });

  test("a lineage whose database cannot be reached says so", async () => {
    const lineage = new ThreadLineage({
      journal: { kind: "postgres", url: "postgres://postgres@127.0.0.1:1/nowhere" },
      folder: null,
    });
    await assert.rejects(lineage.story("m", { project: null, executionId: "e" }), {
      code: "SERVICE_UNAVAILABLE",
      message: /ECONNREFUSED/,
    });
    lineage.close();
  });
});
