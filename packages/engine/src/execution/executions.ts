import type { ErrorInfo, JsonObject, Progress, TerminalStatus } from "@millrace/protocol";
import type { Definition } from "../definition/definition.ts";
import type { ExecutionRecord } from "../ports.ts";

/** What an execution is started from. */
export interface StartExecution {
  readonly definition: Definition;
  /** The YAML that the definition was made of: frozen with the execution. */
  readonly configYaml: string;
  readonly config: { readonly id: string; readonly name: string; readonly version: number } | null;
  readonly tag?: string | null;
  /** Merged into the pipeline's `init_message.payload`, key by key. */
  readonly initPayload?: JsonObject | null;
  /** Start without the first message: the execution completes at once. */
  readonly skipInitMessage?: boolean;
  readonly metadata?: JsonObject | null;
  readonly idempotencyKey?: string | null;
}

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
   * Removes an execution that is over, with its journal and objects: it is found no more at once, and when it returns
   * what it left is gone, or will be with the next {@link sweep}.
   * @throws MillraceError EXECUTION_NOT_FOUND, EXECUTION_RUNNING
   */
  delete(executionId: string): Promise<void>;
  /** Removes what deletions have left behind that did not come to their end, until `signal` is aborted. */
  sweep(signal?: AbortSignal): Promise<void>;
}
