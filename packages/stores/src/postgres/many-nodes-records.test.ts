import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConfigRecord } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import { newExecution, newMessage, waiting } from "../conformance/store-under-test.ts";
import { overPostgres, temporaryDatabase } from "../support/postgres.ts";
import type { PostgresStore } from "./store.ts";
import { openNode } from "./temporary-store.ts";

/** Nodes on a database of their own. */
async function openNodes(count: number): Promise<AsyncDisposable & { readonly nodes: readonly PostgresStore[] }> {
  const database = await temporaryDatabase();
  const nodes = await Promise.all(Array.from({ length: count }, () => openNode(database.url)));
  return {
    nodes,
    async [Symbol.asyncDispose]() {
      for (const node of nodes) await node.close();
      await database[Symbol.asyncDispose]();
    },
  };
}

/** The codes of what was refused, and how many were not. */
function sorted(outcomes: readonly PromiseSettledResult<unknown>[]): { fulfilled: number; codes: string[] } {
  const codes = outcomes.flatMap((outcome) =>
    outcome.status === "fulfilled" ? [] : outcome.reason instanceof MillraceError ? outcome.reason.code : "?",
  );
  return { fulfilled: outcomes.length - codes.length, codes: [...new Set(codes)] };
}

await overPostgres(() => {
  test("of nodes that start executions with one idempotency key at once one does, and all are told of that one", async () => {
    await using service = await openNodes(3);
    const { nodes } = service;
    for (let round = 0; round < 20; round += 1) {
      const fields = { idempotencyKey: `key ${round}`, configId: "config" };
      const answers = await Promise.all(
        nodes.flatMap(({ records }) => [1, 2].map(() => records.createExecution(newExecution(fields), newMessage()))),
      );
      assert.equal(answers.filter(({ created }) => created).length, 1);
      assert.equal(new Set(answers.map(({ record }) => record.id)).size, 1);
      const [first] = answers;
      assert.ok(first !== undefined);
      for (const node of nodes) assert.equal((await waiting(node, first.record.id)).length, 1);
    }
    const list = await nodes[0]?.records.listExecutions({ sortOrder: "asc", limit: 1, offset: 0 });
    assert.equal(list?.total, 20);
  });

  test("of nodes that ask for one tag at once one gets it, and the others are told whose it is", async () => {
    await using service = await openNodes(3);
    for (let round = 0; round < 20; round += 1) {
      const outcomes = await Promise.allSettled(
        service.nodes.map(({ records }) => records.createExecution(newExecution({ tag: `tag ${round}` }), null)),
      );
      assert.deepEqual(sorted(outcomes), { fulfilled: 1, codes: ["TAG_TAKEN"] });
    }
  });

  test("no more executions are unfinished than may be, however many nodes start them at once", async () => {
    await using service = await openNodes(3);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 90 }, (_, index) =>
        service.nodes[index % 3]?.records.createExecution(newExecution(), newMessage(), {
          owned: index % 2 === 0,
          maxUnfinished: 40,
        }),
      ),
    );
    assert.deepEqual(sorted(outcomes), { fulfilled: 40, codes: ["TOO_MANY_EXECUTIONS"] });
  });

  test("who creates an execution owns it, or nobody does, as it was asked for", async () => {
    await using service = await openNodes(2);
    const [one, other] = service.nodes;
    assert.ok(one !== undefined && other !== undefined);
    const owned = (await one.records.createExecution(newExecution(), newMessage())).record;
    const free = (await one.records.createExecution(newExecution(), newMessage(), { owned: false })).record;
    assert.equal((await other.ownership.ownerOf(owned.id))?.id, one.ownership.nodeId);
    assert.equal(await other.ownership.ownerOf(free.id), null);
    const claimed = await other.ownership.claim({ limit: 10 });
    assert.deepEqual(
      claimed.map(({ record }) => record.id),
      [free.id],
    );
  });

  test("of nodes that load one file at once one makes a config of it", async () => {
    await using service = await openNodes(3);
    const config = (id: string): ConfigRecord => ({
      id,
      project: "default",
      name: "a config",
      description: null,
      sourceType: "file",
      sourcePath: "pipelines/a.yaml",
      configYaml: "version: '1.0'",
      configHash: "hash",
      version: 1,
      createdAt: "2026-03-01T12:00:00.000Z",
      updatedAt: "2026-03-01T12:00:00.000Z",
      isActive: true,
    });
    const outcomes = await Promise.allSettled(
      service.nodes.map(({ records }, index) => records.putConfig(config(`${index}`), { soleOfPath: true })),
    );
    assert.deepEqual(sorted(outcomes), { fulfilled: 1, codes: ["CONFIG_CHANGED"] });
    assert.equal((await service.nodes[0]?.records.listConfigs({ limit: 10, offset: 0 }))?.total, 1);
  });

  test("what a node deletes is gone for all at once, and any of them removes what it left", async () => {
    await using service = await openNodes(2);
    const [one, other] = service.nodes;
    assert.ok(one !== undefined && other !== undefined);
    const { record } = await one.records.createExecution(newExecution({ tag: "t" }), newMessage());
    assert.equal(await other.records.deleteExecution(record.id), true);
    assert.equal(await one.records.getExecution("t"), null);
    assert.deepEqual(await one.journal.append({ executionId: record.id, events: [], enqueue: [newMessage()] }), {
      seqs: [],
    });
    assert.deepEqual(await one.records.deletedExecutions(10), [record.id]);
    await Promise.all(
      service.nodes.map(async ({ records }) => {
        while (!(await records.purgeExecution(record.id, 1)));
      }),
    );
    assert.deepEqual(await other.records.deletedExecutions(10), []);
  });

  test("a name that no text of PostgreSQL can be is nobody's, and no fault", async () => {
    await using service = await openNodes(1);
    const [node] = service.nodes;
    assert.ok(node !== undefined);
    assert.equal(await node.records.getExecution("a\0b"), null);
    assert.equal(await node.records.findExecution("a\0b"), null);
    assert.equal(await node.records.getConfig("a\0b"), null);
    const list = { sortOrder: "asc", limit: 1, offset: 0 } as const;
    assert.deepEqual(await node.records.listExecutions({ ...list, words: ["\0"] }), { total: 0, items: [] });
    assert.equal((await node.storedObjects.known(["a\0b"])).size, 0);
    const configSnapshot = { name: "a\0b", init_message: { payload: { text: "a\0b" } } };
    const { record } = await node.records.createExecution(newExecution({ configSnapshot }), null);
    assert.deepEqual((await node.records.getExecution(record.id))?.configSnapshot, configSnapshot);
  });
});
