import { showDuration, showEta, showRate } from "./live/figures.ts";
import type { ErrorLine } from "./live/last-errors.ts";
import { LiveArea } from "./live/live-area.ts";
import type { Upstream } from "./live/route-links.ts";
import { PaceMeter, paceOfWhole, type RunPace } from "./live/run-pace.ts";
import { openOf, type RunState } from "./live/run-state.ts";
import { describeError, renderRun } from "./live/run-table.ts";
import type { Output } from "./output.ts";

/** How a run is shown: live on a terminal, as lines now and then, or not at all. */
export type DisplayMode = "live" | "lines" | "quiet";

/** What is known of a run now. */
export interface RunMoment {
  readonly title: string;
  readonly state: RunState;
  readonly errors: readonly ErrorLine[];
  readonly elapsedMs: number;
  readonly note?: string;
}

const LIVE_INTERVAL_MS = 100;
const LINE_INTERVAL_MS = 2_000;
const TOLD_ERRORS = 5;

/** Shows a run while it goes on. */
export class RunDisplay {
  readonly #output: Output;
  readonly #mode: DisplayMode;
  readonly #ask: () => RunMoment;
  readonly #meter: PaceMeter;
  readonly #area: LiveArea | null;
  readonly #timer: NodeJS.Timeout | undefined;
  #told = "";

  /** `ask` is called whenever something is shown. */
  constructor(output: Output, mode: DisplayMode, upstream: Upstream, ask: () => RunMoment) {
    this.#output = output;
    this.#mode = mode;
    this.#ask = ask;
    this.#meter = new PaceMeter(upstream);
    this.#area = mode === "live" ? new LiveArea(() => this.#lines()) : null;
    if (mode === "live") this.#timer = setInterval(() => this.#area?.draw(), LIVE_INTERVAL_MS);
    if (mode === "lines") this.#timer = setInterval(() => this.#tell(), LINE_INTERVAL_MS);
  }

  /** Shows the last state: on a terminal all of its routes, with the rates of the whole run. */
  close(): void {
    clearInterval(this.#timer);
    const last = this.#ask();
    if (this.#area !== null) {
      const room = { columns: process.stdout.columns };
      this.#area.close(renderRun(this.#output, { ...last, pace: paceOfWhole(last.state, last.elapsedMs) }, room));
    }
    if (this.#mode === "lines") {
      this.#output.line(describe(last, null));
      for (const error of last.errors.slice(0, TOLD_ERRORS)) this.#output.line(`failed: ${describeError(error)}`);
    }
  }

  #lines(): string[] {
    const moment = this.#ask();
    const pace = this.#meter.measure(moment.state, performance.now());
    // The cursor stands below the last line.
    const room = { columns: process.stdout.columns, rows: Math.max(1, process.stdout.rows - 1) };
    return renderRun(this.#output, { ...moment, pace }, room);
  }

  #tell(): void {
    const moment = this.#ask();
    const pace = this.#meter.measure(moment.state, performance.now());
    const { done, failed, queued, running, retrying } = moment.state;
    const key = [done, failed, queued, running, retrying].join();
    if (key !== this.#told) this.#output.line(describe(moment, pace));
    this.#told = key;
  }
}

/** One plain line, for a pipe. */
function describe({ state, elapsedMs }: RunMoment, pace: RunPace | null): string {
  const parts = [`${state.done} done`, `${state.failed} failed`, `${openOf(state)} to do`];
  if (pace !== null && pace.rate !== null) parts.push(showRate(pace.rate));
  if (pace !== null && pace.etaMs !== null) parts.push(`ETA ${showEta(pace.etaMs)}`);
  return `${showDuration(elapsedMs)}: ${parts.join(", ")}`;
}
