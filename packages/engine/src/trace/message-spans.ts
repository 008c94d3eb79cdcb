import type { CompletedEvent, FailedEvent } from "@millrace/protocol";
import type { Flow } from "../route/flow.ts";
import { attemptSpanId, messageSpanId, stepSpanId } from "./span-ids.ts";
import type { TraceContext } from "./trace-context.ts";
import type { Span, SpanAttributes } from "./tracer-port.ts";

/** An attempt that is committed. */
export interface EndedAttempt {
  readonly context: TraceContext;
  readonly executionSpanId: string;
  readonly flow: Flow;
  readonly event: CompletedEvent | FailedEvent;
  /** When the first attempt began, in epoch ms; null where that is not known, or this one is the first. */
  readonly began: number | null;
  /** Whether the message's own span is recorded already. */
  readonly again: boolean;
  /** Whether its parent's span may not be recorded. */
  readonly detached: boolean;
  /** Messages that were gathered into this one. */
  readonly batched: readonly string[];
}

/** As many links as a span has by default in OpenTelemetry. */
const MAX_LINKS = 128;

/**
 * The spans of an attempt at a message:
 *
 * - one for each adapter that began, from then until it had nothing more to give;
 * - one for the message, when it is settled, from the beginning of its first attempt on;
 * - and one for the attempt, where the message has several.
 */
export function messageSpans(ended: EndedAttempt): { readonly all: readonly Span[]; readonly startMs: number } {
  const { context, flow, event, began, again } = ended;
  const { id, attempt, parentId } = flow.message;
  const now = performance.now();
  const toEpoch = Date.now() - now;
  const endMs = Date.parse(event.timestamp);
  // By the monotonic clock, which is finer; what the event says is when it was, whatever the commit took.
  const startMs = Math.min(endMs, toEpoch + flow.startedMs);
  const willRetry = event.type === "failed" && event.will_retry;
  const isOnly = attempt === 1 && !willRetry;
  const own = { traceId: context.traceId, state: context.state };
  const all = stepSpans(ended, { startMs, toEpoch, parent: isOnly ? messageSpanId(id) : attemptSpanId(id, attempt) });
  const lasted = { endMs: Math.max(endMs, ...all.map((span) => span.endMs)), kind: "consumer" } as const;
  const errorType = event.type === "failed" ? event.error.code : null;
  const attributes = attributesOf(flow, event);
  const links = linksOf(ended);
  if (!isOnly) {
    all.push({
      ...own,
      ...lasted,
      spanId: attemptSpanId(id, attempt),
      parentSpanId: ended.detached && willRetry ? ended.executionSpanId : messageSpanId(id),
      name: `attempt ${attempt}`,
      kind: "internal",
      startMs,
      attributes,
      links: [],
      errorType,
    });
  }
  if (!willRetry && !again) {
    const parent = parentId === null || ended.detached ? ended.executionSpanId : messageSpanId(parentId);
    all.push({
      ...own,
      ...lasted,
      spanId: messageSpanId(id),
      parentSpanId: parent,
      name: `process ${flow.message.route}`,
      startMs: began ?? startMs,
      attributes,
      links,
      errorType,
    });
  }
  return { all, startMs };
}

function stepSpans(
  { context, flow, event }: EndedAttempt,
  at: { readonly startMs: number; readonly toEpoch: number; readonly parent: string },
): Span[] {
  const { id, attempt, route } = flow.message;
  const endMs = Math.max(at.startMs, Date.parse(event.timestamp));
  const { ran, began, ended } = flow.stepTimes;
  const failed = event.type === "failed" ? event : null;
  return ran.flatMap((index, place): Span[] => {
    const step = flow.route.steps[index];
    if (step === undefined) return [];
    const next = ran[place + 1];
    const epochOf = (times: readonly (number | undefined)[] | null, of: number | undefined) =>
      of === undefined || times?.[of] === undefined ? null : at.toEpoch + times[of];
    // Another node tells when its adapters begin, and no more.
    const startMs = epochOf(began, index) ?? at.startMs;
    const isToBlame = failed?.adapter_index === index;
    const toldBy = flow.worker === null ? null : epochOf(began, next);
    const until = isToBlame ? endMs : (epochOf(ended, index) ?? toldBy ?? endMs);
    const used = event.usage?.find((each) => each.adapter_index === index);
    return [
      {
        traceId: context.traceId,
        state: context.state,
        spanId: stepSpanId(id, attempt, index),
        parentSpanId: at.parent,
        kind: "internal",
        name: step.name,
        startMs,
        endMs: Math.max(startMs, until),
        attributes: {
          "millrace.adapter.name": step.name,
          "millrace.adapter.type": step.type,
          "millrace.adapter.index": index,
          "millrace.route": route,
          "millrace.execution.id": event.execution_id,
          ...(step.thread === null ? {} : { "millrace.adapter.isolated": true }),
          ...(used === undefined
            ? {}
            : {
                "gen_ai.usage.input_tokens": used.input_tokens,
                "gen_ai.usage.output_tokens": used.output_tokens,
              }),
          ...(isToBlame ? { "error.type": failed.error.code } : {}),
        },
        links: [],
        errorType: isToBlame ? failed.error.code : null,
      },
    ];
  });
}

/** By the conventions of OpenTelemetry for messaging, as far as they go. */
function attributesOf(flow: Flow, event: CompletedEvent | FailedEvent): SpanAttributes {
  const { id, parentId, route, attempt } = flow.message;
  let emitted = 0;
  for (const count of Object.values(event.emitted ?? {})) emitted += count;
  return {
    "messaging.system": "millrace",
    "messaging.operation.type": "process",
    "messaging.operation.name": "process",
    "messaging.destination.name": route,
    "messaging.message.id": id,
    "messaging.message.conversation_id": event.root_correlation_id,
    "millrace.execution.id": event.execution_id,
    "millrace.route": route,
    "millrace.message.attempt": attempt,
    "millrace.message.emitted": emitted,
    ...(parentId === null ? {} : { "millrace.message.parent_id": parentId }),
    ...(flow.worker === null ? {} : { "millrace.node.id": flow.worker }),
    ...(event.type === "completed" && event.batched_into !== undefined
      ? { "millrace.message.batched_into": event.batched_into }
      : {}),
    ...(event.type === "failed"
      ? { "error.type": event.error.code, "millrace.message.will_retry": event.will_retry }
      : {}),
  };
}

/** Those that were gathered into it, or the one that it was gathered into. */
function linksOf({ context: { traceId }, event, batched }: EndedAttempt): Span["links"] {
  const into = event.type === "completed" ? event.batched_into : undefined;
  if (into !== undefined) return [{ traceId, spanId: messageSpanId(into) }];
  return batched.slice(0, MAX_LINKS).map((id) => ({ traceId, spanId: messageSpanId(id) }));
}
