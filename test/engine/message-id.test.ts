import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { validate, version } from "uuid";
import { emittedMessageId } from "../../packages/engine/src/execution/message-id.ts";

const route = fc.oneof(fc.stringMatching(/^[a-z][a-z0-9_-]{0,63}$/), fc.string({ unit: "binary", maxLength: 300 }));

test("an emitted message's id is a UUID that begins as its parent's, and whose rest is a hash of where it comes from", () => {
  fc.assert(
    fc.property(fc.uuid(), fc.nat(), route, (parent, output, to) => {
      const id = emittedMessageId(parent, output, to);
      assert.ok(validate(id) && version(id) === 8, id);
      assert.equal(id.slice(0, 14), parent.slice(0, 14));
      const sha1 = createHash("sha1")
        .update(Buffer.from(parent.replaceAll("-", ""), "hex"))
        .update(`${output}/${to}`);
      assert.equal(id.slice(24), sha1.digest("hex").slice(20, 32));
    }),
    { numRuns: 1_000 },
  );
});

test("many messages of one parent have as many ids", () => {
  const parent = "01990d6f-0c5e-7000-8000-000000000000";
  const ids = new Set(Array.from({ length: 100_000 }, (_, output) => emittedMessageId(parent, output, "work")));
  assert.equal(ids.size, 100_000);
});
