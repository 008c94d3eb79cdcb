import assert from "node:assert/strict";
import { type ExecutionEvent, emptyProgress, executionEventSchema, foldEvent } from "@millrace/protocol";
import type { Frame } from "./read-stream.ts";

/** What a whole journal must be, whatever happened to the process that wrote it. */
export function checkJournal(frames: readonly Frame[]): ExecutionEvent[] {
  const end = frames.at(-1);
  assert.equal(end?.event, "end", "the last frame is the end");
  const events = frames.slice(0, -1).map((frame) => executionEventSchema.parse(frame.data));
  const seen = new Set<string>();
  const settled = new Map<string, number>();
  const failed = new Map<string, number>();
  const known = new Map<string, string>();
  const announced = new Map<string, number>();
  const initiated = new Map<string, number>();
  for (const event of events) {
    const place = event.type === "processing" ? event.adapter_index : "";
    const key = `${event.message_id} ${event.attempt} ${event.type} ${place}`;
    assert.ok(!seen.has(key), `twice in the journal: ${key}`);
    seen.add(key);
    // One that failed for good may be retried: its next attempt begins then.
    if (failed.get(event.message_id) === event.attempt - 1 && event.type === "initiated") {
      failed.delete(event.message_id);
      settled.delete(event.message_id);
    }
    assert.ok(!settled.has(event.message_id), `an event after its message was settled: ${key}`);
    if (event.type === "initiated") {
      if (event.attempt === 1) initiated.set(event.route, (initiated.get(event.route) ?? 0) + 1);
      known.set(event.message_id, event.route);
    } else assert.ok(known.has(event.message_id), `an event before its message was initiated: ${key}`);
    if (event.type === "completed" || (event.type === "failed" && !event.will_retry)) {
      settled.set(event.message_id, event.attempt);
      if (event.type === "failed") failed.set(event.message_id, event.attempt);
      for (const [route, count] of Object.entries(event.emitted ?? {}))
        announced.set(route, (announced.get(route) ?? 0) + count);
    }
  }
  if (end?.data.reason === "completed") {
    assert.equal(settled.size, known.size, "every message that was taken is settled");
    for (const [route, count] of announced)
      assert.equal(initiated.get(route), count, `messages of ${route}: emitted and taken`);
    const progress = emptyProgress();
    for (const event of events) foldEvent(progress, event);
    assert.equal(progress.outstanding, 0, "the fold has nothing outstanding");
  }
  let last = 0;
  for (const frame of frames.slice(0, -1)) {
    assert.ok(Number(frame.id) > last, "ids grow");
    last = Number(frame.id);
  }
  return events;
}
