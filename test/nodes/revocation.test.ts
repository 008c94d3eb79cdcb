import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient } from "@millrace/client";
import { sessionSchema } from "@millrace/protocol";
import { ADMIN_KEY, LONG } from "../access/keyed-service.ts";
import { Fleet } from "../support/fleet.ts";
import { openSharedStack, withoutSharedStack } from "../support/shared-stack.ts";

const skip = await withoutSharedStack();

test("a revoked key, one whose overlap is over, and a logout end their streams on the other nodes too, and no others", {
  skip,
}, async () => {
  await using stack = await openSharedStack();
  await using fleet = await Fleet.start(["both", "serve"], { env: { ...stack.env, MILLRACE_ADMIN_KEY: ADMIN_KEY } });
  const [one = "", other = ""] = fleet.nodes.map(({ url }) => url);
  const admin = createClient({ baseUrl: one, apiKey: ADMIN_KEY });
  const { id: configId } = await admin.configs.create({ name: "long", config_yaml: LONG });
  const { id } = await admin.configs.run(configId);
  const key = await admin.keys.create({ name: "watcher", scopes: ["read"] });
  const bearer = { authorization: `Bearer ${key.secret}` };
  const login = await fetch(`${one}/api/v1/session`, {
    method: "POST",
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
  });
  const [cookie = ""] = (login.headers.get("set-cookie") ?? "").split(";");
  const csrf = sessionSchema.parse(await login.json()).csrf_token ?? "";

  const open = async (headers: Record<string, string>) => {
    const signal = AbortSignal.timeout(60_000);
    const stream = await fetch(`${other}/api/v1/executions/${id}/events?timeout=3600`, { headers, signal });
    assert.equal(stream.status, 200);
    return stream;
  };
  const rotated = await admin.keys.create({ name: "rotated", scopes: ["read"] });
  const [byKey, byRotated, bySession, staying] = await Promise.all([
    open(bearer),
    open({ authorization: `Bearer ${rotated.secret}` }),
    open({ cookie }),
    open({ authorization: `Bearer ${ADMIN_KEY}` }),
  ]);
  await admin.keys.revoke(key.id);
  await admin.keys.rotate(rotated.id, { overlap_seconds: 1 });
  const logout = { method: "DELETE", headers: { cookie, "x-csrf-token": csrf } };
  assert.equal((await fetch(`${one}/api/v1/session`, logout)).status, 204);
  for (const stream of [byKey, byRotated, bySession])
    assert.match(await stream.text(), /event: end\ndata: \{"reason":"timeout"/);
  await admin.executions.cancel(id);
  assert.match(await staying.text(), /event: end\ndata: \{"reason":"cancelled"/);
});
