import assert from "node:assert/strict";
import { test } from "node:test";
import type { JournalEntry, Ownership, Position } from "@millrace/engine";
import fc from "fast-check";
import { eventually } from "../../../../test/support/eventually.ts";
import {
  ending,
  enqueue,
  framesOf,
  messagesOf,
  newEvent,
  newExecution,
  newMessage,
  readAll,
  type StorePorts,
  start,
  waiting,
} from "./store-under-test.ts";

/** One of the nodes of a store: its ports, and what can happen to it. */
export interface NodeUnderTest extends StorePorts {
  readonly ownership: Ownership;
  /** All entries after a position, of all executions: about `maxBytes`. `last`: up to where that is all. */
  readAfter(after: Position, maxBytes: number): Promise<{ last: Position; entries: readonly JournalEntry[] }>;
  /** Nothing that it says gets through, and nothing gets to it. */
  freeze(): void;
  /** What was on its way gets through. */
  thaw(): void;
}

/** A store that several nodes work on. */
export interface NodesUnderTest extends AsyncDisposable {
  open(options: { readonly leaseMs: number }): Promise<NodeUnderTest>;
  /** Whether the leases of all nodes have run out. */
  haveAllRunOut(): Promise<boolean>;
}

/** Makes an empty store for each test. */
export type NodesFactory = () => Promise<NodesUnderTest>;

/** Holds longer than any test takes. */
const LONG = { leaseMs: 600_000 } as const;

/** Runs out soon after its node is frozen. */
const SHORT = { leaseMs: 1_000 } as const;

const ANY = { limit: 1_000 } as const;

/** What stores promise that several nodes work on. Registers its tests under the name of the implementation. */
export function manyNodesConformance(name: string, open: NodesFactory): void {
  test(`${name}: whoever reads on from a position misses nothing that any node commits, nor sees anything twice`, async () => {
    await using service = await open();
    const nodes = [await service.open(LONG), await service.open(LONG), await service.open(LONG)];
    const first = nodes[0];
    assert.ok(first !== undefined);
    const told = nodes.map((node) => {
      const entries: JournalEntry[] = [];
      node.journal.onCommit((committed) => entries.push(...committed));
      return entries;
    });
    let place = 0;
    const plans = fc.array(
      fc.record({ node: fc.nat(2), events: fc.integer({ min: 1, max: 4 }), waits: fc.boolean() }),
      {
        minLength: 10,
        maxLength: 60,
      },
    );
    await fc.assert(
      fc.asyncProperty(plans, fc.constantFrom(1, 900, 100_000), async (steps, maxBytes) => {
        const begin = place;
        const ids: string[] = [];
        for (const node of nodes) ids.push(await start(node));
        const written = new Map<string, string[]>(ids.map((id) => [id, []]));
        const write = async (index: number) => {
          const [node, executionId] = [nodes[index], ids[index]];
          if (node === undefined || executionId === undefined) return;
          const pending: Promise<unknown>[] = [];
          for (const step of steps.filter((each) => each.node === index)) {
            const events = Array.from({ length: step.events }, () => newEvent(executionId));
            written.get(executionId)?.push(...events.map((event) => event.message_id));
            const appended = node.journal.append({ executionId, events });
            if (step.waits) await appended;
            else pending.push(appended);
          }
          await Promise.all(pending);
        };
        let isDone = false;
        const writing = Promise.all([write(0), write(1), write(2)]).finally(() => {
          isDone = true;
        });
        const read: JournalEntry[] = [];
        for (let isBehind = true; isBehind || !isDone; ) {
          const wasDone = isDone;
          const page = await first.readAfter(place, maxBytes);
          isBehind = page.last > place || !wasDone;
          for (const entry of page.entries) {
            assert.ok(entry.first > place && entry.last <= page.last, "positions only grow");
            place = entry.last;
            read.push(entry);
          }
          place = page.last;
        }
        await writing;
        for (const id of ids) {
          assert.deepEqual(messagesOf(read.filter((entry) => entry.executionId === id)), written.get(id));
        }
        assert.deepEqual(positionsOf(await readAll(first, ids, begin)), positionsOf(read));
      }),
      { numRuns: 15 },
    );
    const everything: number[] = [];
    for (let page = await first.readAfter(0, 100_000); ; page = await first.readAfter(page.last, 100_000)) {
      everything.push(...positionsOf(page.entries));
      if (page.last === place) break;
    }
    for (const entries of told) await eventually(() => assert.deepEqual(positionsOf(entries), everything));
  });

  test(`${name}: an execution that nobody owns is claimed by one of those who want it`, async () => {
    await using service = await open();
    const nodes = [await service.open(LONG), await service.open(LONG), await service.open(LONG)];
    const [first] = nodes;
    assert.ok(first !== undefined);
    const ids: string[] = [];
    for (let index = 0; index < 30; index += 1) {
      const execution = newExecution();
      await first.records.createExecution(execution, newMessage(), { owned: false });
      ids.push(execution.id);
    }
    assert.equal(await first.ownership.orphans(), 30);
    assert.equal(await first.ownership.ownerOf(ids[0] ?? ""), null);
    const claimed: (readonly [node: NodeUnderTest, id: string])[] = [];
    while (claimed.length < ids.length) {
      const claims = await Promise.all(nodes.map((node) => node.ownership.claim({ limit: 4 })));
      assert.ok(claims.every((claim) => claim.length <= 4));
      for (const [index, claim] of claims.entries()) {
        const node = nodes[index];
        assert.ok(node !== undefined);
        for (const { record, previousOwner } of claim) {
          assert.equal(previousOwner, null);
          claimed.push([node, record.id]);
        }
      }
    }
    assert.deepEqual(claimed.map(([, id]) => id).sort(), ids.sort(), "each once");
    assert.equal(await first.ownership.orphans(), 0);
    for (const [node, executionId] of claimed) {
      assert.equal((await first.ownership.ownerOf(executionId))?.id, node.ownership.nodeId);
      await node.journal.append({ executionId, events: [newEvent(executionId)] });
    }
    for (const { id, executions, alive } of await first.ownership.nodes()) {
      const node = nodes.find(({ ownership }) => ownership.nodeId === id);
      assert.deepEqual([executions, alive], [claimed.filter(([owner]) => owner === node).length, true]);
    }
  });

  test(`${name}: the oldest are claimed first, and the given ones alone where some are given`, async () => {
    await using service = await open();
    const node = await service.open(LONG);
    const ids: string[] = [];
    for (let index = 0; index < 5; index += 1) {
      const execution = newExecution();
      await node.records.createExecution(execution, null, { owned: false });
      ids.push(execution.id);
    }
    const claim = async (options: Parameters<Ownership["claim"]>[0]) =>
      (await node.ownership.claim(options)).map(({ record }) => record.id);
    assert.deepEqual(await claim({ limit: 2 }), ids.slice(0, 2));
    assert.deepEqual(await claim({ limit: 5, ids: [ids[4] ?? "", ids[0] ?? "", "nobody"] }), [ids[4]]);
    assert.deepEqual(await claim({ limit: 5 }), ids.slice(2, 4));
    assert.deepEqual(await claim(ANY), []);
  });

  test(`${name}: what a node does to an execution that is not its own is refused, and leaves nothing behind`, async () => {
    await using service = await open();
    const [owner, other] = [await service.open(LONG), await service.open(LONG)];
    const [id, own] = [await start(owner), await start(other)];
    const moved = { code: "EXECUTION_MOVED" } as const;
    const append = (node: NodeUnderTest, executionId: string, message: string) =>
      node.journal.append({
        executionId,
        events: [newEvent(executionId, message)],
        enqueue: [newMessage({ id: message })],
      });
    await append(owner, id, "a");
    const outcomes = await Promise.allSettled([
      append(other, own, "b"),
      append(other, id, "c"),
      append(other, own, "d"),
      other.work.countInterruption(id, ["a"]),
    ]);
    assert.deepEqual(
      outcomes.map((outcome) => (outcome.status === "fulfilled" ? "written" : outcome.reason.code)),
      ["written", "EXECUTION_MOVED", "written", "EXECUTION_MOVED"],
    );
    assert.deepEqual(messagesOf(await readAll(other, [id])), ["a"]);
    assert.deepEqual(messagesOf(await readAll(owner, [own])), ["b", "d"]);
    assert.deepEqual(await other.ownership.claim(ANY), [], "a node that lives keeps what it has");
    await owner.ownership.release([id, "nobody"]);
    await assert.rejects(append(owner, id, "e"), moved);
    const [claimed, ...rest] = await other.ownership.claim(ANY);
    assert.deepEqual([claimed?.record.id, claimed?.previousOwner, rest], [id, null, []]);
    await append(other, id, "f");
    await assert.rejects(append(owner, id, "g"), moved);
    assert.deepEqual(messagesOf(await readAll(owner, [id])), ["a", "f"]);
    assert.deepEqual(
      (await waiting(owner, id)).map((message) => [message.id, message.interruptions]),
      [
        ["a", 0],
        ["f", 0],
      ],
    );
    await other.journal.append(ending(id));
    assert.equal(await owner.ownership.ownerOf(id), null, "what is over is nobody's");
    // One that had it before, and has not found out that it is over, comes too late; objects that are found are noted by anybody.
    await assert.rejects(append(owner, id, "h"), moved);
    await owner.journal.append({
      executionId: id,
      events: [],
      objects: [{ kind: "removed", prefix: `executions/${id}/` }],
    });
    assert.deepEqual(messagesOf(await readAll(owner, [id])), ["a", "f"]);
  });

  test(`${name}: the numbers of an execution's messages grow for ever, whichever node gives them`, async () => {
    await using service = await open();
    const nodes = [await service.open(LONG), await service.open(LONG)];
    const [first] = nodes;
    assert.ok(first !== undefined);
    const id = await start(first);
    let highest = 0;
    for (let round = 0; round < 4; round += 1) {
      const node = nodes[round % 2];
      assert.ok(node !== undefined);
      if (round > 0) assert.equal((await node.ownership.claim(ANY)).length, 1);
      const seqs = await enqueue(node, id, [newMessage(), newMessage()]);
      for (const seq of seqs) {
        assert.ok(seq > highest, `${seq} comes after ${highest}`);
        highest = seq;
        await node.journal.append({ executionId: id, events: [], changes: [{ kind: "settled", seq }] });
      }
      await node.ownership.release([id]);
    }
  });

  test(`${name}: nothing is written to an execution that another node has deleted meanwhile`, async () => {
    await using service = await open();
    const [node, other] = [await service.open(LONG), await service.open(LONG)];
    const id = await start(node);
    await enqueue(node, id, [newMessage()]);
    await node.journal.append(ending(id));
    assert.equal(await other.records.deleteExecution(id), true);
    const kept = await start(node);
    const [gone, written] = await Promise.all([
      // What may still come once it is over.
      node.journal.append({ executionId: id, events: [], objects: [{ kind: "removed", prefix: `executions/${id}/` }] }),
      node.journal.append({ executionId: kept, events: [newEvent(kept)], enqueue: [newMessage()] }),
    ]);
    assert.deepEqual([gone.seqs.length, written.seqs.length], [0, 1]);
    assert.equal(await node.journal.bounds(id), null);
  });

  test(`${name}: a node that was frozen past its lease loses what it had to another, and cannot settle any of it`, async () => {
    await using service = await open();
    const [frozen, other] = [await service.open(SHORT), await service.open(SHORT)];
    const id = await start(frozen);
    const [seq] = await enqueue(frozen, id, [newMessage({ id: "in flight" })]);
    const before = frozen.ownership.nodeId;
    const lost: string[] = [];
    frozen.ownership.onLost(() => lost.push(frozen.ownership.nodeId));
    frozen.freeze();
    const settles = frozen.journal.append({
      executionId: id,
      events: [newEvent(id, "too late")],
      changes: [{ kind: "settled", seq: seq ?? 0 }],
    });
    // Asked for at the same time: what is no execution's is written all the same, once the node has found its feet.
    const unfinished = newExecution();
    const [claimed] = await eventually(async () => {
      const claims = await other.ownership.claim(ANY);
      assert.equal(claims.length, 1);
      return claims;
    });
    assert.deepEqual([claimed?.record.id, claimed?.previousOwner], [id, before]);
    await other.journal.append({ executionId: id, events: [newEvent(id, "taken up")] });
    frozen.thaw();
    await assert.rejects(settles, { code: "EXECUTION_MOVED" });
    assert.deepEqual(lost, [frozen.ownership.nodeId]);
    assert.notEqual(frozen.ownership.nodeId, before);
    assert.deepEqual(messagesOf(await readAll(frozen, [id])), ["taken up"]);
    assert.equal((await waiting(frozen, id)).length, 1);
    await eventually(() => frozen.records.createExecution(unfinished, null));
    assert.equal((await other.ownership.ownerOf(unfinished.id))?.id, frozen.ownership.nodeId);
    const gone = (await other.ownership.nodes()).find((node) => node.id === before);
    assert.deepEqual([gone?.alive, gone?.executions], [false, 0]);
  });

  test(`${name}: a node takes from one whose lease ran out only once it has held its own for as long`, async () => {
    await using service = await open();
    const gone = await service.open(SHORT);
    const id = await start(gone);
    gone.freeze();
    await eventually(async () => assert.ok(await service.haveAllRunOut()));
    const late = await service.open(LONG);
    assert.deepEqual(await late.ownership.claim(ANY), []);
    assert.equal(await late.ownership.orphans(), 1);
    const soon = await service.open(SHORT);
    await eventually(async () => assert.equal((await soon.ownership.claim(ANY))[0]?.record.id, id));
  });

  test(`${name}: after the store itself was away for longer than leases hold, each node keeps what it had`, async () => {
    await using service = await open();
    const nodes = [await service.open(SHORT), await service.open(SHORT)];
    const owned = await Promise.all(nodes.map(async (node) => ({ node, id: await start(node) })));
    const before = nodes.map(({ ownership }) => ownership.nodeId);
    for (const node of nodes) node.freeze();
    const appends = owned.map(({ node, id }) => node.journal.append({ executionId: id, events: [newEvent(id, "a")] }));
    await eventually(async () => assert.ok(await service.haveAllRunOut()));
    for (const node of nodes) node.thaw();
    const claims = await Promise.all(nodes.map((node) => eventually(() => node.ownership.claim(ANY))));
    assert.deepEqual(claims, [[], []]);
    await Promise.all(appends);
    assert.deepEqual(
      nodes.map(({ ownership }) => ownership.nodeId),
      before,
    );
  });

  test(`${name}: a node that leaves gives back all that it has, for others to claim at once`, async () => {
    await using service = await open();
    const [leaving, other] = [await service.open(LONG), await service.open(LONG)];
    const ids = [await start(leaving), await start(leaving)];
    const over = await start(leaving);
    await leaving.journal.append(ending(over));
    await leaving.ownership.leave();
    assert.deepEqual(
      (await other.ownership.claim(ANY)).map(({ record }) => record.id),
      ids,
    );
    const gone = (await other.ownership.nodes()).find((node) => node.id === leaving.ownership.nodeId);
    assert.equal(gone?.alive, false);
  });
}

function positionsOf(entries: readonly JournalEntry[]): number[] {
  return entries.flatMap((entry) =>
    entry.kind === "events" ? framesOf(entry).map(({ position }) => position) : [entry.first],
  );
}
