import type { CreateExecution, Execution, JsonObject, PatchExecutionResult, WaitResult } from "@millrace/protocol";
import type { EventsOptions, ProgressOptions, RunProgress, StreamEvent } from "./events.ts";
import type { Executions } from "./executions.ts";
import type { CallOptions } from "./request.ts";

/** How an execution is started. */
export interface RunOptions extends Pick<CreateExecution, "tag" | "metadata" | "idempotency_key"> {
  /** Merged into the pipeline's `init_message.payload`. */
  readonly payload?: JsonObject | undefined;
}

/** An execution that was started, and what follows it. */
export class Run {
  readonly id: string;
  /** As it was when it was started. */
  readonly execution: Execution;
  readonly #executions: Executions;

  constructor(executions: Executions, execution: Execution) {
    this.id = execution.id;
    this.execution = execution;
    this.#executions = executions;
  }

  /** Follows it from its first event to its end; resumes by itself. */
  events(options?: EventsOptions): AsyncGenerator<StreamEvent> {
    return this.#executions.events(this.id, options);
  }

  /** As `events`, but each time all that has come since. */
  eventBatches(options?: EventsOptions): AsyncGenerator<StreamEvent[]> {
    return this.#executions.eventBatches(this.id, options);
  }

  /** Its state: at once, then whenever it changes, at most every 250 ms; last as it stays. */
  progress(options?: ProgressOptions): AsyncGenerator<RunProgress> {
    return this.#executions.progress(this.id, options);
  }

  /** Waits for its end, `timeoutS` seconds at most (1…3600, default 300). */
  wait(timeoutS?: number, call?: CallOptions): Promise<WaitResult> {
    return this.#executions.wait(this.id, timeoutS, call);
  }

  /** Adapters that run are told to stop. */
  cancel(call?: CallOptions): Promise<PatchExecutionResult> {
    return this.#executions.cancel(this.id, call);
  }
}
