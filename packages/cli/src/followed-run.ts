import {
  type ExecutionEvent,
  type ExecutionStatus,
  emptyProgress,
  foldEvent,
  type JsonObject,
} from "@millrace/protocol";
import { LastErrors } from "./live/last-errors.ts";
import { stateOfFold } from "./live/run-state.ts";
import type { RunMoment } from "./run-display.ts";
import type { RunSummary } from "./run-summary.ts";

/** A run in this process, followed by its events. */
export class FollowedRun {
  readonly #order: readonly string[];
  readonly #title: string;
  readonly #progress;
  readonly #errors = new LastErrors();
  readonly #startedAt = performance.now();
  #endedAt: number | null = null;
  #status: ExecutionStatus = "running";

  constructor(
    definition: {
      readonly routes: readonly { readonly route: string }[];
      readonly initMessage: { readonly route: string; readonly payload: JsonObject } | null;
    },
    title: string,
  ) {
    this.#order = definition.routes.map(({ route }) => route);
    this.#progress = emptyProgress(definition.initMessage?.route ?? null);
    this.#title = title;
  }

  /** Takes in an event. */
  add(event: ExecutionEvent): void {
    foldEvent(this.#progress, event);
    this.#errors.add(event);
  }

  /** It is over. */
  end(status: ExecutionStatus): void {
    this.#status = status;
    this.#endedAt = performance.now();
  }

  /** How it is now. */
  get moment(): RunMoment {
    return {
      title: this.#title,
      state: stateOfFold(this.#progress, this.#order, this.#status),
      errors: this.#errors.lines,
      elapsedMs: (this.#endedAt ?? performance.now()) - this.#startedAt,
    };
  }

  /** What each route in which something happened has done. */
  get routes(): NonNullable<RunSummary["routes"]> {
    return this.#order.flatMap((route) => {
      const known = this.#progress.routes[route];
      return known === undefined
        ? []
        : [{ route, done: known.completed, failed: known.failed, retries: known.retries }];
    });
  }
}
