import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { LineagePage } from "@millrace/engine";
import { type ExecutionEvent, lineageEntrySchema, lineageNodeSchema, lineageStorySchema } from "@millrace/protocol";
import fc from "fast-check";
import { ending, newEvent, type StorePorts, start } from "../../packages/stores/src/conformance/store-under-test.ts";
import type { LineageSource } from "../../packages/stores/src/lineage/lineage-source.ts";
import { LINEAGE_FILE, openProjectionFile } from "../../packages/stores/src/lineage/projection-file.ts";
import { LineageReader } from "../../packages/stores/src/lineage/reader.ts";
import { NaiveLineage } from "./naive-lineage.ts";
import { randomJournal } from "./random-journal.ts";

const ANYWHERE = { project: null, executionId: null };

const PAGE: LineagePage = { sortBy: "started_at", sortOrder: "asc", limit: 100_000, offset: 0 };
const ALL = { direct: false, limit: 100_000, offset: 0 };

/** A store whose lineage is read. */
export interface LineageUnderTest {
  readonly store: StorePorts;
  /** Opens its journal for reading. */
  openSource(): LineageSource;
  close(): Promise<void>;
}

/** What the lineage of every store promises. Registers its tests under the name of the store. */
export function lineageSuite(name: string, open: () => Promise<LineageUnderTest>): void {
  let dir: string;
  let underTest: LineageUnderTest;
  let store: StorePorts;
  let source: LineageSource;
  let reader: LineageReader;

  /** A reader in this thread. */
  function openReader(patienceMs = 20_000, folder = dir): LineageReader {
    return new LineageReader(source, openProjectionFile(folder), patienceMs);
  }

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), "millrace-lineage-"));
    underTest = await open();
    ({ store } = underTest);
    source = underTest.openSource();
    reader = openReader();
  });
  after(async () => {
    await source.close();
    await underTest.close();
    rmSync(dir, { recursive: true });
  });

  async function begin(fields: Parameters<typeof start>[1] = {}): Promise<{ id: string; rootId: string }> {
    const rootId = randomUUID();
    const id = await start(store, { id: randomUUID(), rootCorrelationId: rootId, ...fields });
    return { id, rootId };
  }

  async function append(executionId: string, events: readonly ExecutionEvent[]): Promise<void> {
    await store.journal.append({ executionId, events });
  }

  test(`${name}: the lineage of any journal, read in any pieces, is what going through all of its events finds`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.infiniteStream(fc.nat()),
        fc.integer({ min: 1, max: 80 }),
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
        async (numbers, steps, pieces) => {
          const { id, rootId } = await begin();
          const pick = (n: number) => Number(numbers.next().value) % n;
          const events = randomJournal(id, rootId, steps, pick);
          for (let at = 0, piece = 0; at < events.length; piece += 1) {
            const size = pieces[piece % pieces.length] ?? 1;
            await append(id, events.slice(at, at + size));
            at += size;
            // Sometimes it is read in between, and goes on from there.
            if (pick(2) === 0) await reader.stats({ project: null, executionId: id });
          }
          await compare(id, new NaiveLineage(events));
        },
      ),
      { numRuns: 40 },
    );
  });

  async function compare(executionId: string, naive: NaiveLineage): Promise<void> {
    const { items, total } = await reader.entries({ project: null, executionId }, PAGE);
    for (const entry of items) lineageEntrySchema.parse(entry);
    assert.equal(total, naive.ids.flatMap((id) => naive.stages(id)).length);
    assert.equal(items.length, total);
    for (const id of naive.ids) {
      const story = lineageStorySchema.parse(await reader.story(id, ANYWHERE));
      assert.equal(story.status, naive.status(id));
      assert.equal(story.error_info?.code ?? null, naive.error(id));
      assert.equal(story.batched_into, naive.batch(id));
      assert.deepEqual(story.parent_messages.map((each) => each.correlation_id).sort(), naive.parents(id));
      assert.equal(story.parents, naive.parents(id).length);
      assert.equal(story.children, naive.children(id).length);
      assert.deepEqual(
        story.stages.map((stage) => ({
          attempt: stage.metadata.attempt,
          adapter: stage.adapter_name,
          status: stage.stage_status,
          started: stage.started_at,
          completed: stage.completed_at,
          code: stage.error_info?.code ?? null,
        })),
        naive.stages(id),
      );
      const parents = (each: string) => naive.parents(each);
      const children = (each: string) => naive.children(each);
      assert.deepEqual(await related(id, "chain", false), naive.reach(id, parents));
      assert.deepEqual(await related(id, "children", false), naive.reach(id, children));
      assert.deepEqual(await related(id, "chain", true), naive.parents(id));
      assert.deepEqual(await related(id, "children", true), naive.children(id));
    }
  }

  async function related(id: string, direction: "chain" | "children", direct: boolean): Promise<string[]> {
    const page = await reader.relatives(id, ANYWHERE, { ...ALL, direction, direct });
    assert.ok(page);
    for (const each of page.items) lineageNodeSchema.parse(each);
    assert.equal(page.total, page.items.length);
    return page.items.map((each) => each.correlation_id).sort();
  }

  test(`${name}: an execution that is deleted, or whose events retention removed, has no lineage any more`, async () => {
    const { id, rootId } = await begin();
    const kept = await begin();
    await append(id, [newEvent(id, rootId)]);
    await append(kept.id, [newEvent(kept.id, kept.rootId)]);
    await store.journal.append(ending(kept.id));
    assert.ok(await reader.story(rootId, ANYWHERE));
    assert.ok(await reader.story(kept.rootId, ANYWHERE));
    await store.records.deleteExecution(id);
    await store.journal.trim(kept.id);
    await reader.sweep();
    assert.equal(await reader.story(rootId, ANYWHERE), null);
    assert.equal(await reader.story(kept.rootId, ANYWHERE), null);
    const { items } = await reader.entries({ project: null }, PAGE);
    assert.ok(!items.some((entry) => entry.execution_id === id || entry.execution_id === kept.id));
  });

  test(`${name}: a question that would wait too long for the journal is refused, and the next finds what was read meanwhile`, async () => {
    const { id, rootId } = await begin();
    const events = Array.from({ length: 110_000 }, () => newEvent(id, randomUUID(), { parent_message_id: rootId }));
    await append(id, [newEvent(id, rootId), ...events]);
    const hurried = openReader(0);
    await assert.rejects(hurried.story(rootId, ANYWHERE), { code: "LINEAGE_NOT_READY" });
    for (let tries = 0; ; tries += 1) {
      const story = await hurried.story(rootId, ANYWHERE).catch((error) => error.code);
      if (typeof story === "object") {
        assert.equal(story?.children, 110_000);
        break;
      }
      assert.equal(story, "LINEAGE_NOT_READY");
      assert.ok(tries < 3_000, "it is never ready");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });

  test(`${name}: the chain of a replay's first message leads on into the execution that it replays`, async () => {
    const parent = await begin();
    const child = await begin({ parentExecutionId: parent.id, metadata: { replayed_message_id: "the-middle" } });
    const grandchild = await begin({ parentExecutionId: child.id });
    await append(parent.id, [
      newEvent(parent.id, parent.rootId),
      newEvent(parent.id, "the-middle", { parent_message_id: parent.rootId }),
    ]);
    await append(child.id, [
      newEvent(child.id, child.rootId),
      newEvent(child.id, "below", { parent_message_id: child.rootId }),
    ]);
    // Its own event names the message that it comes from.
    await append(grandchild.id, [newEvent(grandchild.id, grandchild.rootId, { parent_message_id: "below" })]);
    const ids = async (direct: boolean, limit = 100, offset = 0) => {
      const page = await reader.relatives(grandchild.rootId, ANYWHERE, { direction: "chain", direct, limit, offset });
      return { total: page?.total, ids: page?.items.map((each) => each.correlation_id) };
    };
    const whole = ["below", child.rootId, "the-middle", parent.rootId];
    assert.deepEqual(await ids(false), { total: 4, ids: whole });
    assert.deepEqual(await ids(false, 2, 1), { total: 4, ids: whole.slice(1, 3) });
    assert.deepEqual(await ids(true), { total: 1, ids: ["below"] });
    const { items } = await reader.entries({ project: null, executionId: child.id }, PAGE);
    assert.equal(items[0]?.replay_batch_id, child.id);
  });

  test(`${name}: a message of a replay whose id is made of one of the execution that it replays is found by its id alone`, async () => {
    const parent = await begin();
    const child = await begin({ parentExecutionId: parent.id, metadata: { retry: { message_ids: [parent.rootId] } } });
    const copy = `${parent.rootId.slice(0, 13)}${randomUUID().slice(13)}`;
    await append(parent.id, [newEvent(parent.id, parent.rootId)]);
    await append(child.id, [newEvent(child.id, child.rootId), newEvent(child.id, copy)]);
    assert.equal((await reader.story(copy, ANYWHERE))?.execution_id, child.id);
    const chain = await reader.relatives(child.rootId, ANYWHERE, { ...ALL, direction: "chain" });
    assert.deepEqual(
      chain?.items.map((each) => each.correlation_id),
      [parent.rootId],
    );
  });

  test(`${name}: a journal that is not the one that was read, as after a restore, is read anew`, async () => {
    const { id, rootId } = await begin();
    await append(id, [newEvent(id, rootId)]);
    assert.equal((await reader.story(rootId, ANYWHERE))?.status, "completed");
    const file = openProjectionFile(dir);
    file.prepare("UPDATE projections SET tail_hash = 'another' WHERE execution_id = ?").run(id);
    file.prepare("UPDATE messages SET status = 'wrong' WHERE id = ?").run(rootId);
    file.close();
    await append(id, [newEvent(id, randomUUID(), { parent_message_id: rootId })]);
    const story = await reader.story(rootId, ANYWHERE);
    assert.deepEqual([story?.status, story?.children], ["completed", 1]);
  });

  test(`${name}: a lineage file that is damaged or gone is made anew from the journal`, async () => {
    const { id, rootId } = await begin();
    await append(id, [newEvent(id, rootId)]);
    const other = mkdtempSync(join(tmpdir(), "millrace-lineage-file-"));
    writeFileSync(
      join(other, LINEAGE_FILE),
      "this is no database, but long enough to be taken for a damaged one".repeat(50),
    );
    const again = openReader(20_000, other);
    assert.equal((await again.story(rootId, ANYWHERE))?.status, "completed");
    rmSync(other, { recursive: true });
  });
}
