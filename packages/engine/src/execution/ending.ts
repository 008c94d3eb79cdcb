import { setTimeout as wait } from "node:timers/promises";
import { type ErrorInfo, foldEnded, MillraceError, type Progress, type TerminalStatus } from "@millrace/protocol";
import type { Transition } from "../ports.ts";
import type { ExecutionParts } from "./execution-parts.ts";
import type { InFlight } from "./in-flight.ts";
import { keepsAll } from "./keeps-all.ts";
import { progressToJson } from "./progress-json.ts";

/** A store that could not be read is asked again so much later, in milliseconds. */
const READ_AGAIN_MS = 500;

/** What an end needs of its execution. */
export interface EndingHost {
  /** Fails what will not be taken again. */
  dropOpen(): Promise<void>;
  /** It is over. */
  ended(): void;
}

/**
 * How an execution comes to its end: when nothing is outstanding, or when it is stopping and nothing is in flight.
 *
 * States: *running* → *stopping* (it is said what it ends as; what is in flight comes to its end) → *begun* (from
 * *running* as well: its end is on its way to the journal) → *ended*; and *paused*: its end does not begin any more.
 */
export class Ending {
  readonly #parts: ExecutionParts;
  readonly #progress: Progress;
  readonly #inFlight: InFlight;
  readonly #host: EndingHost;
  #stopping: TerminalStatus | null;
  #errorInfo: ErrorInfo | null;
  #paused = false;
  /** Holders that are still to release it. */
  #held = 0;
  #begun = false;
  #ended = false;

  constructor(
    parts: ExecutionParts,
    state: { progress: Progress; stopping: TerminalStatus | null; errorInfo: ErrorInfo | null },
    inFlight: InFlight,
    host: EndingHost,
  ) {
    this.#parts = parts;
    this.#progress = state.progress;
    this.#stopping = state.stopping;
    this.#errorInfo = state.errorInfo;
    this.#inFlight = inFlight;
    this.#host = host;
  }

  /** Whether it was said what the execution ends as. */
  get stopping(): boolean {
    return this.#stopping !== null;
  }

  /** Whether its process shuts down: then it goes on after the next start. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Whether its end is on its way to the journal, or there already. */
  get begun(): boolean {
    return this.#begun;
  }

  /** Whether the journal says that it is over. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Says what the execution ends as, where that is not said yet, and why. Returns what its record is to say of it. */
  stop(status: TerminalStatus, errorInfo: ErrorInfo | null): NonNullable<Transition["record"]> {
    this.#stopping ??= status;
    if (this.#stopping === status) this.#errorInfo = errorInfo ?? this.#errorInfo;
    return { stopping: this.#stopping, errorInfo: this.#errorInfo };
  }

  /** Its end does not begin any more. */
  pause(): void {
    this.#paused = true;
  }

  /** Keeps the execution from its end until {@link release}. */
  hold(): void {
    this.#held += 1;
  }

  /** One who held it does so no more. */
  release(): void {
    this.#held -= 1;
    this.check();
  }

  /** To be called after everything that may have been the last. */
  check(): void {
    if (this.#begun || this.#paused || this.#held > 0) return;
    const over = this.#stopping === null ? this.#progress.outstanding === 0 : this.#inFlight.size === 0;
    if (!over) return;
    this.#begun = true;
    this.#end().catch(this.#parts.onFault);
  }

  async #end(): Promise<void> {
    const { id, journal, clock } = this.#parts;
    const status = this.#stopping ?? "completed";
    // Whatever was on its way is folded by now: the state that is kept is the state of the whole journal.
    await journal.append({ executionId: id, events: [] });
    while (this.#stopping !== null && this.#progress.open.size > 0) {
      const dropped = await this.#dropOpen();
      // What was dropped is folded by then, and not dropped again.
      await journal.append({ executionId: id, events: [] });
      if (dropped || this.#paused) break;
      await wait(READ_AGAIN_MS, undefined, { ref: false });
    }
    // What was not failed any more is found at the next start.
    if (this.#paused && this.#progress.open.size > 0) return;
    const at = new Date(clock.now()).toISOString();
    foldEnded(this.#progress);
    await journal.append({
      executionId: id,
      events: [],
      keepWaiting: this.#routesThatKeep(),
      lifecycle: { kind: "ended", at, status },
      record: {
        status,
        completedAt: at,
        errorInfo: this.#errorInfo,
        stopping: null,
        progressJson: progressToJson(this.#progress),
      },
    });
    this.#ended = true;
    this.#parts.observer?.executionEnded(status);
    this.#parts.tracing?.ended(status, at, this.#errorInfo, this.#progress);
    this.#host.ended();
  }

  /** False where the store could not be read: what is left of the open messages is to be dropped later. */
  async #dropOpen(): Promise<boolean> {
    try {
      await this.#host.dropOpen();
      return true;
    } catch (error) {
      this.#parts.onFault(error);
      return !(error instanceof MillraceError && error.code === "SERVICE_UNAVAILABLE");
    }
  }

  #routesThatKeep(): string[] {
    const { definition, settings } = this.#parts;
    return definition.routes
      .filter((route) => keepsAll(route.keepPayloads, settings.keepPayloads))
      .map(({ route }) => route);
  }
}
