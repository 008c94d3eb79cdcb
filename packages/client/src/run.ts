import type { CreateExecution, Execution, JsonObject } from "@millrace/protocol";
import type { EventsOptions, ProgressOptions } from "./events.ts";
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

  /** @see Executions.events */
  events(options?: EventsOptions) {
    return this.#executions.events(this.id, options);
  }

  /** @see Executions.eventBatches */
  eventBatches(options?: EventsOptions) {
    return this.#executions.eventBatches(this.id, options);
  }

  /** @see Executions.progress */
  progress(options?: ProgressOptions) {
    return this.#executions.progress(this.id, options);
  }

  /** @see Executions.wait */
  wait(timeoutS?: number, call?: CallOptions) {
    return this.#executions.wait(this.id, timeoutS, call);
  }

  /** @see Executions.cancel */
  cancel(call?: CallOptions) {
    return this.#executions.cancel(this.id, call);
  }
}
