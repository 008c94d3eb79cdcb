import type { ErrorInfo, ExecutionEvent, JsonObject, JsonValue, Progress, TerminalStatus } from "@millrace/protocol";
import type { Step } from "../definition/definition.ts";
import type { ExecutionRecord, StoredMessage } from "../ports.ts";
import type { Flow } from "../route/flow.ts";
import { messageSpans } from "./message-spans.ts";
import { executionSpanId, messageSpanId, stepSpanId, traceIdOf } from "./span-ids.ts";
import { parseTraceContext, type TraceContext, type TraceHeaders, traceparentOf } from "./trace-context.ts";
import type { SpanAttributes, Tracer } from "./tracer-port.ts";

/** What the snapshot of an execution says of its trace, under {@link TRACE_KEY}. */
interface StoredTrace {
  /** The execution's own span. */
  readonly traceparent: string;
  readonly tracestate?: string;
  /** The span that it was started under. */
  readonly parent_span_id?: string;
  /** The span of the execution that it does again. */
  readonly replay_of?: string;
}

/** Where the snapshot of an execution has it. */
export const TRACE_KEY = "trace";

/** Decides on the trace of an execution that is about to be started: what its snapshot says of it, for any node to read. */
export function beginTrace(
  tracer: Tracer,
  executionId: string,
  parent: TraceContext | null,
  replayOf: ExecutionRecord | null,
): JsonObject {
  const traceId = parent?.traceId ?? traceIdOf(executionId);
  const sampled = tracer.samples(traceId, parent);
  const original = replayOf === null ? null : contextOf(replayOf.configSnapshot);
  return {
    traceparent: traceparentOf({ traceId, spanId: executionSpanId(executionId), sampled }),
    ...(parent === null ? {} : { parent_span_id: parent.spanId }),
    ...(parent?.state ? { tracestate: parent.state } : {}),
    ...(original === null ? {} : { replay_of: traceparentOf(original) }),
  } satisfies StoredTrace;
}

/** The context of an execution by its snapshot; null where it has none. */
export function contextOf(snapshot: JsonObject): TraceContext | null {
  const stored = snapshot[TRACE_KEY];
  if (!isObject(stored)) return null;
  return parseTraceContext(stored.traceparent, stored.tracestate);
}

/** What lines of the log say of an execution's trace. */
export function traceLogFields(snapshot: JsonObject): { trace_id?: string; span_id?: string } {
  const context = contextOf(snapshot);
  return context === null ? {} : { trace_id: context.traceId, span_id: context.spanId };
}

/** What is known of an execution wherever a part of it is worked on. */
type Traced = Pick<ExecutionRecord, "id" | "project" | "startedAt" | "tag" | "replaySource" | "configSnapshot">;

/** The trace of one execution: the ids of its spans, and the spans of what is committed of it here. */
export class ExecutionTrace {
  readonly context: TraceContext;
  readonly #tracer: Tracer;
  readonly #record: Traced;
  readonly #stored: JsonObject;
  /** When the first attempt began at messages that wait for another, in epoch ms. */
  readonly #began = new Map<string, number>();
  /** Messages whose spans are recorded already, and that were taken back since. */
  readonly #again = new Set<string>();
  #messages = 0;
  #failures = 0;
  #leftOut = 0;

  private constructor(tracer: Tracer, record: Traced, context: TraceContext, stored: JsonObject) {
    this.context = context;
    this.#tracer = tracer;
    this.#record = record;
    this.#stored = stored;
  }

  /** Null where there is no tracer, or was none when the execution was started. */
  static of(tracer: Tracer | null | undefined, record: Traced): ExecutionTrace | null {
    if (tracer === null || tracer === undefined) return null;
    const stored = record.configSnapshot[TRACE_KEY];
    const context = contextOf(record.configSnapshot);
    return context === null || !isObject(stored) ? null : new ExecutionTrace(tracer, record, context, stored);
  }

  /** Whether spans are recorded of it; the context is passed on in any case. */
  get sampled(): boolean {
    return this.context.sampled;
  }

  /** What a step's own requests carry. */
  headersOf(message: StoredMessage, step: Step): TraceHeaders {
    const { state } = this.context;
    return { traceparent: traceparentOf(this.stepContext(message, step.index)), tracestate: state };
  }

  /** Under which a step starts what is a part of its work. */
  stepContext({ id, attempt }: Pick<StoredMessage, "id" | "attempt">, index: number): TraceContext {
    return { ...this.context, spanId: stepSpanId(id, attempt, index) };
  }

  /** What lines of the log say of a step. */
  logFields(message: StoredMessage, step: Pick<Step, "index"> | null): { trace_id: string; span_id: string } {
    const spanId = step === null ? messageSpanId(message.id) : this.stepContext(message, step.index).spanId;
    return { trace_id: this.context.traceId, span_id: spanId };
  }

  /** Messages that failed for good are taken again: the spans that they have are not made a second time. */
  takenBack(messageIds: Iterable<string>): void {
    for (const id of messageIds) this.#again.add(id);
  }

  /** Records the attempts that ended with what was just committed. */
  committed(events: readonly ExecutionEvent[], flows: readonly Flow[]): void {
    if (flows.length === 0) return;
    const byId = new Map(flows.map((flow) => [flow.message.id, flow]));
    const batched = events.flatMap((event) =>
      event.type === "completed" && event.batched_into !== undefined ? [event.message_id] : [],
    );
    for (const event of events) {
      if (event.type !== "completed" && event.type !== "failed") continue;
      const flow = byId.get(event.message_id);
      if (flow === undefined) continue;
      const isFailure = event.type === "failed";
      const within = this.#hasRoom(isFailure);
      if (within === null) continue;
      const isLast = !isFailure || !event.will_retry;
      const spans = messageSpans({
        context: this.context,
        executionSpanId: this.context.spanId,
        flow,
        event,
        began: this.#began.get(flow.message.id) ?? null,
        again: this.#again.has(flow.message.id),
        detached: !within,
        batched: isFailure || event.batched_into !== undefined ? [] : batched,
      });
      for (const span of spans.all) this.#tracer.record(span);
      if (!isLast) this.#began.set(flow.message.id, this.#began.get(flow.message.id) ?? spans.startMs);
      else {
        this.#began.delete(flow.message.id);
        this.#again.delete(flow.message.id);
      }
    }
  }

  /** The execution is over. */
  ended(status: TerminalStatus, at: string, errorInfo: ErrorInfo | null, progress: Progress): void {
    if (!this.sampled) return;
    const { id, project, startedAt, tag, replaySource, configSnapshot } = this.#record;
    const { name, version } = configSnapshot;
    const called = typeof name === "string" ? name : null;
    const original = parseTraceContext(this.#stored.replay_of);
    const attributes: SpanAttributes = {
      "millrace.execution.id": id,
      "millrace.execution.status": status,
      "millrace.project": project,
      "millrace.messages.completed": progress.completed,
      "millrace.messages.failed": progress.failed,
      ...(called === null ? {} : { "millrace.config.name": called }),
      ...(typeof version === "number" ? { "millrace.config.version": version } : {}),
      ...(tag === null ? {} : { "millrace.execution.tag": tag }),
      ...(replaySource === null ? {} : { "millrace.replay.source": replaySource }),
      ...(this.#leftOut === 0 ? {} : { "millrace.trace.messages_left_out": this.#leftOut }),
    };
    this.#tracer.record({
      ...this.context,
      parentSpanId: typeof this.#stored.parent_span_id === "string" ? this.#stored.parent_span_id : null,
      kind: "internal",
      name: called === null ? "execution" : `execution ${called}`,
      startMs: Date.parse(startedAt),
      endMs: Math.max(Date.parse(startedAt), Date.parse(at)),
      attributes,
      links: original === null ? [] : [original],
      errorType: status === "failed" ? (errorInfo?.code ?? "FAILED") : null,
    });
  }

  /**
   * Whether spans of one more message are recorded: true within the limit; false beyond it, for what failed, which is then
   * shown right under the execution, as what it came of may be left out; null for what is left out.
   */
  #hasRoom(isFailure: boolean): boolean | null {
    if (this.#messages < this.#tracer.maxMessages) {
      this.#messages += 1;
      return true;
    }
    if (isFailure && this.#failures < this.#tracer.maxMessages) {
      this.#failures += 1;
      return false;
    }
    this.#leftOut += 1;
    return null;
  }
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
