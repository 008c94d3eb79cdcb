import type { JsonObject, PipelineDocument } from "@millrace/protocol";
import { StepRedactor } from "../secrets/step-redactor.ts";
import type { CheckedStep } from "./check-steps.ts";
import type { Definition, ErrorHandling, Limits, RouteDefinition, Step } from "./definition.ts";

type WrittenErrorHandling = NonNullable<PipelineDocument["error_handling"]>;
type WrittenRoute = PipelineDocument["routes"][string];

/** Limits of an execution where the pipeline sets none. */
export const DEFAULT_LIMITS: Limits = { maxHandlers: 30, maxFanoutPending: 500, maxHops: 1000, maxMessages: null };

/** How failures are handled where neither the route nor the pipeline says. */
export const DEFAULT_ERROR_HANDLING: ErrorHandling = {
  maxRetries: 3,
  retryDelayMs: 1000,
  backoff: 2,
  maxDelayMs: 60_000,
  jitter: true,
  timeoutMs: 300_000,
  onError: "fail",
};

/** What a thread may keep in memory where neither the route nor the pipeline says, in MiB. */
export const DEFAULT_THREAD_HEAP_MB = 256;

/** The limits with defaults applied. */
export function limitsOf(written: PipelineDocument["limits"]): Limits {
  return {
    maxHandlers: written?.max_handlers ?? DEFAULT_LIMITS.maxHandlers,
    maxFanoutPending: written?.max_fanout_pending ?? DEFAULT_LIMITS.maxFanoutPending,
    maxHops: written?.max_hops ?? DEFAULT_LIMITS.maxHops,
    maxMessages: written?.max_messages ?? DEFAULT_LIMITS.maxMessages,
  };
}

/** What is written, field by field, over what is inherited; seconds become milliseconds. */
export function errorHandlingOf(written: WrittenErrorHandling | undefined, inherited: ErrorHandling): ErrorHandling {
  const ms = (seconds: number | undefined, otherwise: number) =>
    seconds === undefined ? otherwise : Math.round(seconds * 1_000_000) / 1000;
  return {
    maxRetries: written?.max_retries ?? inherited.maxRetries,
    retryDelayMs: ms(written?.retry_delay_seconds, inherited.retryDelayMs),
    backoff: written?.backoff ?? inherited.backoff,
    maxDelayMs: ms(written?.max_delay_seconds, inherited.maxDelayMs),
    jitter: written?.jitter ?? inherited.jitter,
    timeoutMs: ms(written?.timeout_seconds, inherited.timeoutMs),
    onError: written?.on_error ?? inherited.onError,
  };
}

/** How many messages of a route are in flight at once, and what it would be without `prefetch`. */
export function concurrencyOf(inbound: WrittenRoute["inbound"]): number {
  const concurrency = inbound?.concurrency ?? 1;
  return Math.min(inbound?.prefetch ?? concurrency, concurrency);
}

/** Makes the definition of a document in which no error was found. */
export function compile(
  document: PipelineDocument,
  json: JsonObject,
  steps: ReadonlyMap<string, readonly CheckedStep[]>,
): Definition {
  const inherited = errorHandlingOf(document.error_handling, DEFAULT_ERROR_HANDLING);
  return {
    name: document.name ?? null,
    description: document.description ?? null,
    limits: limitsOf(document.limits),
    routes: Object.entries(document.routes).map(([route, written]): RouteDefinition => {
      return {
        route,
        name: written.name ?? null,
        description: written.description ?? null,
        concurrency: concurrencyOf(written.inbound),
        errorHandling: errorHandlingOf(written.error_handling, inherited),
        threadHeapMb: written.thread_heap_mb ?? document.thread_heap_mb ?? DEFAULT_THREAD_HEAP_MB,
        keepPayloads: written.keep_payloads ?? document.keep_payloads ?? null,
        steps: (steps.get(route) ?? []).map((step, index) => {
          const isolation = written.adapters[index]?.isolation ?? written.isolation ?? document.isolation;
          return compileStep(step, index, isolation === "thread");
        }),
        outbound: written.outbound ?? [],
      };
    }),
    initMessage:
      document.init_message === undefined
        ? null
        : {
            route: document.init_message.route,
            // Read from YAML, whose values are JSON's: what is not was found before.
            payload: (document.init_message.payload ?? {}) as JsonObject,
          },
    document: json,
  };
}

function compileStep(step: CheckedStep, index: number, isolated: boolean): Step {
  const { name, adapter, fromFile, config, condition } = step;
  if (adapter === null || config === null) throw new Error("A step that did not pass its checks is never compiled.");
  return {
    index,
    type: adapter.type,
    name,
    adapter,
    fromFile,
    config: config.value,
    redactor: config.secrets.size === 0 ? null : new StepRedactor(config.secrets),
    condition,
    // What gathers has no code of its own that runs.
    thread: isolated && adapter.gather === undefined ? { configInput: config.input } : null,
  };
}
