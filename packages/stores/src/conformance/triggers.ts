import assert from "node:assert/strict";
import { test } from "node:test";
import type { NewFiring, TriggerRecord, Triggers } from "@millrace/engine";
import { ending, newId, type StoreUnderTest, start } from "./store-under-test.ts";

/** A store that keeps triggers. */
export interface StoreWithTriggers extends StoreUnderTest {
  readonly triggers: Triggers;
}

const AT = 1_772_366_400_000;
const ALL = { limit: 100, offset: 0 };
const LEASE = { now: AT, leaseMs: 60_000 };

/** What every `Triggers` promises. Registers its tests under the name of the implementation. */
export function triggersConformance(name: string, open: () => Promise<StoreWithTriggers>): void {
  test(`${name}: a trigger is of its config's project, and not there for another`, async () => {
    await using store = await open();
    const one = await newTrigger(store, { project: "one" });
    const two = await newTrigger(store, { project: "two" });
    assert.equal((await store.triggers.get(one.id))?.project, "one");
    assert.equal((await store.triggers.find("one", one.id))?.id, one.id);
    assert.equal(await store.triggers.find("one", two.id), null);
    assert.equal((await store.triggers.find(null, two.id))?.id, two.id);
    assert.deepEqual(await store.triggers.list({ project: "two", ...ALL }), { total: 1, items: [two] });
    assert.equal((await store.triggers.list({ project: null, ...ALL })).total, 2);
  });

  test(`${name}: a trigger comes back as it was stored, and is changed only by who knows its newest state`, async () => {
    await using store = await open();
    const trigger = await newTrigger(store, { payload: { text: "ü\0" }, maxRunning: 2, tagTemplate: "t-{date}" });
    assert.deepEqual(await store.triggers.get(trigger.id), trigger);
    const changed = { ...trigger, name: "another", nextAt: null, updatedAt: AT + 1 };
    assert.equal(await store.triggers.update(changed, trigger.updatedAt), true);
    assert.equal(await store.triggers.update(changed, trigger.updatedAt), false);
    await store.reopen();
    assert.deepEqual(await store.triggers.get(trigger.id), changed);
    assert.equal(await store.triggers.create({ ...trigger, id: newId(), configId: "nobody" }), false);
    for (const id of ["nobody", "a\0b"]) assert.equal(await store.triggers.get(id), null);
    assert.equal(await store.triggers.delete(trigger.id), true);
    assert.equal(await store.triggers.delete(trigger.id), false);
  });

  test(`${name}: triggers are listed in the order in which they were made, by config and kind`, async () => {
    await using store = await open();
    const one = await newTrigger(store);
    const two = await newTrigger(store, { kind: "folder", nextAt: null });
    const ids = async (filter: { configId?: string; kind?: "cron" | "folder" }) =>
      (await store.triggers.list({ project: null, ...filter, ...ALL })).items.map(({ id }) => id);
    assert.deepEqual(await ids({}), [one.id, two.id]);
    assert.deepEqual(await ids({ kind: "folder" }), [two.id]);
    assert.deepEqual(await ids({ configId: one.configId, kind: "cron" }), [one.id]);
    assert.deepEqual(await ids({ configId: two.configId, kind: "cron" }), []);
    assert.deepEqual(await store.triggers.list({ project: null, limit: 1, offset: 1 }), { total: 2, items: [two] });
    await store.records.deleteConfig(one.configId);
    assert.deepEqual(await ids({}), [two.id], "a config takes its triggers along");
  });

  test(`${name}: of several that move a trigger on from the time it was due, one does, and one firing comes of it`, async () => {
    await using store = await open();
    const trigger = await newTrigger(store, { nextAt: AT - 1 });
    assert.deepEqual(
      (await store.triggers.due(AT, 10)).map(({ id }) => id),
      [trigger.id],
    );
    const moved = await Promise.all(
      [1, 2, 3].map(() => store.triggers.advance(trigger.id, AT - 1, AT + 60_000, firing(trigger, "cron:1"))),
    );
    assert.deepEqual(moved.sort(), [false, false, true]);
    assert.deepEqual(await store.triggers.due(AT, 10), []);
    assert.equal((await store.triggers.listFirings(trigger.id, ALL)).total, 1);
  });

  test(`${name}: a firing is claimed by one, by another once its claim has run out, and noted by who has it then`, async () => {
    await using store = await open();
    const trigger = await newTrigger(store);
    const made = await store.triggers.fire(firing(trigger, "k"));
    assert.equal((await store.triggers.fire(firing(trigger, "k")))?.id, made?.id);
    assert.equal(await store.triggers.hasDue(AT), true);
    const claims = await Promise.all([1, 2, 3].map(() => store.triggers.claim(LEASE)));
    const [first, ...others] = claims.filter((claim) => claim !== null);
    assert.ok(first !== undefined);
    assert.deepEqual([others, first.outcome, first.attempts], [[], "starting", 1]);
    const second = await store.triggers.claim({ ...LEASE, now: AT + 60_000 });
    assert.deepEqual([second?.id, second?.attempts], [first.id, 2]);
    await store.triggers.settle(first.id, 1, { outcome: "failed", error: { code: "X", message: "late" } });
    await store.triggers.settle(first.id, 2, { outcome: "started", executionId: "e" });
    const done = await store.triggers.getFiring(trigger.id, first.id);
    assert.deepEqual([done?.outcome, done?.executionId, done?.nextAt, done?.error], ["started", "e", null, null]);
    assert.equal(await store.triggers.hasDue(AT + 1e9), false);
  });

  test(`${name}: while as many runs as may be are under way, a firing is skipped or waits, and none slips through`, async () => {
    await using store = await open();
    for (const whenRunning of ["skip", "queue"] as const) {
      const trigger = await newTrigger(store, { maxRunning: 1, whenRunning });
      const firings = [firing(trigger, "1"), firing(trigger, "2"), firing(trigger, "3")];
      for (const each of firings) await store.triggers.fire(each);
      const claims = await Promise.all(firings.map(({ id }) => store.triggers.claim({ ...LEASE, id })));
      const [first, ...others] = claims.filter((claim) => claim !== null);
      assert.ok(first !== undefined);
      assert.deepEqual(others, []);
      const execution = await start(store);
      await store.triggers.settle(first.id, 1, { outcome: "started", executionId: execution });
      assert.equal(await store.triggers.claim({ ...LEASE, now: AT + 1_000 }), null);
      await store.journal.append(ending(execution));
      const next = await store.triggers.claim({ ...LEASE, now: AT + 2_000 });
      const outcomes = (await store.triggers.listFirings(trigger.id, ALL)).items.map(({ outcome }) => outcome).sort();
      if (whenRunning === "skip") assert.deepEqual([next, outcomes], [null, ["skipped", "skipped", "started"]]);
      else assert.deepEqual(outcomes, ["pending", "started", "starting"]);
    }
  });

  test(`${name}: a file that was seen sets nothing off, also after a restart and once its firing is gone`, async () => {
    await using store = await open();
    const trigger = await newTrigger(store, { kind: "folder", nextAt: null });
    const keys = Array.from({ length: 1_200 }, (_, index) => `file-${index}`);
    await store.triggers.noteSeen(trigger.id, keys.slice(0, 1_100));
    assert.equal((await store.triggers.seen(trigger.id, keys)).size, 1_100);
    assert.equal(await store.triggers.fire(firing(trigger, "file-1"), { seen: true }), null);
    const made = await store.triggers.fire(firing(trigger, "file-1150"), { seen: true });
    const claimed = await store.triggers.claim(LEASE);
    assert.equal(claimed?.id, made?.id);
    await store.triggers.settle(claimed?.id ?? "", 1, { outcome: "failed", error: { code: "X", message: "no" } });
    assert.equal(await store.triggers.prune(AT, 10), 0);
    assert.equal(await store.triggers.prune(AT + 1, 10), 1);
    await store.reopen();
    assert.equal(await store.triggers.fire(firing(trigger, "file-1150"), { seen: true }), null);
    assert.deepEqual(await store.triggers.listFirings(trigger.id, ALL), { total: 0, items: [] });
  });
}

async function newTrigger(store: StoreWithTriggers, fields: Partial<TriggerRecord> = {}): Promise<TriggerRecord> {
  const at = "2026-03-01T12:00:00.000Z";
  const configId = newId("config");
  await store.records.putConfig({
    id: configId,
    project: fields.project ?? "default",
    name: "a config",
    description: null,
    sourceType: "api",
    sourcePath: null,
    configYaml: "version: '1.0'",
    configHash: "hash",
    version: 1,
    createdAt: at,
    updatedAt: at,
    isActive: true,
  });
  const trigger: TriggerRecord = {
    id: newId("trigger"),
    project: "default",
    configId,
    name: "a trigger",
    kind: "cron",
    enabled: true,
    spec: {},
    payload: {},
    tagTemplate: null,
    maxRunning: null,
    whenRunning: "skip",
    secretHash: null,
    nextAt: AT + 1_000_000,
    createdAt: AT,
    updatedAt: AT,
    ...fields,
  };
  assert.equal(await store.triggers.create(trigger), true);
  return trigger;
}

function firing(trigger: TriggerRecord, key: string): NewFiring {
  return { id: newId("firing"), triggerId: trigger.id, key, dueAt: AT, at: AT, payload: {}, skipped: null };
}
