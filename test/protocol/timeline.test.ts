import assert from "node:assert/strict";
import { test } from "node:test";
import { addToTimeline, emptyTimeline, MAX_TIMELINE_BUCKETS } from "@millrace/protocol";
import fc from "fast-check";

const settled = fc.record({
  after: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: -5_000, max: 10_000_000 })),
  outcome: fc.constantFrom("completed" as const, "failed" as const),
});

test("however long a run is, each settled message counts in the bucket of its time, and the buckets stay few", () => {
  fc.assert(
    fc.property(fc.array(settled, { maxLength: 200 }), (messages) => {
      const timeline = emptyTimeline();
      const start = 1_800_000_000_000;
      timeline.start = start;
      const times: { at: number; outcome: "completed" | "failed" }[] = [];
      let at = start;
      for (const { after, outcome } of messages) {
        at += after;
        times.push({ at, outcome });
        addToTimeline(timeline, outcome, at);
      }
      assert.ok(timeline.completed.length <= MAX_TIMELINE_BUCKETS);
      assert.equal(timeline.completed.length, timeline.failed.length);
      for (const outcome of ["completed", "failed"] as const) {
        const expected = timeline[outcome].map(
          (_, bucket) =>
            times.filter(
              (message) =>
                message.outcome === outcome &&
                Math.floor(Math.max(0, message.at - start) / timeline.bucketMs) === bucket,
            ).length,
        );
        assert.deepEqual(timeline[outcome], expected);
      }
    }),
  );
});
