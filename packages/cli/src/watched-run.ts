import type { Client, StreamState } from "@millrace/client";
import { type ExecutionDetail, type ExecutionStatus, isTerminal, type ProgressData } from "@millrace/protocol";
import { showEta } from "./live/figures.ts";
import { type ErrorLine, errorLinesOf } from "./live/last-errors.ts";
import { stateOfData } from "./live/run-state.ts";
import { printable } from "./output.ts";
import type { RunMoment } from "./run-display.ts";

/** Failures are asked for no closer together than this, and so seldom that asking takes a tenth of the time. */
const ASK_MS = 1_000;
const ASK_SHARE = 10;

const NOTHING = { queued: 0, running: 0, retrying: 0, done: 0, failed: 0, routes: [] };

/** Why a stream has to be taken up again, and when, for people. */
export function describeLoss({ reason, error, ms }: Extract<StreamState, { state: "waiting" }>): string {
  const what = reason === "shutdown" ? "the service was stopped" : "connection lost";
  return `${what}; reconnecting in ${showEta(ms)}${error === null ? "" : ` (${printable(error.message)})`}`;
}

/** A run of a service, as its progress is told. */
export class WatchedRun {
  readonly #client: Client;
  readonly #execution: ExecutionDetail;
  #data: ProgressData | null = null;
  /** When the newest state came, by this process's clock. */
  #at = 0;
  #elapsedMs = 0;
  #connection: StreamState = { state: "connecting", reason: null };
  /** Whether a state has come over this connection. */
  #current = false;
  #status: ExecutionStatus | null = null;
  #errors: readonly ErrorLine[] = [];
  #asked = { failed: 0, due: 0, asking: false };
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(client: Client, execution: ExecutionDetail) {
    this.#client = client;
    this.#execution = execution;
  }

  /** What the stream is doing. */
  set connection(state: StreamState) {
    this.#connection = state;
    if (state.state !== "connected") this.#current = false;
  }

  /** The status that was told of last. */
  get status(): ExecutionStatus | null {
    return this.#status;
  }

  /** Takes in a state. */
  show(data: ProgressData): void {
    this.#data = data;
    this.#status = data.status;
    this.#current = true;
    this.#at = performance.now();
    // Both times are the service's, so that a clock that is wrong here does no harm.
    this.#elapsedMs = Date.parse(data.timestamp) - Date.parse(this.#execution.started_at);
    this.#askForErrors();
  }

  /** The run is over, or the stream is: gets what is still to be known. */
  async end(): Promise<void> {
    if (this.#data !== null && this.#data.failed > 0) await this.#fetchErrors();
    const { completed_at: at, started_at } = await this.#client.executions
      .get(this.#execution.id)
      .catch(() => this.#execution);
    if (at !== null) this.#elapsedMs = Date.parse(at) - Date.parse(started_at);
  }

  /** Asks for nothing any more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#stopped = true;
  }

  /** How it is now; without routes before the first state has come. */
  get moment(): RunMoment {
    const { tag, config_snapshot } = this.#execution;
    const { name } = config_snapshot;
    const status = this.#status ?? this.#execution.status;
    const titles = [typeof name === "string" ? name : null, tag ?? this.#execution.id];
    const note = this.#note();
    return {
      title: titles.filter((title) => title !== null).join("  "),
      state: { ...(this.#data === null ? NOTHING : stateOfData(this.#data)), status },
      errors: this.#errors,
      elapsedMs: isTerminal(status) ? this.#elapsedMs : this.#elapsedMs + (performance.now() - this.#at),
      ...(note === null ? {} : { note }),
    };
  }

  #note(): string | null {
    const connection = this.#connection;
    if (this.#status === "interrupted") return "waiting for it to be taken up again, or cancelled";
    switch (connection.state) {
      case "connecting":
        return connection.reason === null ? "connecting" : "reconnecting";
      case "waiting":
        return connection.reason === "timeout" ? "reconnecting" : describeLoss(connection);
      case "connected":
        return this.#current ? null : "catching up";
      case "ended":
        return null;
    }
  }

  #askForErrors(): void {
    const failed = this.#data?.failed ?? 0;
    if (failed === this.#asked.failed || this.#asked.asking || this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fetchErrors(), Math.max(0, this.#asked.due - performance.now()));
  }

  async #fetchErrors(): Promise<void> {
    const asked = this.#asked;
    const failed = this.#data?.failed ?? 0;
    asked.asking = true;
    const from = performance.now();
    try {
      this.#errors = errorLinesOf((await this.#client.executions.failureGroups(this.#execution.id)).groups);
      asked.failed = failed;
    } catch {
      // The stream says what is wrong with the connection; they are asked for again with the next state.
    }
    asked.asking = false;
    asked.due = performance.now() + Math.max(ASK_MS, ASK_SHARE * (performance.now() - from));
    if (this.#timer !== undefined) this.#askForErrors();
  }
}
