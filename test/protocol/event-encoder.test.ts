import assert from "node:assert/strict";
import { test } from "node:test";
import { EventEncoder, type ExecutionEvent, encodeFrame, toOneLine } from "@millrace/protocol";
import fc from "fast-check";

/** Few, so that events that follow each other share some of them; some with characters that JSON escapes. */
const text = fc.oneof(
  fc.constantFrom("a", "b", "", '"', "\\", "\u2028", "ü", "\ud800", "🏭", "\n", "\u007f"),
  fc.string({ unit: "binary" }),
);
const number = fc.oneof(fc.constantFrom(0, -0, 1, 0.125, 1e21, 1e-7, Number.NaN, Infinity), fc.double());
const counts = fc.oneof(fc.constant({}), fc.dictionary(text, number));

const common = fc.record({
  execution_id: text,
  message_id: text,
  parent_message_id: fc.option(text),
  correlation_id: text,
  root_correlation_id: text,
  route: text,
  timestamp: text,
  attempt: number,
});

const usage = fc.array(
  fc.record({
    requests: fc.nat(),
    cached: fc.nat(),
    input_tokens: fc.nat(),
    output_tokens: fc.nat(),
    cost: fc.double({ noNaN: true, min: 0 }),
    adapter: text,
    adapter_index: fc.nat(),
  }),
);

const rest = fc.oneof(
  fc.record({ type: fc.constant("initiated" as const) }),
  fc.record({
    type: fc.constant("processing" as const),
    adapter: text,
    adapter_index: fc.nat(),
  }),
  fc.record(
    { type: fc.constant("completed" as const), duration_ms: number, emitted: counts, batched_into: text, usage },
    { requiredKeys: ["type", "duration_ms", "emitted"] },
  ),
  fc.record(
    {
      type: fc.constant("failed" as const),
      adapter: text,
      adapter_index: fc.nat(),
      duration_ms: number,
      error: fc.record({ code: text, message: text, retryable: fc.boolean() }),
      will_retry: fc.boolean(),
      emitted: counts,
      usage,
    },
    { requiredKeys: ["type", "duration_ms", "error", "will_retry"] },
  ),
);

const event: fc.Arbitrary<ExecutionEvent> = fc
  .tuple(common, rest)
  .map(([shared, own]): ExecutionEvent => ({ ...shared, ...own }));

test("events are encoded as JSON.stringify would, on one line, byte for byte, whatever came before them", () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 30 }), (events) => {
      const encoder = new EventEncoder();
      for (const each of events) {
        assert.equal(`${encoder.encode(each)}\nid: 7\n\n`, encodeFrame(each.type, toOneLine(JSON.stringify(each)), 7));
      }
    }),
    { numRuns: 1_000 },
  );
});
