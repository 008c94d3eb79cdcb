import type { EventError, ExecutionEvent } from "@millrace/protocol";
import type { Step } from "../definition/definition.ts";
import type { MessageChange, NewMessage, ObjectChange, Transition } from "../ports.ts";
import type { Flow } from "../route/flow.ts";
import { retryDelayMs } from "../route/retry-delay.ts";

/** No adapter can hold a message back for longer, in milliseconds. */
const MAX_RETRY_AFTER_MS = 24 * 60 * 60 * 1000;

/** The parts of a transition that settle messages. */
export type Settlement = Pick<Transition, "events"> & Required<Pick<Transition, "enqueue" | "changes" | "objects">>;

/** What a failure makes of messages. */
export interface FailedSettlement extends Settlement {
  /** Failed for good. */
  readonly settled: readonly Flow[];
  /** Taken again once they are due. */
  readonly retried: readonly { readonly flow: Flow; readonly dueAt: number; readonly waitMs: number }[];
}

/**
 * Messages whose chain is done: what they still had to commit, then their `completed` events. Of a batch, all but
 * `leader` say that they went into it. `keep`: they keep their payloads.
 */
export function settleCompleted(flows: readonly Flow[], keep: boolean, leader?: Flow): Settlement {
  const [only] = flows;
  if (only !== undefined && flows.length === 1) {
    const { events, enqueue, objects } = only.complete();
    return { events, enqueue, objects, changes: [{ kind: "settled", seq: only.message.seq, keep }] };
  }
  const parts = flows.map((flow) => flow.drain());
  return {
    events: [
      ...parts.flatMap((part) => part.events),
      ...flows.map((flow) => flow.completedEvent(flow === leader ? undefined : leader?.message.id)),
    ],
    enqueue: parts.flatMap((part) => part.enqueue),
    changes: flows.map((flow) => ({ kind: "settled", seq: flow.message.seq, keep })),
    objects: parts.flatMap((part) => part.objects),
  };
}

/**
 * Messages whose adapter failed: each is retried, where the error, its route and `mayRetry` allow, or kept with its
 * error for good. What they had emitted before goes on.
 */
export function settleFailed(
  flows: readonly Flow[],
  failure: { readonly error: EventError; readonly step: Step | null; readonly retryAfterMs?: number },
  context: { readonly mayRetry: boolean; readonly now: number },
): FailedSettlement {
  const { error, step, retryAfterMs = 0 } = failure;
  const events: ExecutionEvent[] = [];
  const enqueue: NewMessage[] = [];
  const changes: MessageChange[] = [];
  const objects: ObjectChange[] = [];
  const settled: Flow[] = [];
  const retried: { flow: Flow; dueAt: number; waitMs: number }[] = [];
  for (const flow of flows) {
    const drained = flow.drain();
    events.push(...drained.events);
    enqueue.push(...drained.enqueue);
    changes.push(...drained.changes);
    objects.push(...drained.objects);
    const { seq, attempt, failures } = flow.message;
    const handling = flow.route.errorHandling;
    const retry =
      context.mayRetry && error.retryable && failures < handling.maxRetries && flow.abortCause !== "cancelled";
    events.push(flow.failedEvent(error, step, retry));
    if (retry) {
      const waitMs = Math.max(retryDelayMs(handling, failures), Math.min(retryAfterMs, MAX_RETRY_AFTER_MS));
      const dueAt = context.now + waitMs;
      changes.push({ kind: "retry", seq, attempt: attempt + 1, failures: failures + 1, dueAt });
      retried.push({ flow, dueAt, waitMs });
    } else {
      const place = { adapter: step?.name ?? null, adapter_index: step?.index ?? null };
      changes.push({ kind: "kept", seq, error: { ...error, ...place, failed_at: flow.host.timestamp() } });
      settled.push(flow);
    }
  }
  return { events, enqueue, changes, objects, settled, retried };
}
