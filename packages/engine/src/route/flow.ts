import {
  addUsage,
  type CompletedEvent,
  type EventError,
  type ExecutionEvent,
  type JsonObject,
  noUsage,
  type Usage,
} from "@millrace/protocol";
import type { Routed } from "../adapter.ts";
import type { ThreadLease } from "../adapter-threads.ts";
import type { RouteDefinition, Step } from "../definition/definition.ts";
import { emittedMessageId } from "../execution/message-id.ts";
import type { MessageChange, NewMessage, ObjectChange, StoredMessage } from "../ports.ts";
import type { ExecutionTrace } from "../trace/execution-trace.ts";

/** Why a flow is told to stop: it becomes the reason of the adapter's signal. */
export type AbortCause = "timeout" | "cancelled" | "abandoned";

/** What a flow needs of the execution that it belongs to. */
export interface FlowHost {
  readonly executionId: string;
  readonly project: string;
  readonly rootCorrelationId: string;
  readonly limits: { readonly maxFanoutPending: number; readonly maxHops: number };
  readonly maxPayloadBytes: number;
  readonly maxEmitsPerStep: number;
  /** Null where the execution has none. */
  readonly trace: ExecutionTrace | null;
  /** RFC 3339, now. */
  timestamp(): string;
  /** Milliseconds of a monotonic clock. */
  monotonicMs(): number;
  hasRoute(route: string): boolean;
  /** Commits what the flow has gathered by the end of the loop turn. */
  touch(flow: Flow): void;
  /** Commits what the flow has gathered now; resolves after the commit. Undefined: there was nothing. */
  flush(flow: Flow): Promise<void> | undefined;
  /** Commits what a flow did to the object store after it was closed. */
  commitLate(change: ObjectChange): void;
}

/** What a chain on another node has made of a message since it last told. */
export interface RemoteProgress {
  /** Places of adapters that have begun, and when (RFC 3339). */
  readonly began: readonly { readonly index: number; readonly at: string }[];
  /** What it emitted. */
  readonly messages: readonly { readonly id: string; readonly route: string; readonly payloadJson: string }[];
  /** Outputs of the chain so far, those included that were committed before. */
  readonly outputs: number;
  readonly objects: readonly ObjectChange[];
  /** What it used of models. */
  readonly usage: readonly StepUsage[];
}

/** What a step used of models, as it stands in events. */
export type StepUsage = NonNullable<CompletedEvent["usage"]>[number];

/** A failure of the engine's own making while something is emitted. */
export class EmitFailure extends Error {
  override readonly name = "EmitFailure";
  readonly error: EventError;

  constructor(error: EventError) {
    super(error.message);
    this.error = error;
  }
}

/**
 * One attempt at one message: its events and emitted messages on their way to the journal.
 *
 * States: *running* (a chain works on it) → *parked* (a gathering adapter holds it) → *running* (its batch goes on) →
 * *closed* (settled, waiting for a retry, or abandoned). A closed flow takes nothing: an adapter that was abandoned
 * cannot write any more.
 */
export class Flow {
  readonly host: FlowHost;
  readonly message: StoredMessage;
  readonly payload: JsonObject;
  readonly route: RouteDefinition;
  startedMs: number;
  closed = false;
  abortCause: AbortCause | null = null;
  /** Where its isolated steps run; null while none is at work. */
  thread: ThreadLease | null = null;
  /** The id of the node that works on it, where that is another. */
  worker: string | null = null;
  /** What the steps before a gathering adapter made of the message. */
  gathered: JsonObject[] = [];

  events: ExecutionEvent[] = [];
  messages: NewMessage[] = [];
  objects: ObjectChange[] = [];
  /** Emitted and committed by earlier attempts as well: per route. */
  emitted: Record<string, number>;
  outputs = 0;
  /** What of it the journal has, or is about to have. */
  #committedOutputs: number;
  #committedEmitted: Readonly<Record<string, number>>;
  #atomic = false;
  /** Places of adapters that have begun. */
  readonly #ran: number[];
  /** Payloads that each adapter was given, by its place. */
  readonly #pieces: number[] = [];
  /** When adapters began, and had nothing more to give, by their places: for the trace alone, in ms of the monotonic clock. */
  readonly #began: (number | undefined)[] | null;
  readonly #ended: (number | undefined)[] | null;
  #controller: AbortController | null = null;
  /** What the attempt used of models, by the adapter's place; null while it used none. */
  #usage: Map<number, { readonly adapter: string; readonly used: Usage }> | null = null;

  /** `resumed`: places of adapters that began in this attempt before the process died; null where it had not begun. */
  constructor(host: FlowHost, route: RouteDefinition, message: StoredMessage, resumed: readonly number[] | null) {
    this.host = host;
    this.route = route;
    this.message = message;
    this.payload = JSON.parse(message.payloadJson);
    this.startedMs = host.monotonicMs();
    this.emitted = copyCounts(message.emitted);
    this.#committedOutputs = message.emittedOutputs;
    this.#committedEmitted = message.emitted;
    this.#ran = resumed === null ? [] : [...resumed];
    const traced = host.trace?.sampled === true;
    this.#began = traced ? [] : null;
    this.#ended = traced ? [] : null;
    if (resumed !== null) return;
    this.events.push({
      execution_id: host.executionId,
      message_id: message.id,
      parent_message_id: message.parentId,
      correlation_id: message.id,
      root_correlation_id: host.rootCorrelationId,
      route: message.route,
      timestamp: host.timestamp(),
      attempt: message.attempt,
      type: "initiated",
    });
  }

  /** Aborted on time-out and cancel; made when it is first asked for, as most adapters never do. */
  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.abortCause !== null) this.#controller.abort(abortReason(this.abortCause));
    }
    return this.#controller.signal;
  }

  /** Tells the adapter that runs to stop. The first cause stays. */
  abort(cause: AbortCause): void {
    if (this.abortCause !== null) return;
    this.abortCause = cause;
    this.#controller?.abort(abortReason(cause));
  }

  /** From here on, what it emits is committed with its settlement, not as it is emitted: for batches. */
  beginAtomic(): void {
    this.#atomic = true;
  }

  /** Drops what was emitted and not committed. */
  dropPending(): void {
    this.messages = [];
    this.outputs = this.#committedOutputs;
    this.emitted = copyCounts(this.#committedEmitted);
  }

  /** Notes that an adapter begins: once per attempt and adapter, however many messages its chain makes. */
  begin(step: Step): void {
    if (this.#began !== null) this.#began[step.index] ??= this.host.monotonicMs();
    if (this.closed || this.#ran.includes(step.index)) return;
    this.#ran.push(step.index);
    const { message, host } = this;
    // Written out, here and below: spreading the fields that all events share takes three times as long.
    this.events.push({
      execution_id: host.executionId,
      message_id: message.id,
      parent_message_id: message.parentId,
      correlation_id: message.id,
      root_correlation_id: host.rootCorrelationId,
      route: message.route,
      timestamp: host.timestamp(),
      attempt: message.attempt,
      type: "processing",
      adapter: step.name,
      adapter_index: step.index,
    });
    host.touch(this);
  }

  /** Notes that an adapter has nothing more to give for now. */
  stepEnded(step: Step): void {
    if (this.#ended !== null) this.#ended[step.index] = this.host.monotonicMs();
  }

  /** Adapters that have begun, by their places in that order; and, of a flow whose trace is recorded, when they did. */
  get stepTimes(): {
    readonly ran: readonly number[];
    readonly began: readonly (number | undefined)[] | null;
    readonly ended: readonly (number | undefined)[] | null;
  } {
    return { ran: this.#ran, began: this.#began, ended: this.#ended };
  }

  /** Counts what an adapter used of a model: it stands in the event that ends the attempt. */
  countUsage(step: Step, used: Partial<Usage>): void {
    if (this.closed) return;
    this.#usage ??= new Map();
    const known = this.#usage.get(step.index) ?? { adapter: step.name, used: noUsage() };
    addUsage(known.used, used);
    this.#usage.set(step.index, known);
  }

  /** Takes out what was counted since it was last taken: what a chain on another node tells of. */
  takeUsage(): StepUsage[] {
    const usage = this.#usage === null ? [] : this.#stepUsage(this.#usage);
    this.#usage = null;
    return usage;
  }

  /** It begins only now: it has waited for its turn. */
  restart(): void {
    this.startedMs = this.host.monotonicMs();
    const [first] = this.events;
    if (first?.type === "initiated") this.events[0] = { ...first, timestamp: this.host.timestamp() };
  }

  /** Where a chain on another node begins, or goes on after another: what is committed is not emitted again. */
  get resumePoint(): { outputs: number; emitted: Readonly<Record<string, number>>; ran: readonly number[] } {
    return { outputs: this.#committedOutputs, emitted: this.#committedEmitted, ran: this.#ran };
  }

  /** Takes in what a chain on another node has made of the message: it is committed as if it had been made here. */
  absorb({ began, messages, outputs, objects, usage }: RemoteProgress): void {
    for (const change of objects) this.changeObjects(change);
    if (this.closed) return;
    const now = this.host.timestamp();
    for (const { index, at } of began) {
      const step = this.route.steps[index];
      if (step === undefined) continue;
      this.begin(step);
      // Clocks differ: no step begins before the message, or after now.
      const last = this.events.at(-1);
      const before = this.events.at(-2)?.timestamp ?? at;
      if (last?.type === "processing") last.timestamp = at < before ? before : at > now ? now : at;
      if (this.#began !== null && last !== undefined)
        this.#began[index] = this.host.monotonicMs() - Math.max(0, Date.now() - Date.parse(last.timestamp));
    }
    const hops = this.message.hops + 1;
    for (const { id, route, payloadJson } of messages) {
      this.messages.push({ id, parentId: this.message.id, route, payloadJson, hops });
      this.emitted[route] = (this.emitted[route] ?? 0) + 1;
    }
    this.outputs = outputs;
    for (const used of usage) {
      const step = this.route.steps[used.adapter_index];
      if (step !== undefined) this.countUsage(step, used);
    }
  }

  /** Counts the payloads that an adapter is given in this attempt: which one is next, from 0. */
  nextPiece(step: Step): number {
    const piece = this.#pieces[step.index] ?? 0;
    this.#pieces[step.index] = piece + 1;
    return piece;
  }

  /**
   * Emits a payload to the route's `outbound`, or to the one route that it was sent to. Waits for a commit when as many
   * messages as allowed are pending.
   * @throws EmitFailure
   */
  emit(output: JsonObject | Routed, targets: readonly string[], payload: JsonObject): Promise<void> | undefined {
    if (this.closed) return undefined;
    const place = this.outputs;
    this.outputs += 1;
    if (targets.length === 0) return undefined;
    if (place < this.#committedOutputs) return undefined;
    const payloadJson = this.#encode(output, payload);
    const hops = this.message.hops + 1;
    if (hops > this.host.limits.maxHops) {
      throw failure(
        "HOP_LIMIT_EXCEEDED",
        `The message would be ${hops} hops away from the first one; limits.max_hops is ${this.host.limits.maxHops}. Does a route send to itself?`,
      );
    }
    if (place >= this.host.maxEmitsPerStep) {
      throw failure(
        "TOO_MANY_EMITS",
        `The step emitted more than ${this.host.maxEmitsPerStep} messages (max_emits_per_step).`,
      );
    }
    for (const route of targets) {
      if (!this.host.hasRoute(route)) {
        throw failure(
          "UNKNOWN_ROUTE",
          `The adapter sent a message to the route "${route}", which is not in the pipeline.`,
        );
      }
      this.messages.push({
        id: emittedMessageId(this.message.id, place, route),
        parentId: this.message.id,
        route,
        payloadJson,
        hops,
      });
      this.emitted[route] = (this.emitted[route] ?? 0) + 1;
    }
    if (this.#atomic) return undefined;
    if (this.messages.length >= this.host.limits.maxFanoutPending) return this.host.flush(this);
    this.host.touch(this);
    return undefined;
  }

  /**
   * Notes what was done to the object store: a fact, whatever becomes of the attempt. An adapter may have been given up
   * while it was being done.
   */
  changeObjects(change: ObjectChange): void {
    if (this.closed) {
      this.host.commitLate(change);
      return;
    }
    this.objects.push(change);
    this.host.touch(this);
  }

  /** Takes out what waits to be committed, as changes of the store. */
  drain(): { events: ExecutionEvent[]; enqueue: NewMessage[]; changes: MessageChange[]; objects: ObjectChange[] } {
    const { events, objects } = this;
    this.events = [];
    this.objects = [];
    if (this.#atomic && !this.closed) return { events, enqueue: [], changes: [], objects };
    const { messages } = this;
    this.messages = [];
    const changes: MessageChange[] = [];
    if (messages.length > 0) {
      this.#committedOutputs = this.outputs;
      this.#committedEmitted = { ...this.emitted };
      changes.push({
        kind: "emitted",
        seq: this.message.seq,
        outputs: this.outputs,
        emitted: this.#committedEmitted,
      });
    }
    return { events, enqueue: messages, changes, objects };
  }

  /** Takes out what waits to be committed with the event that settles the message. */
  complete(): { events: ExecutionEvent[]; enqueue: NewMessage[]; objects: ObjectChange[] } {
    const { events, messages, objects } = this;
    this.events = [];
    this.messages = [];
    this.objects = [];
    events.push(this.completedEvent());
    return { events, enqueue: messages, objects };
  }

  /** The event that settles the message; `leaderId` where it was gathered into a batch that went on as that message. */
  completedEvent(leaderId?: string): ExecutionEvent {
    const { message, host } = this;
    const event: CompletedEvent = {
      execution_id: host.executionId,
      message_id: message.id,
      parent_message_id: message.parentId,
      correlation_id: message.id,
      root_correlation_id: host.rootCorrelationId,
      route: message.route,
      timestamp: host.timestamp(),
      attempt: message.attempt,
      type: "completed",
      duration_ms: this.#durationMs(),
      emitted: { ...this.emitted },
    };
    if (leaderId !== undefined) event.batched_into = leaderId;
    if (this.#usage !== null) event.usage = this.#stepUsage(this.#usage);
    return event;
  }

  /** The event of a failed attempt; `step` where one adapter is to blame. */
  failedEvent(error: EventError, step: Step | null, willRetry: boolean): ExecutionEvent {
    const { message, host } = this;
    const told = !willRetry && Object.keys(this.emitted).length > 0;
    return {
      execution_id: host.executionId,
      message_id: message.id,
      parent_message_id: message.parentId,
      correlation_id: message.id,
      root_correlation_id: host.rootCorrelationId,
      route: message.route,
      timestamp: host.timestamp(),
      attempt: message.attempt,
      type: "failed",
      ...(step === null ? {} : { adapter: step.name, adapter_index: step.index }),
      duration_ms: this.#durationMs(),
      error,
      will_retry: willRetry,
      ...(told ? { emitted: { ...this.emitted } } : {}),
      ...(this.#usage === null ? {} : { usage: this.#stepUsage(this.#usage) }),
    };
  }

  #stepUsage(usage: ReadonlyMap<number, { readonly adapter: string; readonly used: Usage }>): StepUsage[] {
    return [...usage].map(([index, { adapter, used }]) => ({ ...used, adapter, adapter_index: index }));
  }

  #durationMs(): number {
    return Math.max(0, Math.round((this.host.monotonicMs() - this.startedMs) * 1000) / 1000);
  }

  #encode(output: unknown, payload: JsonObject): string {
    let json: string | undefined;
    try {
      json = JSON.stringify(payload);
    } catch (error) {
      throw failure(
        "INVALID_EMIT",
        `The adapter emitted a payload that is not JSON: ${error instanceof Error ? error.message : error}`,
      );
    }
    if (json === undefined || !json.startsWith("{")) {
      throw failure("INVALID_EMIT", `The adapter emitted ${describe(output)}; a message's payload is a JSON object.`);
    }
    // Characters bound bytes from below; only a payload near the limit is worth counting exactly.
    const max = this.host.maxPayloadBytes;
    if (json.length > max || (json.length * 3 > max && Buffer.byteLength(json) > max)) {
      throw failure(
        "MESSAGE_TOO_LARGE",
        `The adapter emitted a payload of ${Buffer.byteLength(json)} bytes; max_payload_bytes is ${max}.`,
      );
    }
    return json;
  }
}

/** Per route; names of routes may be those of an object's own properties, so without a prototype. */
function copyCounts(counts: Readonly<Record<string, number>>): Record<string, number> {
  const copy: Record<string, number> = Object.create(null);
  for (const route in counts) copy[route] = counts[route] ?? 0;
  return copy;
}

/** A failure of the engine's own making; none of them is better on another attempt. */
export function failure(code: EventError["code"], message: string): EmitFailure {
  return new EmitFailure({ code, message, retryable: false });
}

/** Names a value for a person, briefly. */
export function describe(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return `a ${value.constructor?.name ?? "value"}`;
  return `a ${typeof value}`;
}

function abortReason(cause: AbortCause): Error {
  const text = {
    timeout: "The step took too long.",
    cancelled: "The execution was stopped.",
    abandoned: "The service is shutting down.",
  };
  return new DOMException(text[cause], cause === "timeout" ? "TimeoutError" : "AbortError");
}
