import { foldEvent, type Progress } from "@millrace/protocol";
import type { Transition } from "../ports.ts";
import type { Pending } from "../route/chain.ts";
import type { Flow } from "../route/flow.ts";
import type { RouteRunner } from "../route/route-runner.ts";
import type { ExecutionParts } from "./execution-parts.ts";
import { type Intake, MAX_BACKLOG } from "./intake.ts";
import type { FailedSettlement } from "./settlement.ts";

/** What is done after a commit. */
export interface CommitHost {
  /** What was committed is folded, and in its queues. */
  committed(): void;
  /** What happened cannot be written down, whatever is tried. */
  refused(error: unknown): void;
}

const NONE_RETRIED: FailedSettlement["retried"] = [];

/** Commits what happens in an execution, then lets the journal's word count: the fold, the queues, the end. */
export class Commits {
  /** Messages that were ever put into a queue. */
  enqueued = 0;
  readonly #parts: ExecutionParts;
  readonly #progress: Progress;
  readonly #routes: ReadonlyMap<string, RouteRunner>;
  readonly #intake: Intake;
  readonly #host: CommitHost;

  constructor(
    parts: ExecutionParts,
    progress: Progress,
    routes: ReadonlyMap<string, RouteRunner>,
    intake: Intake,
    host: CommitHost,
  ) {
    this.#parts = parts;
    this.#progress = progress;
    this.#routes = routes;
    this.#intake = intake;
    this.#host = host;
  }

  /**
   * Appends a transition, and with it the outcome of flows that are settled for good, or retried. Resolves after the
   * commit; undefined where nobody has to wait for it.
   */
  append(
    transition: Transition,
    settled: readonly Flow[] = [],
    retried: FailedSettlement["retried"] = NONE_RETRIED,
  ): Pending {
    this.enqueued += transition.enqueue?.length ?? 0;
    const { journal, onFault } = this.#parts;
    // Under no pressure nobody waits for the commit of an outcome: a slot is free as soon as it is on its way.
    const free = settled.length > 0 && journal.backlog + transition.events.length < MAX_BACKLOG;
    const committing = journal.append(transition).then(
      ({ seqs }) => this.#committed(transition, seqs, settled, retried),
      (error) => {
        this.#host.refused(error);
        if (free) onFault(error);
        else throw error;
      },
    );
    return free ? undefined : committing;
  }

  #committed(
    transition: Transition,
    seqs: readonly number[],
    settled: readonly Flow[],
    retried: FailedSettlement["retried"],
  ): void {
    for (const event of transition.events) foldEvent(this.#progress, event);
    // Not before: a message is read from the store to be retried, which must know of the attempt that failed.
    for (const { flow, dueAt, waitMs } of retried) {
      const route = this.#routes.get(flow.message.route);
      if (route !== undefined) this.#intake.retryLater(route, flow.message.seq, dueAt, waitMs);
    }
    for (const flow of settled) {
      const route = this.#routes.get(flow.message.route);
      if (route !== undefined) route.unsettled -= 1;
    }
    const { tracing } = this.#parts;
    if (tracing?.sampled === true && (settled.length > 0 || retried.length > 0))
      tracing.committed(transition.events, [...settled, ...retried.map(({ flow }) => flow)]);
    this.#intake.arrive(transition, seqs);
    this.#host.committed();
  }
}
