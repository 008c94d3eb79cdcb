import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { v5 } from "uuid";
import { emittedMessageId } from "../../packages/engine/src/execution/message-id.ts";

test("an emitted message's id is the name-based UUID of its parent, output and route, as other libraries make it", () => {
  const route = fc.stringMatching(/^[a-z][a-z0-9_-]{0,63}$/);
  fc.assert(
    fc.property(
      fc.uuid(),
      fc.nat(),
      fc.oneof(route, fc.string({ unit: "binary", maxLength: 300 })),
      (parent, output, to) => {
        assert.equal(emittedMessageId(parent, output, to), v5(`${output}/${to}`, parent));
      },
    ),
    { numRuns: 1_000 },
  );
});
