import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../../../../test/support/eventually.ts";
import {
  messagesOf,
  newEvent,
  newExecution,
  newMessage,
  readAll,
  start,
  waiting,
} from "../conformance/store-under-test.ts";
import { onDatabase, overPostgres, temporaryDatabase } from "../support/postgres.ts";
import { type Cut, TcpProxy } from "../support/tcp-proxy.ts";
import type { PostgresStore } from "./store.ts";
import { openNode } from "./temporary-store.ts";

/** The connection that commits, by what it says of itself. */
const COMMITS = "millrace commits";

/** How the connection that commits stands, of the node that is frozen. */
const FROZEN = `SELECT state, EXISTS (SELECT 1 FROM pg_locks WHERE pg_locks.pid = pg_stat_activity.pid AND relation = 'journal_head'::regclass) AS has_row FROM pg_stat_activity WHERE datname = current_database() AND application_name = '${COMMITS} frozen'`;

/** Bytes that are passed on before a cut: every so many of those that a commit takes. */
const EVERY = { "to server": 61, "to client": 17 } as const;

await overPostgres(() => {
  for (const direction of ["to server", "to client"] as const) {
    test(`PostgreSQL: a commit whose connection is cut at any byte ${direction} is there once, and told once`, async () => {
      await using setUp = await nodeBehindProxy();
      const { store, proxy, told } = setUp;
      const id = await start(store);
      // The statements of an append are known to the server from here on: each takes the same bytes.
      await append(store, id, "first");
      let isCut = true;
      let cuts = 0;
      for (let afterBytes = 0; isCut; afterBytes += EVERY[direction]) {
        const cut = proxy.cut({ label: COMMITS, direction, afterBytes } satisfies Cut).then(() => "cut" as const);
        const message = `${afterBytes}`;
        const outcome = await Promise.race([cut, append(store, id, message)]);
        if (outcome === "cut") {
          cuts += 1;
          await eventually(() => assert.ok(told.includes(message)));
        } else {
          // So many bytes are more than an append takes.
          proxy.dontCut();
          isCut = false;
        }
        // Without a cut, so that the next append finds the statements known again.
        await append(store, id, `after ${message}`);
      }
      assert.ok(cuts > 10, `${cuts} cuts`);
      const written = messagesOf(await readAll(store, [id]));
      assert.deepEqual(written, told);
      assert.equal(new Set(written).size, written.length);
      assert.equal(written.length, 1 + 2 * (cuts + 1));
      assert.deepEqual(
        (await waiting(store, id)).map(({ id: messageId }) => messageId),
        written,
      );
      assert.deepEqual([store.journal.fault, store.journal.backlog], [null, 0]);
    });
  }

  test("PostgreSQL: an execution whose creation's answer is lost is created once", async () => {
    await using setUp = await nodeBehindProxy();
    const { store, proxy } = setUp;
    await start(store);
    let isCut = true;
    for (let afterBytes = 0; isCut; afterBytes += 37) {
      const execution = newExecution();
      isCut = false;
      const cut = proxy.cut({ label: COMMITS, direction: "to client", afterBytes }).then(() => {
        isCut = true;
      });
      const created = store.records.createExecution(execution, newMessage());
      const outcome = await created.then(
        ({ record }) => record.id,
        // Refused, as the way was cut before it was asked to be committed.
        (error) => error.code,
      );
      // So many bytes are more than it takes.
      if (outcome === execution.id && !isCut) proxy.dontCut();
      else await cut;
      await eventually(() => assert.equal(store.journal.fault, null));
      const there = (await store.records.getExecution(execution.id)) !== null;
      assert.equal(there, outcome === execution.id, `cut after ${afterBytes} bytes: ${outcome}`);
      assert.equal((await waiting(store, execution.id)).length, there ? 1 : 0);
      // Without a cut, so that the next finds the statements known again.
      await start(store);
    }
  });

  test("PostgreSQL: a node that is frozen in the middle of a commit holds the others up for seconds, and commits later", async () => {
    await using setUp = await nodeBehindProxy();
    const { store, proxy, url } = setUp;
    const other = await openNode(url);
    const [id, others] = [await start(store), await start(other)];
    await append(store, id, "first");
    const written = ["first"];
    // Frozen later each time, until it is while it has the row that all others wait for.
    for (let isHeld = false; !isHeld; ) {
      const message = `${written.length}`;
      const afterBytes = 20 * (written.length - 1);
      const frozen = proxy.freezeAfter({ label: COMMITS, direction: "to client", afterBytes });
      const appended = append(store, id, message);
      await frozen;
      isHeld = await eventually(async () => {
        const [session] = await onDatabase(url, FROZEN);
        assert.equal(session?.state, "idle in transaction");
        return session?.has_row === true;
      });
      if (isHeld) await append(other, others, "of another");
      proxy.letGo();
      await appended;
      written.push(message);
    }
    assert.deepEqual(messagesOf(await readAll(store, [id])), written);
    assert.deepEqual(messagesOf(await readAll(store, [others])), ["of another"]);
    await other.close();
  });

  test("PostgreSQL: a connection for commits that leads nowhere any more is given up soon after a lease would be, and what waits is committed on another", async () => {
    await using setUp = await nodeBehindProxy(1_000);
    const { store, proxy, told } = setUp;
    const id = await start(store);
    await append(store, id, "before");
    const nodeId = store.ownership.nodeId;
    proxy.silence(COMMITS);
    await append(store, id, "after");
    assert.deepEqual(messagesOf(await readAll(store, [id])), ["before", "after"]);
    await eventually(() => assert.deepEqual(told, ["before", "after"]));
    assert.equal(store.journal.fault, null);
    assert.equal(store.ownership.nodeId, nodeId, "its lease was renewed all the time");
  });

  test("PostgreSQL: while the database is away what may wait waits, the rest is refused, and all goes on by itself", async () => {
    await using setUp = await nodeBehindProxy();
    const { store, proxy } = setUp;
    const id = await start(store);
    const faults: boolean[] = [];
    store.journal.onFault((fault) => faults.push(fault !== null));
    proxy.goDown();
    const waits = append(store, id, "a");
    await eventually(() => assert.ok(store.journal.fault !== null));
    const unavailable = { code: "SERVICE_UNAVAILABLE" } as const;
    await assert.rejects(store.records.createExecution(newExecution(), null), unavailable);
    await assert.rejects(readAll(store, [id]), unavailable);
    const alsoWaits = append(store, id, "b");
    assert.equal(store.journal.backlog, 2);
    proxy.comeUp();
    await Promise.all([waits, alsoWaits]);
    assert.deepEqual(messagesOf(await readAll(store, [id])), ["a", "b"]);
    assert.equal(store.journal.fault, null);
    assert.deepEqual(faults, [true, false]);
  });

  test("PostgreSQL: that the database went away is known also while nothing is written, and that it is back", async () => {
    await using setUp = await nodeBehindProxy();
    const { store, proxy } = setUp;
    const faults: boolean[] = [];
    store.journal.onFault((fault) => faults.push(fault !== null));
    proxy.goDown();
    await eventually(() => assert.ok(store.journal.fault !== null));
    proxy.comeUp();
    await eventually(() => assert.equal(store.journal.fault, null));
    assert.deepEqual(faults, [true, false]);
  });

  test("PostgreSQL: a step with a value that cannot be kept is refused alone", async () => {
    await using setUp = await nodeBehindProxy();
    const { store } = setUp;
    const id = await start(store);
    const steps = ["a", "b\0", "c", "d", "e\0", "f"].map((message) => append(store, id, message));
    assert.deepEqual(
      (await Promise.allSettled(steps)).map(({ status }) => status),
      ["fulfilled", "rejected", "fulfilled", "fulfilled", "rejected", "fulfilled"],
    );
    assert.deepEqual(messagesOf(await readAll(store, [id])), ["a", "c", "d", "f"]);
    assert.equal((await waiting(store, id)).length, 4);
    assert.deepEqual([store.journal.fault, store.journal.backlog], [null, 0]);
  });
});

function append(store: PostgresStore, executionId: string, message: string): Promise<unknown> {
  return store.journal.append({
    executionId,
    events: [newEvent(executionId, message)],
    enqueue: [newMessage({ id: message })],
  });
}

async function nodeBehindProxy(leaseMs = 60_000) {
  const database = await temporaryDatabase();
  const proxy = await TcpProxy.open(database.url);
  const store = await openNode(proxy.through(database.url), { name: "frozen", leaseMs });
  const told: string[] = [];
  store.journal.onCommit((entries) => told.push(...messagesOf(entries)));
  return {
    url: database.url,
    store,
    proxy,
    told,
    async [Symbol.asyncDispose]() {
      await store.close();
      await proxy[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}
