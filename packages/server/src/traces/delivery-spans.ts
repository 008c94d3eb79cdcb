import {
  contextOf,
  type DeliveryRecord,
  type Records,
  type TraceHeaders,
  traceparentOf,
  type WebhookRecord,
} from "@millrace/engine";
import { newId } from "./request-spans.ts";
import type { Tracing } from "./tracing.ts";

/** A delivery that is being sent. */
export interface DeliverySpan {
  /** What its request carries. */
  readonly headers: TraceHeaders;
  /** It was answered with that status; null: not at all. */
  end(status: number | null): void;
}

/** Makes spans of the attempts at deliveries, under the execution that they tell of. */
export interface DeliverySpans {
  /** Null where the execution has no trace, or is gone. */
  begin(webhook: WebhookRecord, delivery: DeliveryRecord): Promise<DeliverySpan | null>;
}

/** @see DeliverySpans */
export function deliverySpans(tracing: Tracing, records: Records): DeliverySpans {
  return {
    async begin(webhook, { id, executionId, attempts }) {
      // Nothing that a delivery depends on.
      const record = executionId === null ? null : await records.getExecution(executionId).catch(() => null);
      const execution = record === null ? null : contextOf(record.configSnapshot);
      if (execution === null) return null;
      const context = { ...execution, spanId: newId(8) };
      const startMs = Date.now();
      return {
        headers: { traceparent: traceparentOf(context), tracestate: context.state },
        end(status) {
          if (!context.sampled) return;
          const errorType = status === null ? "NO_ANSWER" : status >= 300 ? String(status) : null;
          tracing.record({
            ...context,
            parentSpanId: execution.spanId,
            kind: "client",
            name: "POST webhook",
            startMs,
            endMs: Date.now(),
            attributes: {
              "http.request.method": "POST",
              "server.address": new URL(webhook.url).hostname,
              ...(status === null ? {} : { "http.response.status_code": status }),
              ...(errorType === null ? {} : { "error.type": errorType }),
              "millrace.webhook.id": webhook.id,
              "millrace.delivery.id": id,
              "millrace.delivery.attempt": attempts,
            },
            links: [],
            errorType,
          });
        },
      };
    },
  };
}
