import { type EventError, type JsonObject, MillraceError, type Usage } from "@millrace/protocol";
import {
  type AdapterContext,
  AdapterError,
  type AdapterLog,
  type Children,
  type Emit,
  type Message,
  Routed,
  routeTo,
} from "../adapter.ts";
import type { AdapterThreads, ThreadEmits, ThreadLease } from "../adapter-threads.ts";
import type { ContentCache } from "../cache-port.ts";
import type { RouteDefinition, Step } from "../definition/definition.ts";
import { messageError, toEventError } from "../execution/message-error.ts";
import { isTruthy } from "../expression.ts";
import type { EngineObserver } from "../observer.ts";
import type { ObjectStore } from "../ports.ts";
import type { SearchIndex } from "../search-port.ts";
import type { TraceHeaders } from "../trace/trace-context.ts";
import { describe, EmitFailure, type Flow, failure } from "./flow.ts";
import { FlowObjects } from "./flow-objects.ts";
import { redact } from "./redact.ts";

/** A failed attempt: what goes into the event, and the adapter to blame. */
export class StepFailure extends Error {
  override readonly name = "StepFailure";
  readonly error: EventError;
  readonly step: Step | null;
  /** The next attempt begins no earlier than so many milliseconds from now. */
  readonly retryAfterMs: number;

  constructor(error: EventError, step: Step | null, retryAfterMs = 0) {
    super(error.message);
    this.error = step === null ? error : { ...error, message: redact(error.message, step) };
    this.step = step;
    this.retryAfterMs = retryAfterMs;
  }
}

/** What is still under way; undefined where it is done: a chain of adapters that wait for nothing runs without a promise. */
export type Pending = Promise<void> | undefined;

/** What the chains of an execution share. */
export interface ChainHost {
  readonly objects: ObjectStore;
  readonly search: SearchIndex | null;
  readonly cache: ContentCache | null;
  readonly threads: AdapterThreads | null;
  readonly children: { of(flow: Flow, stepIndex: number): Children } | null;
  /** How long an adapter that was told to stop is waited for, in milliseconds, before it is abandoned. */
  readonly abandonAfterMs: number;
  readonly observer: EngineObserver | null;
  log(flow: Flow, step: Step): AdapterLog;
}

/**
 * The adapters of a route, in order, each with what it prepared. Messages are pulled through: an adapter that yields is
 * asked for its next only when what it yielded has gone down the rest of the chain.
 */
export class Chain {
  readonly #route: RouteDefinition;
  readonly #host: ChainHost;
  readonly #prepared: readonly unknown[];

  /** @throws MillraceError CONFIG_INVALID when an adapter's `prepare` throws */
  constructor(route: RouteDefinition, host: ChainHost) {
    this.#route = route;
    this.#host = host;
    if (host.threads === null && route.steps.some((step) => step.thread !== null)) {
      throw new MillraceError(
        "CONFIG_INVALID",
        `The route "${route.route}" isolates adapters, and there are no threads.`,
      );
    }
    // An isolated adapter is prepared where it runs.
    this.#prepared = route.steps.map((step) => (step.thread === null ? prepare(route, step) : undefined));
  }

  /**
   * Takes a payload through the steps from `from` on. Throws, or rejects, where it fails.
   * @throws StepFailure
   */
  run(flow: Flow, payload: JsonObject, from: number): Pending {
    const step = this.#route.steps[from];
    if (flow.abortCause !== null) throw aborted(flow, step ?? null);
    if (step === undefined) return this.#emit(flow, null, payload);
    if (step.condition === null) return this.#enter(flow, step, payload);
    return this.#holds(step, payload).then((holds) =>
      holds ? this.#enter(flow, step, payload) : this.run(flow, payload, from + 1),
    );
  }

  /** Takes a batch on from the step that gathered it: through it, where it has code of its own, or past it. */
  runBatch(flow: Flow, payload: JsonObject, gatherIndex: number): Pending {
    const step = this.#route.steps[gatherIndex];
    if (step?.adapter.process === undefined) return this.run(flow, payload, gatherIndex + 1);
    if (flow.abortCause !== null) throw aborted(flow, step);
    return this.#step(flow, step, payload);
  }

  #enter(flow: Flow, step: Step, payload: JsonObject): Pending {
    flow.begin(step);
    if (step.adapter.gather !== undefined) {
      flow.gathered.push(payload);
      return undefined;
    }
    return step.thread === null ? this.#step(flow, step, payload) : this.#stepInThread(flow, step, payload);
  }

  async #holds(step: Step, payload: JsonObject): Promise<boolean> {
    try {
      return isTruthy(await step.condition?.evaluate(payload));
    } catch (error) {
      throw new StepFailure(toEventError(error), step);
    }
  }

  /** Runs one adapter on one payload, and the rest of the chain on each that it emits. */
  #step(flow: Flow, step: Step, payload: JsonObject): Pending {
    const began = this.#now();
    let result: unknown;
    try {
      result = step.adapter.process?.(
        this.#message(flow, step, payload),
        new StepContext(this.#host, flow, step, this.#prepared[step.index]),
      );
    } catch (error) {
      this.#done(step, this.#now() - began);
      throw toStepFailure(error, step);
    }
    if (!isPromise(result)) return this.#spread(flow, step, result, this.#now() - began);
    return this.#supervise(flow, step, result).then(
      (settled) => this.#spread(flow, step, settled, this.#now() - began),
      (error) => {
        this.#done(step, this.#now() - began);
        throw toStepFailure(error, step);
      },
    );
  }

  /**
   * Runs one adapter in a thread. The wait for a thread is not its time: `timeout_seconds` begins with its work. A step
   * further down the chain works in the same thread, so that no message holds one and waits for another.
   */
  async #stepInThread(flow: Flow, step: Step, payload: JsonObject): Promise<void> {
    const held = flow.thread;
    const lease = held ?? (await this.#leaseThread(flow, step));
    flow.thread = lease;
    const run = lease.run(step, this.#message(flow, step, payload), {
      signal: flow.signal,
      log: this.#host.log(flow, step),
      objects: new FlowObjects(this.#host.objects, flow),
      countUsage: (used) => {
        flow.countUsage(step, used);
        this.#host.observer?.modelUsed(step.type, used);
      },
      trace: flow.host.trace?.headersOf(flow.message, step) ?? null,
      maxPayloadBytes: flow.host.maxPayloadBytes,
    });
    let spentMs = 0;
    try {
      for (let done = false; !done; ) {
        const began = this.#now();
        let next: ThreadEmits;
        try {
          next = await this.#supervise(flow, step, run.next());
        } catch (error) {
          throw toStepFailure(error, step);
        } finally {
          spentMs += this.#now() - began;
        }
        flow.stepEnded(step);
        for (const emitted of next.emits) {
          const pending = this.#pass(flow, step, emitted);
          if (pending !== undefined) await pending;
          if (flow.abortCause !== null) throw aborted(flow, step);
        }
        done = next.done;
      }
    } finally {
      this.#done(step, spentMs);
      run.close();
      if (held === null) {
        flow.thread = null;
        lease.release();
      }
    }
  }

  async #leaseThread(flow: Flow, step: Step): Promise<ThreadLease> {
    const { threads } = this.#host;
    if (threads === null) throw new Error("A chain with an isolated step is not made without threads.");
    let lease: ThreadLease;
    try {
      lease = await threads.lease(this.#route, flow.signal);
    } catch (error) {
      throw flow.abortCause === null ? toStepFailure(error, step) : aborted(flow, step);
    }
    if (flow.abortCause === null) return lease;
    lease.release();
    throw aborted(flow, step);
  }

  /** Sends what an adapter returned after `spentMs` down the rest of the chain; what it yields takes it more time. */
  #spread(flow: Flow, step: Step, result: unknown, spentMs: number): Pending {
    flow.stepEnded(step);
    if (typeof result === "object" && result !== null) {
      if (Symbol.asyncIterator in result) {
        // The interface says what such a value yields; each of them is checked.
        return this.#drainAsync(flow, step, (result as AsyncIterable<unknown>)[Symbol.asyncIterator](), spentMs);
      }
      if (Symbol.iterator in result && !ArrayBuffer.isView(result)) {
        return this.#drainSync(flow, step, (result as Iterable<unknown>)[Symbol.iterator](), spentMs);
      }
    }
    this.#done(step, spentMs);
    if (result === undefined || result === null) return undefined;
    if (typeof result !== "object" || ArrayBuffer.isView(result)) throw invalid(result, step);
    return this.#pass(flow, step, result);
  }

  async #drainSync(flow: Flow, step: Step, iterator: Iterator<unknown>, spentMs: number): Promise<void> {
    let finished = false;
    let ms = spentMs;
    try {
      while (true) {
        const began = this.#now();
        let next: IteratorResult<unknown>;
        try {
          next = iterator.next();
        } catch (error) {
          finished = true;
          throw toStepFailure(error, step);
        } finally {
          ms += this.#now() - began;
        }
        if (next.done === true) {
          finished = true;
          flow.stepEnded(step);
          return;
        }
        const pending = this.#pass(flow, step, next.value);
        if (pending !== undefined) await pending;
        if (flow.abortCause !== null) throw aborted(flow, step);
      }
    } finally {
      this.#done(step, ms);
      if (!finished) closeQuietly(() => iterator.return?.());
    }
  }

  async #drainAsync(flow: Flow, step: Step, iterator: AsyncIterator<unknown>, spentMs: number): Promise<void> {
    let finished = false;
    let ms = spentMs;
    try {
      while (true) {
        const began = this.#now();
        let next: IteratorResult<unknown>;
        try {
          next = await this.#supervise(flow, step, Promise.resolve(iterator.next()));
        } catch (error) {
          finished = flow.abortCause === null;
          throw toStepFailure(error, step);
        } finally {
          ms += this.#now() - began;
        }
        if (next.done === true) {
          finished = true;
          flow.stepEnded(step);
          return;
        }
        await this.#pass(flow, step, next.value);
        if (flow.abortCause !== null) throw aborted(flow, step);
      }
    } finally {
      this.#done(step, ms);
      // Not waited for: a generator that hangs would hold its message for ever.
      if (!finished) closeQuietly(() => iterator.return?.());
    }
  }

  #pass(flow: Flow, step: Step, emitted: unknown): Pending {
    if (emitted instanceof Routed) {
      const { route, payload } = emitted;
      return this.#emit(flow, step, step.redactor === null ? emitted : routeTo(route, withoutSecrets(step, payload)));
    }
    if (!isPayload(emitted)) throw invalid(emitted, step);
    return this.run(flow, step.redactor === null ? emitted : withoutSecrets(step, emitted), step.index + 1);
  }

  #emit(flow: Flow, step: Step | null, output: Emit): Pending {
    let pending: Pending;
    try {
      pending =
        output instanceof Routed
          ? flow.emit(output, [output.route], output.payload)
          : flow.emit(output, this.#route.outbound, output);
    } catch (error) {
      throw this.#emitFailure(error, step);
    }
    return pending?.catch((error) => {
      throw this.#emitFailure(error, step);
    });
  }

  #emitFailure(error: unknown, step: Step | null): StepFailure {
    return toStepFailure(error, step ?? this.#route.steps.at(-1) ?? null);
  }

  /** Waits for an adapter, for as long as its route allows; one that was told to stop is abandoned after a grace period. */
  #supervise<T>(flow: Flow, step: Step, promise: Promise<T>): Promise<T> {
    const timeoutMs = this.#route.errorHandling.timeoutMs;
    const { abandonAfterMs } = this.#host;
    return new Promise<T>((resolve, reject) => {
      let grace: NodeJS.Timeout | undefined;
      const onAbort = () => {
        clearTimeout(timer);
        grace = setTimeout(finish, abandonAfterMs, () => reject(aborted(flow, step)));
      };
      const timer = setTimeout(() => flow.abort("timeout"), timeoutMs);
      const finish = (settle: () => void) => {
        clearTimeout(timer);
        clearTimeout(grace);
        flow.signal.removeEventListener("abort", onAbort);
        settle();
      };
      flow.signal.addEventListener("abort", onAbort, { once: true });
      if (flow.abortCause !== null) onAbort();
      promise.then(
        (value) => finish(() => (flow.abortCause === null ? resolve(value) : reject(aborted(flow, step)))),
        (error) => finish(() => reject(flow.abortCause === null ? error : aborted(flow, step))),
      );
    });
  }

  /** The time, where somebody wants to know how long adapters take. */
  #now(): number {
    return this.#host.observer === null ? 0 : performance.now();
  }

  #done(step: Step, ms: number): void {
    this.#host.observer?.stepDone(step.type, ms);
  }

  #message(flow: Flow, step: Step, payload: JsonObject): Message {
    const { message, host } = flow;
    return {
      id: message.id,
      parentId: message.parentId,
      correlationId: message.id,
      rootCorrelationId: host.rootCorrelationId,
      executionId: host.executionId,
      project: host.project,
      route: message.route,
      attempt: message.attempt,
      piece: flow.nextPiece(step),
      payload,
    };
  }
}

/** What an adapter is given: one object per step that runs, whose dearer parts are made when they are asked for. */
class StepContext implements AdapterContext {
  readonly config: unknown;
  readonly prepared: unknown;
  readonly name: string;
  readonly index: number;
  readonly #host: ChainHost;
  readonly #flow: Flow;
  readonly #step: Step;

  constructor(host: ChainHost, flow: Flow, step: Step, prepared: unknown) {
    this.config = step.config;
    this.prepared = prepared;
    this.name = step.name;
    this.index = step.index;
    this.#host = host;
    this.#flow = flow;
    this.#step = step;
  }

  get objects(): ObjectStore {
    return new FlowObjects(this.#host.objects, this.#flow);
  }

  get children(): Children | undefined {
    const children = this.#host.children?.of(this.#flow, this.#step.index);
    const { redactor } = this.#step;
    if (children === undefined || redactor === null) return children;
    return { run: (request) => children.run({ ...request, payload: redactor.redactPayload(request.payload) }) };
  }

  get search(): SearchIndex | null {
    return this.#host.search;
  }

  get cache(): ContentCache | null {
    return this.#host.cache;
  }

  get trace(): TraceHeaders | null {
    return this.#flow.host.trace?.headersOf(this.#flow.message, this.#step) ?? null;
  }

  countUsage(used: Partial<Usage>): void {
    this.#flow.countUsage(this.#step, used);
    this.#host.observer?.modelUsed(this.#step.type, used);
  }

  get signal(): AbortSignal {
    return this.#flow.signal;
  }

  get log(): AdapterLog {
    return this.#host.log(this.#flow, this.#step);
  }
}

/** What a step emits, without the secrets of its config: payloads are stored, and read by whoever may watch. */
function withoutSecrets(step: Step, payload: JsonObject): JsonObject {
  try {
    return step.redactor?.redactPayload(payload) ?? payload;
  } catch (error) {
    // Nested more deeply than can be looked through.
    throw toStepFailure(error, step);
  }
}

function toStepFailure(error: unknown, step: Step | null): StepFailure {
  if (error instanceof StepFailure) return error;
  if (error instanceof EmitFailure) return new StepFailure(error.error, step);
  return new StepFailure(toEventError(error), step, error instanceof AdapterError ? error.retryAfterMs : 0);
}

/** The failure of a flow that was told to stop. */
function aborted(flow: Flow, step: Step | null): StepFailure {
  if (flow.abortCause === "timeout") {
    const seconds = flow.route.errorHandling.timeoutMs / 1000;
    return new StepFailure(
      messageError(
        "ADAPTER_TIMEOUT",
        `The adapter neither returned nor yielded within ${seconds} s (timeout_seconds).`,
        true,
      ),
      step,
    );
  }
  return new StepFailure(
    messageError("CANCELLED", "The execution was stopped while the message was in flight.", false),
    step,
  );
}

function invalid(value: unknown, step: Step): StepFailure {
  return toStepFailure(
    failure("INVALID_EMIT", `The adapter emitted ${describe(value)}; a message's payload is a JSON object.`),
    step,
  );
}

function prepare(route: RouteDefinition, step: Step): unknown {
  try {
    return step.adapter.prepare?.(step.config);
  } catch (error) {
    const why = redact(toEventError(error).message, step).replace(/\.$/, "");
    const text = `The adapter "${step.name}" of the route "${route.route}" cannot work with its config: ${why}.`;
    throw new MillraceError("CONFIG_INVALID", text, { cause: error });
  }
}

function isPayload(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

function closeQuietly(close: () => unknown): void {
  try {
    const closing = close();
    if (isPromise(closing)) closing.then(undefined, () => undefined);
  } catch {
    // The message's own failure is what counts.
  }
}
