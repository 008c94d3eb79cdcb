import type { EventError, JsonObject } from "@millrace/protocol";
import { type AdapterContext, type AdapterLog, type Emit, type Message, Routed } from "../adapter.ts";
import type { RouteDefinition, Step } from "../definition/definition.ts";
import { messageError, toEventError } from "../execution/message-error.ts";
import { isTruthy } from "../expression.ts";
import type { ObjectStore } from "../ports.ts";
import { describe, EmitFailure, type Flow, failure } from "./flow.ts";
import { FlowObjects } from "./flow-objects.ts";

/** A failed attempt: what goes into the event, and the adapter to blame. */
export class StepFailure extends Error {
  override readonly name = "StepFailure";
  readonly error: EventError;
  readonly step: Step | null;

  constructor(error: EventError, step: Step | null) {
    super(error.message);
    this.error = step === null ? error : { ...error, message: redact(error.message, step.secrets) };
    this.step = step;
  }
}

/** What the chains of an execution share. */
export interface ChainHost {
  readonly objects: ObjectStore;
  /** How long an adapter that was told to stop is waited for, in milliseconds, before it is abandoned. */
  readonly abandonAfterMs: number;
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

  /** @throws whatever an adapter's `prepare` throws */
  constructor(route: RouteDefinition, host: ChainHost) {
    this.#route = route;
    this.#host = host;
    this.#prepared = route.steps.map((step) => step.adapter.prepare?.(step.config));
  }

  /**
   * Takes a payload through the steps from `from` on.
   * @throws StepFailure
   */
  async run(flow: Flow, payload: JsonObject, from: number): Promise<void> {
    for (let index = from; ; index += 1) {
      if (flow.abortCause !== null) throw aborted(flow, this.#route.steps[index] ?? null);
      const step = this.#route.steps[index];
      if (step === undefined) {
        await this.#emit(flow, null, payload);
        return;
      }
      if (step.condition !== null && !(await this.#holds(step, payload))) continue;
      flow.begin(step);
      if (step.adapter.gather !== undefined) {
        flow.gathered.push(payload);
        return;
      }
      await this.#step(flow, step, payload);
      return;
    }
  }

  async #holds(step: Step, payload: JsonObject): Promise<boolean> {
    try {
      return isTruthy(await step.condition?.evaluate(payload));
    } catch (error) {
      throw new StepFailure(toEventError(error), step);
    }
  }

  /** Runs one adapter on one payload, and the rest of the chain on each that it emits. */
  async #step(flow: Flow, step: Step, payload: JsonObject): Promise<void> {
    let result: unknown;
    try {
      result = step.adapter.process?.(this.#message(flow, payload), this.#context(flow, step));
      if (isPromise(result)) result = await this.#supervise(flow, step, result);
    } catch (error) {
      throw toStepFailure(error, step);
    }
    if (result === undefined || result === null) return;
    if (typeof result !== "object") throw invalid(result, step);
    if (Symbol.asyncIterator in result) {
      // The interface says what such a value yields; each of them is checked.
      await this.#drainAsync(flow, step, (result as AsyncIterable<unknown>)[Symbol.asyncIterator]());
    } else if (Symbol.iterator in result) {
      if (ArrayBuffer.isView(result)) throw invalid(result, step);
      await this.#drainSync(flow, step, (result as Iterable<unknown>)[Symbol.iterator]());
    } else {
      await this.#pass(flow, step, result);
    }
  }

  async #drainSync(flow: Flow, step: Step, iterator: Iterator<unknown>): Promise<void> {
    let finished = false;
    try {
      while (true) {
        let next: IteratorResult<unknown>;
        try {
          next = iterator.next();
        } catch (error) {
          finished = true;
          throw toStepFailure(error, step);
        }
        if (next.done === true) {
          finished = true;
          return;
        }
        await this.#pass(flow, step, next.value);
        if (flow.abortCause !== null) throw aborted(flow, step);
      }
    } finally {
      if (!finished) closeQuietly(() => iterator.return?.());
    }
  }

  async #drainAsync(flow: Flow, step: Step, iterator: AsyncIterator<unknown>): Promise<void> {
    let finished = false;
    try {
      while (true) {
        let next: IteratorResult<unknown>;
        try {
          next = await this.#supervise(flow, step, Promise.resolve(iterator.next()));
        } catch (error) {
          finished = flow.abortCause === null;
          throw toStepFailure(error, step);
        }
        if (next.done === true) {
          finished = true;
          return;
        }
        await this.#pass(flow, step, next.value);
        if (flow.abortCause !== null) throw aborted(flow, step);
      }
    } finally {
      // Not waited for: a generator that hangs would hold its message for ever.
      if (!finished) closeQuietly(() => iterator.return?.());
    }
  }

  async #pass(flow: Flow, step: Step, emitted: unknown): Promise<void> {
    if (emitted instanceof Routed) {
      await this.#emit(flow, step, emitted);
      return;
    }
    if (!isPayload(emitted)) throw invalid(emitted, step);
    await this.run(flow, emitted, step.index + 1);
  }

  async #emit(flow: Flow, step: Step | null, output: Emit): Promise<void> {
    const blamed = step ?? this.#route.steps.at(-1) ?? null;
    try {
      if (output instanceof Routed) await flow.emit(output, [output.route], output.payload);
      else await flow.emit(output, this.#route.outbound, output);
    } catch (error) {
      throw toStepFailure(error, blamed);
    }
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

  #message(flow: Flow, payload: JsonObject): Message {
    const { message, host } = flow;
    return {
      id: message.id,
      parentId: message.parentId,
      correlationId: message.id,
      rootCorrelationId: host.rootCorrelationId,
      executionId: host.executionId,
      route: message.route,
      attempt: message.attempt,
      payload,
    };
  }

  #context(flow: Flow, step: Step): AdapterContext {
    const host = this.#host;
    return {
      config: step.config,
      prepared: this.#prepared[step.index],
      name: step.name,
      index: step.index,
      get objects() {
        return new FlowObjects(host.objects, flow);
      },
      get signal() {
        return flow.signal;
      },
      get log() {
        return host.log(flow, step);
      },
    };
  }
}

/** The shortest secret that is blacked out: a shorter one would take half of the message with it, and is none. */
const MIN_SECRET = 4;

/** Blacks out secrets, as they are and as they stand in JSON: an event is read by whoever may watch. */
function redact(text: string, secrets: readonly string[]): string {
  let redacted = text;
  for (const secret of secrets) {
    if (secret.length < MIN_SECRET) continue;
    redacted = redacted.replaceAll(secret, "***").replaceAll(JSON.stringify(secret).slice(1, -1), "***");
  }
  return redacted;
}

function toStepFailure(error: unknown, step: Step | null): StepFailure {
  if (error instanceof StepFailure) return error;
  if (error instanceof EmitFailure) return new StepFailure(error.error, step);
  return new StepFailure(toEventError(error), step);
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
