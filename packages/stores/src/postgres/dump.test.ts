import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { ending, messagesOf, newEvent, newMessage, readAll, start, waiting } from "../conformance/store-under-test.ts";
import { emptyDatabase, onDatabase, overPostgres, temporaryDatabase } from "../support/postgres.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { Session } from "./connection.ts";
import { PostgresObjectStore } from "./objects/object-store.ts";
import { openNode } from "./temporary-store.ts";

const TOOLS = ["pg_dump", "pg_restore"].every((tool) => spawnSync(tool, ["--version"]).status === 0);
const SESSION = { setup: "SET statement_timeout = '30s'", timeoutMs: 40_000 };
const METADATA = { contentType: "text/plain", createdAt: "2026-03-01T12:00:00.000Z" };

await overPostgres(() => {
  test("what pg_dump writes while the service runs is a service that goes on where it was, with its objects", {
    skip: TOOLS ? false : "pg_dump and pg_restore are not on the path",
  }, async () => {
    using folder = temporaryFolder();
    await using database = await temporaryDatabase();
    await using other = await emptyDatabase();
    const dump = `${folder.path}/nightly.dump`;
    const node = await openNode(database.url);
    const [running, over] = [await start(node, { id: "running" }), await start(node, { id: "over", tag: "t" })];
    await node.journal.append({
      executionId: running,
      events: [newEvent(running, "a")],
      enqueue: [newMessage({ id: "next" })],
    });
    await node.journal.append(ending(over, undefined, [newEvent(over, "b")]));
    const objects = new PostgresObjectStore(node.database, new Session({ url: database.url, name: "test" }, SESSION));
    const body = Buffer.alloc(600_000, "x");
    await objects.put("executions/over/r/s/a", body, METADATA);
    run("pg_dump", ["--format=custom", `--file=${dump}`, database.url]);
    await node.journal.append({ executionId: running, events: [newEvent(running, "later")] });
    await objects.close();
    await node.close();

    run("pg_restore", ["--no-owner", `--dbname=${other.url}`, dump]);
    // Its lease runs out by itself: here it is not waited for.
    await onDatabase(other.url, "UPDATE nodes SET left_at = now(), lease_until = now() - interval '1 hour'");
    await onDatabase(other.url, "UPDATE node_writes SET fenced = true");
    const restored = await openNode(other.url);
    const copies = new PostgresObjectStore(restored.database, new Session({ url: other.url, name: "test" }, SESSION));
    const claimed = await restored.ownership.claim({ limit: 10 });
    assert.deepEqual(
      claimed.map(({ record }) => record.id),
      [running],
    );
    assert.deepEqual(
      (await waiting(restored, running)).map(({ id }) => id),
      ["next"],
    );
    await restored.journal.append({ executionId: running, events: [newEvent(running, "c")] });
    assert.deepEqual(messagesOf(await readAll(restored, [running])), ["a", "c"]);
    assert.equal((await restored.records.getExecution("t"))?.status, "completed");
    assert.ok((await copies.get("executions/over/r/s/a"))?.body.equals(body));
    await copies.put("executions/over/r/s/b", body, METADATA);
    assert.equal((await Array.fromAsync(copies.list(""))).length, 2);
    await copies.close();
    await restored.close();
  });
});

function run(tool: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(tool, args, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
}
