import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deliveries, DeliveryAttempt, NewDelivery, WebhookRecord } from "@millrace/engine";
import { ending, newEvent, newId, type StoreUnderTest, start } from "./store-under-test.ts";

/** A store that keeps webhooks. */
export interface StoreWithDeliveries extends StoreUnderTest {
  readonly deliveries: Deliveries;
}

const AT = 1_772_366_400_000;
const ALL = { limit: 100, offset: 0 };
const LEASE = { now: AT, leaseMs: 60_000, except: [] };
const TAKEN: DeliveryAttempt = { at: "2026-03-01T12:00:00.000Z", duration_ms: 1.5, status: 204, error: null };
const REFUSED: DeliveryAttempt = { ...TAKEN, status: 500, error: "HTTP 500" };

/** What every `Deliveries` promises. Registers its tests under the name of the implementation. */
export function deliveriesConformance(name: string, open: () => Promise<StoreWithDeliveries>): void {
  test(`${name}: a webhook of one project is not there for another`, async () => {
    await using store = await open();
    const one = await newWebhook(store, { project: "one" });
    const two = await newWebhook(store, { project: "two" });
    assert.deepEqual(await store.deliveries.findWebhook("one", one.id), one);
    assert.equal(await store.deliveries.findWebhook("one", two.id), null);
    assert.deepEqual(await store.deliveries.findWebhook(null, two.id), two);
    assert.deepEqual(await store.deliveries.listWebhooks({ project: "two", ...ALL }), { total: 1, items: [two] });
  });

  test(`${name}: a webhook comes back as it was stored, and is changed only by who knows its newest state`, async () => {
    await using store = await open();
    const webhook = await newWebhook(store, { headers: { a: "b" }, configIds: ["c"] });
    assert.deepEqual(await store.deliveries.getWebhook(webhook.id), webhook);
    const changed = { ...webhook, enabled: false, updatedAt: AT + 1 };
    assert.equal(await store.deliveries.updateWebhook(changed, AT), true);
    assert.equal(await store.deliveries.updateWebhook(changed, AT), false);
    await store.reopen();
    assert.deepEqual(await store.deliveries.listWebhooks({ project: null, ...ALL }), { total: 1, items: [changed] });
    assert.deepEqual(await store.deliveries.enabledWebhooks(), []);
    assert.equal(await store.deliveries.deleteWebhook(webhook.id), true);
    assert.equal(await store.deliveries.deleteWebhook(webhook.id), false);
  });

  test(`${name}: endings are read off the journal in its order, and told up to where they were read, once`, async () => {
    await using store = await open();
    const webhook = await newWebhook(store);
    const ids = [await start(store), await start(store), await start(store)];
    for (const id of ids) await store.journal.append({ executionId: id, events: [newEvent(id)] });
    const [first, second, third] = ids as [string, string, string];
    await store.journal.append(ending(second));
    const error = { code: "X", message: "it did" };
    await store.journal.append({
      executionId: first,
      events: [],
      lifecycle: { kind: "interrupted", at: "2026-03-01T12:00:01.000Z", error },
      record: { status: "interrupted", errorInfo: error },
    });
    const page = await store.deliveries.endings(0, 100);
    assert.deepEqual(
      page.endings.map(({ execution, lifecycle }) => [execution.id, lifecycle.kind]),
      [
        [second, "ended"],
        [first, "interrupted"],
      ],
    );
    assert.deepEqual([page.from, page.to, page.more], [0, store.journal.head, false]);
    assert.deepEqual(page.endings[0]?.execution.configSnapshot, { name: "a pipeline" });
    const deliveries = [newDelivery(webhook, "1"), newDelivery(webhook, "2"), newDelivery({ id: "nobody" }, "3")];
    const taken = await Promise.all([1, 2].map(() => store.deliveries.enqueue(deliveries, page)));
    assert.deepEqual(taken.sort(), [false, true]);
    await store.journal.append(ending(third));
    await store.reopen();
    const next = await store.deliveries.endings(0, 100);
    assert.deepEqual(
      next.endings.map(({ execution }) => execution.id),
      [third],
    );
    assert.equal(next.from, page.to);
    assert.equal((await store.deliveries.listDeliveries(webhook.id, ALL)).total, 2);
    assert.deepEqual((await store.deliveries.endings(store.journal.head, 100)).endings, []);
  });

  test(`${name}: pages of endings follow one another without a hole`, async () => {
    await using store = await open();
    const ids: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      const id = await start(store);
      ids.push(id);
      await store.journal.append(ending(id));
    }
    const told: string[] = [];
    for (let more = true; more; ) {
      const page = await store.deliveries.endings(0, 3);
      told.push(...page.endings.map(({ execution }) => execution.id));
      assert.equal(await store.deliveries.enqueue([], page), true);
      more = page.more;
    }
    assert.deepEqual(told, ids);
  });

  test(`${name}: a delivery is claimed by one, goes on after its claim has run out, and is noted by who has it then`, async () => {
    await using store = await open();
    const webhook = await newWebhook(store);
    const other = await newWebhook(store);
    const delivery = newDelivery(webhook, "1");
    assert.equal((await store.deliveries.add(delivery))?.state, "pending");
    assert.equal(await store.deliveries.add(newDelivery({ id: "nobody" }, "1")), null);
    const claims = await Promise.all([1, 2, 3].map(() => store.deliveries.claim(LEASE)));
    assert.deepEqual(
      claims.filter((claim) => claim !== null).map(({ id, attempts }) => [id, attempts]),
      [[delivery.id, 1]],
    );
    const later = { ...LEASE, now: AT + 60_000 };
    assert.equal(await store.deliveries.claim({ ...later, except: [other.id, webhook.id] }), null);
    assert.equal((await store.deliveries.claim({ ...later, except: [other.id] }))?.attempts, 2);
    await store.deliveries.settle(delivery.id, 1, REFUSED, { state: "failed", nextAt: null });
    await store.deliveries.settle(delivery.id, 2, REFUSED, { state: "pending", nextAt: AT + 100_000 });
    assert.equal(await store.deliveries.redeliver(webhook.id, delivery.id, AT), null);
    assert.equal((await store.deliveries.claim({ ...LEASE, now: AT + 100_000 }))?.attempts, 3);
    await store.deliveries.settle(delivery.id, 3, TAKEN, { state: "delivered", nextAt: null });
    await store.reopen();
    const done = await store.deliveries.getDelivery(webhook.id, delivery.id);
    assert.deepEqual([done?.state, done?.nextAt, done?.log, done?.body], ["delivered", null, [REFUSED, TAKEN], "{}"]);
    assert.equal(await store.deliveries.getDelivery(other.id, delivery.id), null);
    const again = await store.deliveries.redeliver(webhook.id, delivery.id, AT);
    assert.deepEqual([again?.state, again?.attempts, again?.earlierAttempts], ["pending", 3, 3]);
  });

  test(`${name}: a delivery to a webhook that is removed meanwhile is put there or is nobody's, and no fault`, async () => {
    await using store = await open();
    for (let round = 0; round < 100; round += 1) {
      const webhook = await newWebhook(store);
      const [added, deleted] = await Promise.all([
        store.deliveries.add(newDelivery(webhook, `${round}`)),
        store.deliveries.deleteWebhook(webhook.id),
      ]);
      assert.ok(deleted);
      if (added !== null) assert.equal(added.webhookId, webhook.id);
      assert.equal((await store.deliveries.listDeliveries(webhook.id, { limit: 1, offset: 0 })).total, 0);
    }
  });

  test(`${name}: nothing is sent while a webhook is disabled, and what is done with is removed after its time`, async () => {
    await using store = await open();
    const webhook = await newWebhook(store, { enabled: false });
    const delivery = newDelivery(webhook, "1");
    await store.deliveries.add(delivery);
    assert.equal(await store.deliveries.claim(LEASE), null);
    await store.deliveries.updateWebhook({ ...webhook, enabled: true, updatedAt: AT + 1 }, AT);
    const claimed = await store.deliveries.claim(LEASE);
    assert.equal(await store.deliveries.prune(AT + 1, 10), 0);
    await store.deliveries.settle(delivery.id, claimed?.attempts ?? 0, TAKEN, { state: "delivered", nextAt: null });
    assert.equal((await store.deliveries.listDeliveries(webhook.id, { ...ALL, state: "pending" })).total, 0);
    assert.equal((await store.deliveries.listDeliveries(webhook.id, { ...ALL, state: "delivered" })).total, 1);
    assert.equal(await store.deliveries.prune(AT + 1, 10), 1);
  });
}

async function newWebhook(store: StoreWithDeliveries, fields: Partial<WebhookRecord> = {}): Promise<WebhookRecord> {
  const webhook: WebhookRecord = {
    id: newId("webhook"),
    project: "default",
    name: "a webhook",
    url: "https://example.org/",
    events: ["execution.completed"],
    configIds: [],
    headers: {},
    secret: null,
    secretEnv: "MILLRACE_SECRET_X",
    enabled: true,
    disabledReason: null,
    since: 0,
    createdAt: AT,
    updatedAt: AT,
    ...fields,
  };
  await store.deliveries.createWebhook(webhook);
  return webhook;
}

function newDelivery(webhook: Pick<WebhookRecord, "id">, key: string): NewDelivery {
  const id = newId("msg");
  return { id, webhookId: webhook.id, key, event: "execution.completed", executionId: "e", body: "{}", createdAt: AT };
}
