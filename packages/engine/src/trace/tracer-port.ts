import type { TraceContext } from "./trace-context.ts";

/** What attributes of spans may be. Never a payload, a query, or a secret: traces go to other services. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** A span that is over. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  /** Null where it is the first of its trace. */
  readonly parentSpanId: string | null;
  readonly state: string | null;
  readonly kind: "internal" | "server" | "client" | "consumer";
  readonly name: string;
  /** Epoch ms, with fractions. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: SpanAttributes;
  /** Spans that it has to do with, and that are not its parent. */
  readonly links: readonly Pick<TraceContext, "traceId" | "spanId">[];
  /** The code of what it failed with; null where it did not fail. */
  readonly errorType: string | null;
}

/** Where spans go. A service without one makes none. */
export interface Tracer {
  /** Spans of messages that are recorded of one execution at most. */
  readonly maxMessages: number;
  /** Takes a span over, or drops it where there is no room: it never waits, and never throws. */
  record(span: Span): void;
  /** Whether a trace that begins here, or goes on from `parent`, is recorded. */
  samples(traceId: string, parent: TraceContext | null): boolean;
  /** Under which span this is called: that of a request; null where none is. */
  current(): TraceContext | null;
}
