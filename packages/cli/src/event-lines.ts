import type { GapEvent } from "@millrace/client";
import type { EndReason, ExecutionEvent, ExecutionStatus } from "@millrace/protocol";
import { printable } from "./output.ts";

/** An event as a line of JSON for scripts: its id before its data. */
export function eventAsJson({ id, ...event }: (ExecutionEvent & { readonly id: string }) | GapEvent): string {
  return JSON.stringify({ id, ...event });
}

/** The line of JSON that says how a stream ended, and how its execution is. */
export function endAsJson(
  id: string | null,
  execution_id: string,
  { reason, status }: { readonly reason: EndReason; readonly status: ExecutionStatus | null },
): string {
  return JSON.stringify({ id, type: "end", execution_id, reason, status });
}

/** An event as a line for people. */
export function eventAsText(event: ExecutionEvent): string {
  const what = [event.timestamp, event.type.padEnd(10), printable(event.route)];
  if (event.type === "processing") what.push(printable(event.adapter));
  if (event.type === "failed")
    what.push(`${event.error.code}: ${printable(event.error.message)}${event.will_retry ? " (will retry)" : ""}`);
  if (event.type === "completed" && Object.keys(event.emitted).length > 0) {
    const emitted = Object.entries(event.emitted).map(([route, count]) => `${count} ${printable(route)}`);
    what.push(`→ ${emitted.join(", ")}`);
  }
  return `${what.join("  ")}  ${event.message_id}${event.attempt > 1 ? ` #${event.attempt}` : ""}`;
}
