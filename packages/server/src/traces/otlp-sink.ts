/** The one module that loads OpenTelemetry; imported where traces are on. */
import { hostname } from "node:os";
import type { Span, TraceContext } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import { createTraceState, ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } from "@opentelemetry/api";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import {
  defaultResource,
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type ReadableSpan,
  type Sampler,
  SamplingDecision,
  type SpanExporter,
  TraceIdRatioBasedSampler,
} from "@opentelemetry/sdk-trace";
import type { Logger } from "pino";
import { VERSION } from "../version.ts";
import { SpanOutbox } from "./span-outbox.ts";
import type { SpanSink, TraceEnvironment } from "./tracing.ts";

/** What waits for the collector at most is sent within so long at the end, in milliseconds. */
const LAST_MS = 3_000;

/** Where the environment does not say. A run of some thousand messages ends in a moment: more may wait than is usual. */
const MAX_WAITING = 16_384;
const MAX_BATCH = 512;
const DELAY_MS = 1_000;

const SCOPE = { name: "millrace", version: VERSION };

/**
 * Sends spans by the OpenTelemetry protocol, over HTTP, as the standard variables say.
 * @throws MillraceError SETTING_INVALID where they say what cannot be done
 */
export function openOtlpSink(options: {
  readonly environment: TraceEnvironment;
  /** What this process is called; null: by its host and process id. */
  readonly instance: string | null;
  readonly log: Logger;
}): SpanSink {
  const { environment, instance, log } = options;
  const exporter = exporterOf(environment);
  const sampler = samplerOf(environment);
  const resource = defaultResource()
    .merge(
      resourceFromAttributes({
        "service.name": "millrace",
        "service.version": VERSION,
        "service.instance.id": instance ?? `${hostname()}-${process.pid}`,
      }),
    )
    .merge(detectResources({ detectors: [envDetector] }));
  const outbox = new SpanOutbox({
    send: (spans) =>
      send(
        exporter,
        spans.map((span) => readable(span, resource)),
      ),
    onTrouble: (error) => {
      if (error === null) log.info("traces are taken again");
      else log.warn({ traces: outbox.counts }, `traces are not taken: ${error.message}; runs go on without them`);
    },
    maxWaiting: numberOf(environment, "OTEL_BSP_MAX_QUEUE_SIZE", MAX_WAITING),
    maxBatch: numberOf(environment, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", MAX_BATCH),
    delayMs: numberOf(environment, "OTEL_BSP_SCHEDULE_DELAY", DELAY_MS),
  });
  return {
    get counts() {
      return outbox.counts;
    },
    add: (span) => outbox.add(span),
    samples: (traceId, parent) => samples(sampler, traceId, parent),
    async close() {
      await outbox.close(LAST_MS);
      // It waits for what is under way: what did not come through by now is given up.
      void exporter.shutdown().catch(() => undefined);
    },
  };
}

/**
 * Sends the collector a message without spans.
 * @throws MillraceError SETTING_INVALID where the environment says what cannot be done; another where it is not taken
 */
export async function askCollector(environment: TraceEnvironment): Promise<void> {
  const exporter = exporterOf(environment);
  samplerOf(environment);
  try {
    await send(exporter, []);
  } finally {
    void exporter.shutdown().catch(() => undefined);
  }
}

function exporterOf(environment: TraceEnvironment): SpanExporter {
  const protocol = environment.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL || environment.OTEL_EXPORTER_OTLP_PROTOCOL;
  for (const name of ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"]) {
    const endpoint = environment[name];
    if (!endpoint || /^https?:$/.test(URL.parse(endpoint)?.protocol ?? "")) continue;
    throw invalid(`${name}: expected a URL as http://127.0.0.1:4318`);
  }
  switch (protocol?.trim() || "http/protobuf") {
    case "http/protobuf":
      return new ProtobufExporter();
    case "http/json":
      return new JsonExporter();
    default:
      throw invalid(
        `OTEL_EXPORTER_OTLP_PROTOCOL: expected http/protobuf or http/json, got "${protocol}". Collectors take those on port 4318`,
      );
  }
}

function samplerOf(environment: TraceEnvironment): Sampler {
  const name = environment.OTEL_TRACES_SAMPLER?.trim() || "parentbased_always_on";
  const argument = environment.OTEL_TRACES_SAMPLER_ARG?.trim() || "1";
  const ratio = () => {
    const value = Number(argument);
    if (value >= 0 && value <= 1) return new TraceIdRatioBasedSampler(value);
    throw invalid(`OTEL_TRACES_SAMPLER_ARG: expected a number from 0 to 1, got "${argument}"`);
  };
  switch (name) {
    case "always_on":
      return new AlwaysOnSampler();
    case "always_off":
      return new AlwaysOffSampler();
    case "traceidratio":
      return ratio();
    case "parentbased_always_on":
      return new ParentBasedSampler({ root: new AlwaysOnSampler() });
    case "parentbased_always_off":
      return new ParentBasedSampler({ root: new AlwaysOffSampler() });
    case "parentbased_traceidratio":
      return new ParentBasedSampler({ root: ratio() });
    default:
      throw invalid(
        `OTEL_TRACES_SAMPLER: expected always_on, always_off, traceidratio, or one of these behind parentbased_, got "${name}"`,
      );
  }
}

function samples(sampler: Sampler, traceId: string, parent: TraceContext | null): boolean {
  const context =
    parent === null
      ? ROOT_CONTEXT
      : trace.setSpanContext(ROOT_CONTEXT, {
          traceId: parent.traceId,
          spanId: parent.spanId,
          traceFlags: parent.sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
          isRemote: true,
        });
  const { decision } = sampler.shouldSample(context, traceId, "execution", SpanKind.INTERNAL, {}, []);
  return decision === SamplingDecision.RECORD_AND_SAMPLED;
}

function send(exporter: SpanExporter, spans: ReadableSpan[]): Promise<void> {
  return new Promise((resolve, reject) => {
    exporter.export(spans, ({ code, error }) => {
      if (code === 0) resolve();
      else reject(error ?? new Error("the collector did not take them"));
    });
  });
}

const KINDS: Readonly<Record<Span["kind"], SpanKind>> = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  consumer: SpanKind.CONSUMER,
};

/** A span as the SDK would have made it, which gives spans ids of its own. */
function readable(span: Span, resource: Resource): ReadableSpan {
  const contextOf = (spanId: string, traceId = span.traceId) => ({ traceId, spanId, traceFlags: TraceFlags.SAMPLED });
  const own = {
    ...contextOf(span.spanId),
    ...(span.state === null ? {} : { traceState: createTraceState(span.state) }),
  };
  return {
    name: span.name,
    kind: KINDS[span.kind],
    spanContext: () => own,
    ...(span.parentSpanId === null ? {} : { parentSpanContext: contextOf(span.parentSpanId) }),
    startTime: timeOf(span.startMs),
    endTime: timeOf(span.endMs),
    duration: timeOf(span.endMs - span.startMs),
    status: { code: span.errorType === null ? SpanStatusCode.UNSET : SpanStatusCode.ERROR },
    attributes: { ...span.attributes },
    links: span.links.map(({ traceId, spanId }) => ({ context: contextOf(spanId, traceId) })),
    events: [],
    ended: true,
    resource,
    instrumentationScope: SCOPE,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

/** Seconds, and nanoseconds. */
function timeOf(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.min(999_999_999, Math.round((ms - seconds * 1000) * 1e6))];
}

function numberOf(environment: TraceEnvironment, name: string, fallback: number): number {
  const text = environment[name]?.trim() ?? "";
  if (text === "") return fallback;
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw invalid(`${name}: expected a whole number from 1 on, got "${text}"`);
}

function invalid(text: string): MillraceError {
  return new MillraceError("SETTING_INVALID", `${text}. To make no traces, set traces: off.`);
}
