import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { KeptMessages } from "@millrace/engine";
import { emptyProgress } from "@millrace/protocol";
import { openSqliteStore } from "@millrace/stores";
import { Collected } from "./collected.ts";
import { fromKept } from "./from-kept.ts";

const AT = "2026-03-01T12:00:00.000Z";
const MESSAGES = 5_000;

test("a replay whose messages are removed by retention while they are read is refused, and not cut short in silence", async () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-kept-"));
  const store = openSqliteStore(folder, { durability: "normal" });
  try {
    const { record } = await store.records.createExecution(
      {
        id: "e",
        project: "default",
        configId: null,
        startedAt: AT,
        parentExecutionId: null,
        replaySource: null,
        tag: null,
        configSnapshot: {
          outline: [{ route: "work", name: null, adapters: [{ name: "log", type: "log" }], outbound: [] }],
        },
        rootCorrelationId: "root",
        metadata: {},
        idempotencyKey: null,
      },
      null,
    );
    const enqueue = Array.from({ length: MESSAGES }, (_, index) => ({
      id: `m${index}`,
      parentId: null,
      route: "work",
      payloadJson: "{}",
      hops: 0,
    }));
    const { seqs } = await store.journal.append({ executionId: "e", events: [], enqueue });
    await store.journal.append({
      executionId: "e",
      events: [],
      changes: seqs.map((seq) => ({ kind: "settled", seq, keep: true })),
      lifecycle: { kind: "ended", at: AT, status: "completed" },
      record: { status: "completed", completedAt: AT },
    });
    // Retention comes after the first page.
    let pages = 0;
    const kept: KeptMessages = {
      count: (...args) => store.kept.count(...args),
      async after(...args) {
        const page = await store.kept.after(...args);
        if (args[4] > 1) pages += 1;
        if (pages === 1) await store.journal.trim("e");
        return page;
      },
    };
    const progress = emptyProgress("work");
    for (const count of Object.values(progress.routes))
      Object.assign(count, { announced: MESSAGES, completed: MESSAGES });
    const collected = new Collected({
      executionId: "e",
      route: "work",
      root: "r",
      ids: { uuid: () => "id" },
      maxPayloadBytes: 1_000,
    });
    const body = { replay_source: "lineage", from_stage: "work", to_route: "work", skip_missing: false } as const;
    const replay = fromKept(
      { kept, executions: { progress: async () => progress } },
      { ...record, status: "completed" },
      body,
      collected,
    );
    await assert.rejects(replay, { code: "NOTHING_TO_REPLAY", message: /nothing was started/ });
    assert.ok(pages > 1 && collected.size > 0, "some had been read");
  } finally {
    store.close();
    rmSync(folder, { recursive: true });
  }
});
