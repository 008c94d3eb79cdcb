import { AsyncLocalStorage } from "node:async_hooks";
import type { Span, TraceContext, Tracer } from "@millrace/engine";
import type { Logger } from "pino";
import type { Settings } from "../settings.ts";
import type { SpanCounts } from "./span-outbox.ts";

/** The environment that tracing is set up by. */
export type TraceEnvironment = Readonly<Record<string, string | undefined>>;

/** Traces that are recorded and sent. */
export interface Tracing extends Tracer {
  /** What became of the spans of this process. */
  readonly counts: SpanCounts;
  /** Runs something under a span: what it starts goes on from there. */
  run<T>(context: TraceContext, work: () => T): T;
  /** Sends what is left, within a few seconds. */
  close(): Promise<void>;
}

/** What takes spans to where they are looked at. */
export interface SpanSink {
  readonly counts: SpanCounts;
  add(span: Span): void;
  samples(traceId: string, parent: TraceContext | null): boolean;
  close(): Promise<void>;
}

/**
 * Tracing as it is set; null where it is off: nothing of it is loaded then.
 * @throws MillraceError SETTING_INVALID where it is to be on, and OTEL_* variables say what cannot be done
 */
export async function openTracing(
  settings: Settings,
  log: Logger,
  environment: TraceEnvironment = process.env,
): Promise<Tracing | null> {
  if (!tracesAreOn(settings.traces, environment)) return null;
  // Loaded only now: it takes time and memory that nobody is to spend who makes no traces.
  const { openOtlpSink } = await import("./otlp-sink.ts");
  const sink = openOtlpSink({ environment, instance: settings.node_name, log });
  return tracingTo(sink, settings.trace_messages);
}

/** Tracing whose spans go to `sink`. */
export function tracingTo(sink: SpanSink, maxMessages: number): Tracing {
  const under = new AsyncLocalStorage<TraceContext>();
  return {
    maxMessages,
    get counts() {
      return sink.counts;
    },
    record: (span) => sink.add(span),
    samples: (traceId, parent) => sink.samples(traceId, parent),
    current: () => under.getStore() ?? null,
    run: (context, work) => under.run(context, work),
    close: () => sink.close(),
  };
}

/** Whether traces are made; `auto`: where the environment names a collector, as it does for every program that speaks OpenTelemetry. */
export function tracesAreOn(traces: Settings["traces"], environment: TraceEnvironment): boolean {
  if (traces !== "auto") return traces === "otlp";
  if (environment.OTEL_SDK_DISABLED?.trim().toLowerCase() === "true") return false;
  const exporters = (environment.OTEL_TRACES_EXPORTER || "otlp").split(",").map((name) => name.trim());
  const named = environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || environment.OTEL_EXPORTER_OTLP_ENDPOINT || "";
  return exporters.includes("otlp") && named !== "";
}
