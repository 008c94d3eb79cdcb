import assert from "node:assert/strict";
import { test } from "node:test";
import type { SessionRecord, SessionStore } from "@millrace/engine";
import type { StoreUnderTest } from "./store-under-test.ts";

/** A store that keeps sessions. */
export interface StoreWithSessions extends StoreUnderTest {
  readonly sessions: SessionStore;
}

const AT = 1_772_366_400_000;

/** What every `SessionStore` promises. Registers its tests under the name of the implementation. */
export function sessionsConformance(name: string, open: () => Promise<StoreWithSessions>): void {
  test(`${name}: a session comes back as it was stored, and is gone once it is ended`, async () => {
    await using store = await open();
    const one = session({ hash: "one", subject: { id: "k1", name: "ü\0" }, keyId: "k1", project: "alpha" });
    await store.sessions.create(one);
    await store.sessions.create(session({ hash: "two" }));
    await store.reopen();
    assert.deepEqual(await store.sessions.get("one"), one);
    assert.equal(await store.sessions.delete("one"), true);
    assert.equal(await store.sessions.delete("one"), false);
    assert.equal(await store.sessions.get("one"), null);
    assert.notEqual(await store.sessions.get("two"), null);
  });

  test(`${name}: a session that is used ends later, never earlier`, async () => {
    await using store = await open();
    await store.sessions.create(session({ hash: "one", idleAt: AT }));
    await store.sessions.touch("one", AT + 5);
    await store.sessions.touch("one", AT + 3);
    await store.sessions.touch("nobody", AT + 3);
    assert.equal((await store.sessions.get("one"))?.idleAt, AT + 5);
  });

  test(`${name}: sessions that have ended are removed a few at a time, and no others`, async () => {
    await using store = await open();
    for (const [hash, expiresAt, idleAt] of [
      ["old", AT, AT + 9],
      ["idle", AT + 9, AT - 1],
      ["live", AT + 1, AT + 1],
    ] as const)
      await store.sessions.create(session({ hash, expiresAt, idleAt }));
    assert.equal(await store.sessions.prune(AT, 1), 1);
    assert.equal(await store.sessions.prune(AT, 10), 1);
    assert.equal(await store.sessions.prune(AT, 10), 0);
    assert.notEqual(await store.sessions.get("live"), null);
  });
}

function session(some: Partial<SessionRecord>): SessionRecord {
  const subject = { id: "somebody", name: "Somebody" };
  const times = { createdAt: AT, expiresAt: AT + 60_000, idleAt: AT + 1_000 };
  return { hash: "hash", subject, project: null, scopes: ["read", "run"], keyId: null, ...times, ...some };
}
