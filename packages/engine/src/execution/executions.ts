import type { ErrorInfo, JsonObject, Progress, TerminalStatus } from "@millrace/protocol";
import type { Definition } from "../definition/definition.ts";
import type { ExecutionRecord, FailureFilter, FirstMessages } from "../ports.ts";
import type { TraceContext } from "../trace/trace-context.ts";

/** A pipeline, as an execution is started from it. */
export interface Pipeline {
  readonly definition: Definition;
  /** The YAML that the definition was made of: frozen with the execution. */
  readonly configYaml: string;
  readonly config: { readonly id: string; readonly name: string | null; readonly version: number | null } | null;
}

/** What an execution is started from. */
export interface StartExecution extends Pipeline {
  /** What it is to belong to. */
  readonly project: string;
  readonly tag?: string | null;
  /** Merged into the pipeline's `init_message.payload`, key by key. */
  readonly initPayload?: JsonObject | null;
  /** Start without the first message: the execution completes at once. */
  readonly skipInitMessage?: boolean;
  readonly metadata?: JsonObject | null;
  readonly idempotencyKey?: string | null;
  /** The execution that this one does again, wholly or in part. */
  readonly origin?: { readonly executionId: string; readonly source: "storage" | "lineage" | "manual" };
  /** The execution of which this one is a part: it is no replay of it. */
  readonly parentExecutionId?: string;
  /** Under which span it is started; null: under none. Default: that of the request that it is started for. */
  readonly trace?: TraceContext | null;
  /** Default: a new one, which is the id of the first message. */
  readonly rootCorrelationId?: string;
  /** What it begins with in place of the pipeline's `init_message`. */
  readonly first?: FirstMessages;
}

/** Which failed messages are retried, and how. */
export interface RetryFailures {
  readonly filter: FailureFilter;
  /** Replaces the payload; for one message alone. */
  readonly payload?: JsonObject;
  /** Merged into each payload, key by key. */
  readonly payloadMerge?: JsonObject;
  /** Also those that were retried in an execution of their own before. */
  readonly again?: boolean;
  /** Of the execution that is started, where one is. */
  readonly tag?: string | null;
  /** Another pipeline than the frozen one: only once the execution is over. */
  readonly pipeline?: Pipeline;
}

/** What came of a request to retry failed messages. */
export interface Retried {
  /** Where they are retried: the execution itself while it runs, else one that was started. Null: there were none. */
  readonly record: ExecutionRecord | null;
  /** Whether that one was started for it. */
  readonly started: boolean;
  readonly retried: number;
  /** Those that fit as well, beyond what one request takes. */
  readonly remaining: number;
  /** Of those that are retried: the first {@link MAX_NAMED}. */
  readonly messageIds: readonly string[];
}

/** How many messages are named in what comes of a retry. */
export const MAX_NAMED = 1_000;

/** Starts, stops and tells of executions: what the API and the CLI drive. */
export interface Executions {
  /**
   * Starts an execution: when it returns, the execution and its first message are committed.
   * @throws MillraceError TAG_TAKEN, IDEMPOTENCY_KEY_REUSED, TOO_MANY_EXECUTIONS, SERVICE_UNAVAILABLE
   */
  start(input: StartExecution): Promise<{ record: ExecutionRecord; created: boolean }>;
  /**
   * Brings a running or interrupted execution to a terminal status: running adapters are aborted, and those that
   * ignore it abandoned after a grace period; it returns when the execution is over.
   * @throws MillraceError EXECUTION_NOT_FOUND, STATUS_CHANGE_NOT_ALLOWED
   */
  stop(executionId: string, status: TerminalStatus, errorInfo: ErrorInfo | null): Promise<ExecutionRecord>;
  /** The fold of the execution's journal up to now; null where there is no such execution. Not to be changed. */
  progress(executionId: string): Promise<Progress | null>;
  /** Messages that are committed and not settled, per route. */
  depths(executionId: string): Promise<Readonly<Record<string, number>>>;
  /** Resolves true when the execution is over, false after `timeoutMs` or when `signal` is aborted. */
  wait(executionId: string, timeoutMs: number, signal?: AbortSignal): Promise<boolean>;
  /**
   * Takes messages that failed for good up again: in the same execution while it runs, else in a new one.
   * @throws MillraceError EXECUTION_NOT_FOUND, MESSAGE_NOT_FOUND, MESSAGE_NOT_FAILED, EXECUTION_RUNNING,
   * STATUS_CHANGE_NOT_ALLOWED (interrupted), ROUTE_NOT_IN_PIPELINE, CONFIG_INVALID, PAYLOAD_TOO_LARGE, TAG_TAKEN,
   * TOO_MANY_EXECUTIONS, SERVICE_UNAVAILABLE
   */
  retry(executionId: string, request: RetryFailures): Promise<Retried>;
  /**
   * The pipeline that an execution was started with.
   * @throws MillraceError CONFIG_INVALID where it does not load any more
   */
  frozenPipeline(record: ExecutionRecord): Promise<Pipeline>;
  /**
   * Removes an execution that is over, with its journal and objects: it is found no more at once, and when it returns
   * what it left is gone, or will be with the next {@link sweep}.
   * @throws MillraceError EXECUTION_NOT_FOUND, EXECUTION_RUNNING
   */
  delete(executionId: string): Promise<void>;
  /** Removes what deletions have left behind that did not come to their end, until `signal` is aborted. */
  sweep(signal?: AbortSignal): Promise<void>;
}
