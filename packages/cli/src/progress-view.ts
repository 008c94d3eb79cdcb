import type { ExecutionEvent, Progress } from "@millrace/protocol";
import { type Output, printable, table } from "./output.ts";

/** How many of the last failures are shown. */
const SHOWN_FAILURES = 5;

/** What a view of a run shows besides its counts. */
export interface RunFailures {
  /** Failures for good, the newest last. */
  readonly last: readonly { readonly route: string; readonly code: string; readonly message: string }[];
}

/** Notes the failures that count, the last few of them. */
export function noteFailure(last: { route: string; code: string; message: string }[], event: ExecutionEvent): void {
  if (event.type !== "failed" || event.will_retry) return;
  last.push({ route: event.route, code: event.error.code, message: event.error.message });
  if (last.length > SHOWN_FAILURES) last.shift();
}

/** A run's routes as a table, the last failures below. */
export function renderProgress(
  output: Pick<Output, "paint" | "width">,
  progress: Progress,
  failures: RunFailures,
  elapsedMs: number,
): string {
  const seconds = Math.max(elapsedMs / 1000, 0.001);
  const rows = Object.entries(progress.routes).map(([name, route]) => [
    name,
    Math.max(0, route.announced - route.completed - route.failed - route.inFlight - route.retrying),
    route.inFlight,
    route.retrying,
    route.completed,
    route.failed,
    `${Math.round((route.completed + route.failed) / seconds)}/s`,
  ]);
  const lines = [table(output, ["route", "queued", "running", "retrying", "done", "failed", "rate"], rows)];
  const settled = progress.completed + progress.failed;
  lines.push(
    bar(output, settled, progress.announced, `${settled} of ${progress.announced} messages  ${seconds.toFixed(1)} s`),
  );
  for (const failure of failures.last) {
    lines.push(
      output.paint("red", clip(`${failure.route}: ${failure.code}: ${printable(failure.message)}`, output.width - 1)),
    );
  }
  return lines.join("\n");
}

/** One plain line, for a pipe. */
export function renderProgressLine(progress: Progress, elapsedMs: number): string {
  const settled = progress.completed + progress.failed;
  const waiting = Math.max(0, progress.announced - settled);
  return `${(elapsedMs / 1000).toFixed(1)} s: ${progress.completed} done, ${progress.failed} failed, ${waiting} to do`;
}

function bar(output: Pick<Output, "paint" | "width">, done: number, total: number, label: string): string {
  const width = Math.max(10, Math.min(40, output.width - label.length - 3));
  const filled = total === 0 ? 0 : Math.min(width, Math.floor((done / total) * width));
  return `${output.paint("green", "█".repeat(filled))}${output.paint("dim", "░".repeat(width - filled))} ${label}`;
}

function clip(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}
