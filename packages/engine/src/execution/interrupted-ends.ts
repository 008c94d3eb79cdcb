import type { ErrorInfo, KeepPayloads, TerminalStatus } from "@millrace/protocol";
import type { ExecutionRecord, Journal, WorkQueue } from "../ports.ts";
import { ExecutionTrace } from "../trace/execution-trace.ts";
import type { Tracer } from "../trace/tracer-port.ts";
import { endInterrupted } from "./end-interrupted.ts";

/** What ends need of the engine. */
export interface InterruptedEndsHost {
  readonly journal: Journal;
  readonly work: WorkQueue;
  readonly keepPayloads: KeepPayloads;
  /** Null: no traces are made. */
  readonly tracer: Tracer | null;
  now(): number;
  /** It is over. */
  ended(executionId: string, status: TerminalStatus): void;
}

/** Ends executions that are not at work, without taking them up. Of several ends at once the first one's word counts. */
export class InterruptedEnds {
  readonly #host: InterruptedEndsHost;
  readonly #endings = new Map<string, Promise<void>>();

  constructor(host: InterruptedEndsHost) {
    this.#host = host;
  }

  /** Resolves when it is over. */
  end(record: ExecutionRecord, status: TerminalStatus, errorInfo: ErrorInfo | null): Promise<void> {
    const known = this.#endings.get(record.id);
    if (known !== undefined) return known;
    const ending = endInterrupted(record, { status, errorInfo }, this.#host)
      .then((progress) => {
        const at = new Date(this.#host.now()).toISOString();
        ExecutionTrace.of(this.#host.tracer, record)?.ended(status, at, errorInfo ?? record.errorInfo, progress);
        this.#host.ended(record.id, status);
      })
      .finally(() => this.#endings.delete(record.id));
    this.#endings.set(record.id, ending);
    return ending;
  }
}
