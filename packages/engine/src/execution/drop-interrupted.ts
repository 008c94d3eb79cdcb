import type { ExecutionEvent, Progress } from "@millrace/protocol";
import type { ExecutionRecord, MessageChange, Transition, WorkQueue } from "../ports.ts";
import { findMessages } from "./find-messages.ts";
import { messageError } from "./message-error.ts";

/**
 * Fails what was in flight when the process of an execution died that is ended without being taken up: as in any other
 * that is stopped, each message that was taken is settled, and kept with its payload.
 */
export async function dropInterrupted(
  work: WorkQueue,
  record: ExecutionRecord,
  progress: Progress,
  at: string,
): Promise<Required<Pick<Transition, "events" | "changes">>> {
  const text = "The execution was ended while it was interrupted, with the message in flight.";
  const error = messageError("CANCELLED", text, false);
  const inFlight = [...progress.open].filter(([, message]) => message.inFlight);
  const routes = new Set(inFlight.map(([, message]) => message.route));
  const events: ExecutionEvent[] = [];
  const changes: MessageChange[] = [];
  const ids = inFlight.map(([id]) => id);
  for await (const { id, parentId, route, attempt, seq, emitted } of findMessages(work, record.id, routes, ids)) {
    events.push({
      execution_id: record.id,
      message_id: id,
      parent_message_id: parentId,
      correlation_id: id,
      root_correlation_id: record.rootCorrelationId,
      route,
      timestamp: at,
      attempt,
      type: "failed",
      // The clock that it was measured by went with the process.
      duration_ms: 0,
      error,
      will_retry: false,
      ...(Object.keys(emitted).length > 0 ? { emitted } : {}),
    });
    changes.push({ kind: "kept", seq, error: { ...error, adapter: null, adapter_index: null, failed_at: at } });
  }
  return { events, changes };
}
