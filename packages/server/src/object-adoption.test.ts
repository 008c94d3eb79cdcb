import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { ObjectReader, ObjectStore } from "@millrace/engine";
import { FileObjectStore, openSqliteStore } from "@millrace/stores";
import { pino } from "pino";
import { ALL_OBJECTS } from "../../stores/src/support/all-objects.ts";
import { ObjectAdoption } from "./object-adoption.ts";

const AT = "2026-03-01T12:00:00.000Z";
const log = pino({ level: "silent" });

test("executions that were not looked through when the process died are looked through by the next, though they are over", async () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-adoption-"));
  try {
    const objects = new FileObjectStore(folder);
    await objects.put("executions/e/r/s/orphan", Buffer.from("x"), { contentType: "text/plain", createdAt: AT });
    const first = openSqliteStore(folder, { durability: "normal" });
    const execution = {
      id: "e",
      project: "default",
      configId: null,
      startedAt: AT,
      parentExecutionId: null,
      replaySource: null,
      tag: null,
      configSnapshot: {},
      rootCorrelationId: "root",
      metadata: {},
      idempotencyKey: null,
    };
    await first.records.createExecution(execution, null);
    await adopt(first, dying(objects));
    const ended = { kind: "ended", at: AT, status: "completed" } as const;
    await first.journal.append({
      executionId: "e",
      events: [],
      lifecycle: ended,
      record: { status: "completed", completedAt: AT },
    });
    first.close();
    const second = openSqliteStore(folder, { durability: "normal" });
    try {
      await adopt(second, objects);
      assert.deepEqual(
        (await second.storedObjects.list(ALL_OBJECTS)).objects.map(({ key }) => key),
        ["executions/e/r/s/orphan"],
      );
    } finally {
      second.close();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

async function adopt(store: ReturnType<typeof openSqliteStore>, objects: ObjectStore & ObjectReader): Promise<void> {
  const { journal, records, storedObjects } = store;
  const adoption = new ObjectAdoption({ journal, records, storedObjects, objects, clock: Date, log });
  await adoption.prepare();
  await adoption.begin();
  await adoption.done;
}

/** The objects, for a process that does not get to look at them. */
function dying(objects: FileObjectStore): ObjectStore & ObjectReader {
  return {
    put: (...args) => objects.put(...args),
    get: (key) => objects.get(key),
    open: (key) => objects.open(key),
    // biome-ignore lint/correctness/useYield: it fails before there is anything.
    async *list() {
      throw new Error("The process died.");
    },
    deleteAll: (prefix) => objects.deleteAll(prefix),
    sizeOf: (prefix) => objects.sizeOf(prefix),
  };
}
