import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApiKeyRecord, ApiKeys } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import { pino } from "pino";
import { newSecret, writeApiKey } from "./api-key.ts";
import { KeyVerifier } from "./key-verifier.ts";

const ID = "0198c0de-0000-7000-8000-000000000000";

/** A key, and a store that has it for as long as it answers. */
function keyed() {
  const { secret, hash } = newSecret();
  const record: ApiKeyRecord = {
    id: ID,
    name: "scrapes",
    project: null,
    scopes: ["read"],
    secretHash: hash,
    createdAt: 0,
    createdBy: "a test",
    expiresAt: null,
    lastUsedAt: null,
    revokedAt: null,
    rotatedTo: null,
  };
  const store: { answer: () => Promise<ApiKeyRecord | null> } = { answer: async () => record };
  const apiKeys: Pick<ApiKeys, "get" | "noteUses"> = { get: () => store.answer(), noteUses: async () => {} };
  const verifier = new KeyVerifier({
    // All that it asks of them.
    apiKeys: apiKeys as ApiKeys,
    clock: { now: Date.now },
    log: pino({ level: "silent" }),
  });
  return { verifier, key: writeApiKey(ID, secret), wrong: writeApiKey(ID, newSecret().secret), record, store };
}

const away = () => Promise.reject(new MillraceError("STORE_UNREACHABLE", "The database is away."));

/** Longer than a look is fresh. */
const later = () => new Promise((resolve) => setTimeout(resolve, 1_050));

for (const [how, answer] of [
  ["does not answer", () => new Promise<never>(() => {})],
  ["fails", away],
] as const) {
  test(`while the store ${how}, a key that was good is good, and no other`, async () => {
    const { verifier, key, wrong, store } = keyed();
    assert.equal((await verifier.verify(key)).name, "scrapes");
    await later();
    store.answer = answer;
    assert.equal((await verifier.verify(key)).name, "scrapes");
    assert.equal((await verifier.verify(key)).name, "scrapes");
    await assert.rejects(verifier.verify(wrong), /not one of this service/);
    await verifier.close();
  });
}

test("a key that nobody has seen cannot be told good or bad while the store is away", async () => {
  const { verifier, key, store } = keyed();
  store.answer = away;
  await assert.rejects(verifier.verify(key), { code: "STORE_UNREACHABLE" });
  await verifier.close();
});

test("a key that was revoked is not good again when the store goes away", async () => {
  const { verifier, key, record, store } = keyed();
  await verifier.verify(key);
  store.answer = async () => ({ ...record, revokedAt: 1 });
  verifier.forget(ID);
  await assert.rejects(verifier.verify(key), /was revoked/);
  await later();
  store.answer = away;
  await assert.rejects(verifier.verify(key), /was revoked/);
  verifier.forget(ID);
  await assert.rejects(verifier.verify(key), { code: "STORE_UNREACHABLE" });
  await verifier.close();
});
