import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApiKeyRecord, ApiKeys, AuditEntry, AuditLog, ServiceSecrets } from "@millrace/engine";
import { newId, type StoreUnderTest } from "./store-under-test.ts";

/** A store that keeps what access control stands on. */
export interface StoreWithAccess extends StoreUnderTest {
  readonly apiKeys: ApiKeys;
  readonly auditLog: AuditLog;
  readonly serviceSecrets: ServiceSecrets;
}

const AT = 1_772_366_400_000;
const ALL = { limit: 100, offset: 0 };

/** What every `ApiKeys`, `AuditLog` and `ServiceSecrets` promises. Registers its tests under the name of the implementation. */
export function accessConformance(name: string, open: () => Promise<StoreWithAccess>): void {
  test(`${name}: a key comes back as it was stored, in lists by project, and is live until it expires or is revoked`, async () => {
    await using store = await open();
    const { apiKeys } = store;
    const one = newKey({ name: "ü\0", scopes: ["read", "run"] });
    const two = newKey({ project: "alpha", expiresAt: AT + 10 });
    for (const key of [one, two]) await apiKeys.create(key);
    await store.reopen();
    assert.deepEqual(await store.apiKeys.get(one.id), one);
    for (const id of ["nobody", "a\0b"]) assert.equal(await store.apiKeys.get(id), null);
    const ids = async (project?: string | null) =>
      (await store.apiKeys.list({ ...ALL, ...(project === undefined ? {} : { project }) })).items.map(({ id }) => id);
    assert.deepEqual(await ids(), [two.id, one.id]);
    assert.deepEqual(await ids("alpha"), [two.id]);
    assert.deepEqual(await ids(null), [one.id]);
    assert.equal(await store.apiKeys.countLive(AT + 9), 2);
    assert.equal(await store.apiKeys.countLive(AT + 10), 1);
    assert.equal(await store.apiKeys.revoke(one.id, AT + 5), true);
    assert.equal(await store.apiKeys.revoke(one.id, AT + 6), false);
    assert.equal(await store.apiKeys.revoke("nobody", AT), false);
    assert.equal((await store.apiKeys.get(one.id))?.revokedAt, AT + 5);
    assert.equal(await store.apiKeys.countLive(AT + 10), 0);
  });

  test(`${name}: a key is rotated once, into one that is stored with it, and is good for no longer than it was`, async () => {
    await using store = await open();
    const { apiKeys } = store;
    const key = newKey({});
    await apiKeys.create(key);
    const replacements = [newKey({}), newKey({}), newKey({})];
    const done = await Promise.all(replacements.map((each) => apiKeys.rotate(key.id, each, AT + 60)));
    assert.deepEqual([...done].sort(), [false, false, true]);
    const replacement = replacements[done.indexOf(true)];
    assert.deepEqual((await apiKeys.list(ALL)).items.map(({ id }) => id).sort(), [key.id, replacement?.id].sort());
    const rotated = await apiKeys.get(key.id);
    assert.deepEqual([rotated?.rotatedTo, rotated?.expiresAt], [replacement?.id, AT + 60]);
    const brief = newKey({ expiresAt: AT + 5 });
    await apiKeys.create(brief);
    assert.equal(await apiKeys.rotate(brief.id, newKey({ createdAt: AT + 5 }), AT + 60), false);
    assert.equal(await apiKeys.rotate(brief.id, newKey({}), AT + 60), true);
    assert.equal((await apiKeys.get(brief.id))?.expiresAt, AT + 5);
    assert.equal(await apiKeys.rotate("nobody", newKey({}), AT + 60), false);
  });

  test(`${name}: a key's last use only moves on`, async () => {
    await using store = await open();
    const key = newKey({});
    await store.apiKeys.create(key);
    await store.apiKeys.noteUses(
      new Map([
        [key.id, AT + 7],
        ["nobody", AT],
      ]),
    );
    await store.apiKeys.noteUses(new Map([[key.id, AT + 3]]));
    assert.equal((await store.apiKeys.get(key.id))?.lastUsedAt, AT + 7);
  });

  test(`${name}: the audit log is read from its end, by actor, action, project, outcome and time, and cut at its beginning`, async () => {
    await using store = await open();
    const entries = [
      newEntry({ at: AT, action: "config.create" }),
      newEntry({ at: AT + 1, action: "configuration", actor: { kind: "key", id: "k2", name: "a\0b" } }),
      newEntry({
        at: AT + 2,
        action: "config.delete",
        project: "alpha",
        outcome: "denied",
        target: { kind: "config", id: "x" },
      }),
    ];
    // What is counted is written down later than what came after it.
    await store.auditLog.append([...entries.slice(0, 1), ...entries.slice(2)]);
    await store.auditLog.append(entries.slice(1, 2));
    await store.reopen();
    const ids = async (filter: object) => (await store.auditLog.list({ ...ALL, ...filter })).items.map(({ id }) => id);
    const [one, two, three] = entries.map(({ id }) => id);
    assert.deepEqual(await store.auditLog.list({ limit: 1, offset: 0 }), { total: 3, items: [entries[2]] });
    assert.deepEqual(await ids({}), [three, two, one]);
    assert.deepEqual(await ids({ action: "config" }), [three, one]);
    assert.deepEqual(await ids({ action: "config.delete" }), [three]);
    assert.deepEqual(await ids({ actor: "k2" }), [two]);
    assert.deepEqual(await ids({ actor: "me" }), [three, one]);
    assert.deepEqual(await ids({ actor: "a\0b" }), []);
    assert.deepEqual(await ids({ project: "alpha" }), [three]);
    assert.deepEqual(await ids({ outcome: "denied" }), [three]);
    assert.deepEqual(await ids({ from: AT + 1, to: AT + 2 }), [two]);
    assert.equal(await store.auditLog.prune(AT + 2, 1), 1);
    assert.equal(await store.auditLog.prune(AT + 2, 10), 1);
    assert.deepEqual(await ids({}), [three]);
  });

  test(`${name}: what the service signs with is made once, and stays`, async () => {
    await using store = await open();
    const [first, ...others] = await Promise.all(
      ["a", "b", "c"].map((fresh) => store.serviceSecrets.obtain("tickets", fresh)),
    );
    assert.ok(others.every((other) => other === first));
    await store.reopen();
    assert.equal(await store.serviceSecrets.obtain("tickets", "d"), first);
    assert.equal(await store.serviceSecrets.obtain("sessions", "e"), "e");
  });
}

function newKey(given: Partial<ApiKeyRecord>): ApiKeyRecord {
  return {
    id: newId(),
    name: "a key",
    project: null,
    scopes: ["admin"],
    secretHash: "ab".repeat(32),
    createdAt: AT,
    createdBy: "me",
    expiresAt: null,
    lastUsedAt: null,
    revokedAt: null,
    rotatedTo: null,
    ...given,
  };
}

function newEntry(given: Partial<AuditEntry>): AuditEntry {
  return {
    id: newId(),
    at: AT,
    actor: { kind: "key", id: "k1", name: "me" },
    action: "config.create",
    target: null,
    project: null,
    outcome: "allowed",
    status: 201,
    requestId: "r",
    address: "10.0.0.7",
    count: 1,
    ...given,
  };
}
