import assert from "node:assert/strict";
import { type ExecutionEvent, emptyProgress, foldEvent, type Progress } from "@millrace/protocol";
import { carrierOf, type Plan } from "./random-pipeline.ts";
import { lineOf, outcomeOf } from "./reference-model.ts";

/** Checks the journal of a run that is over against what the model says of its plan; returns its fold. */
export function checkSettled(
  plan: Plan,
  labels: ReadonlyMap<string, string>,
  events: readonly ExecutionEvent[],
  status: string,
): Progress {
  const expected = outcomeOf(plan);
  const settled = settledIn(events, labels, plan);
  assert.equal(status, expected.fails ? "failed" : "completed");
  if (expected.fails) {
    const possible = [...expected.settled];
    for (const line of settled.filter((line) => line.includes(" completed: "))) {
      const at = possible.indexOf(line);
      assert.ok(at >= 0, `it should not have come to: ${line}`);
      possible.splice(at, 1);
    }
  } else assert.deepEqual(settled, expected.settled);
  const folded = emptyProgress(plan.routes[0]?.route);
  for (const event of events) foldEvent(folded, event);
  assert.equal(folded.open.size, 0, "what was taken is settled");
  if (!expected.fails) assert.equal(folded.outstanding, 0, "and nothing else is left");
  return folded;
}

/** The messages that were settled, each as the model has it, but for those that carry batches. */
function settledIn(events: readonly ExecutionEvent[], labels: ReadonlyMap<string, string>, plan: Plan): string[] {
  const carriers = new Set(plan.routes.map(({ route }) => carrierOf(route)));
  const gathering = new Set(plan.routes.flatMap(({ route, batch }) => (batch === null ? [] : [route])));
  const open = new Map<string, number[][]>();
  const lines: string[] = [];
  for (const event of events) {
    const ran = open.get(event.message_id) ?? [];
    open.set(event.message_id, ran);
    if (event.type === "initiated") {
      assert.equal(event.attempt, ran.length + 1, "attempts are counted one by one");
      ran.push([]);
    } else if (event.type === "processing") {
      assert.ok(!ran.at(-1)?.includes(event.adapter_index), "an adapter begins once an attempt");
      ran.at(-1)?.push(event.adapter_index);
    } else if (event.type === "completed" || !event.will_retry) {
      assert.ok(!ran.includes(SETTLED), "a message is settled once");
      if (carriers.has(event.route)) {
        const stopped = event.type === "failed" && event.error.code === "CANCELLED";
        assert.ok(event.type === "completed" || stopped, "what only takes batches apart does not fail");
      } else {
        lines.push(
          lineOf({
            route: event.route,
            label: labels.get(event.message_id) ?? "never worked on",
            failed: event.type === "failed",
            ran,
            emitted: gathering.has(event.route) ? null : (event.emitted ?? {}),
          }),
        );
      }
      ran.push(SETTLED);
    }
  }
  return lines.sort();
}

const SETTLED: number[] = [];
