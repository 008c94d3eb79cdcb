import { type ExecutionEvent, emptyProgress, foldEvent, type Progress } from "@millrace/protocol";
import { createLogUpdate } from "log-update";
import { type Output, printable } from "./output.ts";
import { noteFailure, renderProgress, renderProgressLine } from "./progress-view.ts";

/** How a run is shown: events as JSON, live on a terminal, as lines now and then, or not at all. */
export type DisplayMode = "json" | "live" | "lines" | "quiet";

const LIVE_INTERVAL_MS = 100;
const LINE_INTERVAL_MS = 2_000;

/** Shows a run as its events come. */
export class RunDisplay {
  readonly progress: Progress = emptyProgress();
  readonly failures: { route: string; code: string; message: string }[] = [];
  readonly #output: Output;
  readonly #mode: DisplayMode;
  readonly #startedAt = performance.now();
  readonly #update = createLogUpdate(process.stdout);
  #timer: NodeJS.Timeout | undefined;
  #shown = "";

  constructor(output: Output, mode: DisplayMode) {
    this.#output = output;
    this.#mode = mode;
    if (mode === "live") this.#timer = setInterval(() => this.#draw(), LIVE_INTERVAL_MS);
    if (mode === "lines") this.#timer = setInterval(() => this.#tell(), LINE_INTERVAL_MS);
  }

  /** Milliseconds since the display was made. */
  get elapsedMs(): number {
    return performance.now() - this.#startedAt;
  }

  /** Takes in one event. */
  add(event: ExecutionEvent): void {
    foldEvent(this.progress, event);
    noteFailure(this.failures, event);
    if (this.#mode === "json") this.#output.line(JSON.stringify(event));
  }

  /** Draws for the last time. */
  close(): void {
    clearInterval(this.#timer);
    if (this.#mode === "live") {
      this.#draw();
      this.#update.done();
    }
    if (this.#mode === "lines") {
      this.#output.line(renderProgressLine(this.progress, this.elapsedMs));
      for (const failure of this.failures)
        this.#output.line(`failed: ${failure.route}: ${failure.code}: ${printable(failure.message)}`);
    }
  }

  #draw(): void {
    this.#update(renderProgress(this.#output, this.progress, { last: this.failures }, this.elapsedMs));
  }

  #tell(): void {
    const line = renderProgressLine(this.progress, this.elapsedMs);
    const { completed, failed, announced } = this.progress;
    const key = `${completed}/${failed}/${announced}`;
    if (key !== this.#shown) this.#output.line(line);
    this.#shown = key;
  }
}
