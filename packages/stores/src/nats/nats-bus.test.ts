import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "@nats-io/transport-node";
import { eventually } from "../../../../test/support/eventually.ts";
import { NATS_URL, natsPrefix, withoutNats } from "../../../../test/support/nats.ts";
import { busConformance } from "../conformance/bus.ts";
import { decodeReply } from "./call-envelopes.ts";
import { openNatsBus } from "./nats-bus.ts";

busConformance(
  "NATS",
  async (t) => {
    const prefix = natsPrefix(t);
    return () => openNatsBus({ servers: NATS_URL, prefix, name: "a test" });
  },
  await withoutNats(),
);

test("a node of another version gets an answer that names both versions", { skip: await withoutNats() }, async (t) => {
  const prefix = natsPrefix(t);
  const bus = await openNatsBus({ servers: NATS_URL, prefix, name: "a test" });
  t.after(() => bus.close());
  bus.answer("question", async (data) => data);
  const stranger = await connect({ servers: NATS_URL.split(",") });
  t.after(() => stranger.close());
  const head = Buffer.from(JSON.stringify({ v: 7, kind: "request" }));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(head.length);
  const asking = () => stranger.request(`${prefix}.question`, Buffer.concat([length, head]), { timeout: 60_000 });
  const { head: answer } = decodeReply((await eventually(asking)).data);
  assert.ok(answer.kind === "error");
  assert.match(answer.message, /version 7; this node reads version 1/);
});
