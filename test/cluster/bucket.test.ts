import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { Fleet } from "../support/fleet.ts";
import { S3Server } from "../support/s3-server.ts";
import { openSharedStack, withoutSharedStack } from "../support/shared-stack.ts";

const PIPELINE = `
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 20 } }], outbound: [keep] }
  keep: { adapters: [{ type: store_write, config: { stage: kept, name: "\${message_id}.json" } }] }
init_message: { route: make }
`;

test("what runs write is in the bucket, is served by any node, and goes with its execution", {
  skip: await withoutSharedStack(),
}, async () => {
  await using bucket = await S3Server.start();
  await using stack = await openSharedStack();
  const env = { ...stack.env, ...bucket.environment, MILLRACE_OBJECTS_URL: bucket.url("some/prefix") };
  await using fleet = await Fleet.start(["both", "serve"], { env });
  const id = await fleet.run(PIPELINE);
  const { client } = fleet;
  assert.equal((await client.executions.wait(id)).status, "completed");
  const keys = [...bucket.objects.keys()];
  assert.equal(keys.length, 20);
  assert.ok(keys.every((key) => key.startsWith(`some/prefix/executions/${id}/`)));
  const [key = ""] = keys;
  for (const { url } of fleet.nodes) {
    const answer = await fetch(`${url}/api/v1/storage/objects/${key.replace("some/prefix/", "")}`);
    assert.deepEqual([answer.status, answer.headers.get("content-type")], [200, "application/json"]);
    assert.equal(await answer.text(), bucket.objects.get(key)?.body.toString());
  }
  await client.executions.delete(id);
  await eventually(() => assert.equal(bucket.objects.size, 0));
});

test("a bucket that is away for a while costs time and no message", {
  skip: await withoutSharedStack(),
}, async () => {
  await using bucket = await S3Server.start();
  await using stack = await openSharedStack();
  const env = { ...stack.env, ...bucket.environment, MILLRACE_OBJECTS_URL: bucket.url() };
  await using fleet = await Fleet.start(["both"], { env });
  let refused = 0;
  bucket.fault = ({ method }) => {
    if (method !== "PUT" || refused === 8) return null;
    refused += 1;
    return { status: 500, code: "InternalError" };
  };
  const id = await fleet.run(PIPELINE);
  assert.equal((await fleet.client.executions.wait(id)).status, "completed");
  assert.deepEqual([bucket.objects.size, refused], [20, 8]);
});
