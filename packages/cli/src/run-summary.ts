import type { ErrorInfo, ExecutionStatus, Progress } from "@millrace/protocol";
import { type Output, printable, table } from "./output.ts";

/** The last word on a run. */
export interface RunSummary {
  readonly status: ExecutionStatus;
  readonly errorInfo: ErrorInfo | null;
  readonly progress: Progress;
  readonly elapsedMs: number;
  /** Whether `progress` lacks what was before the watch began. */
  readonly beganLate?: boolean;
}

const COLOURS = {
  completed: "green",
  failed: "red",
  cancelled: "yellow",
  interrupted: "yellow",
  running: "cyan",
} as const;

/** Prints how a run ended, per route. */
export function printSummary(output: Output, { status, errorInfo, progress, elapsedMs, beganLate }: RunSummary): void {
  const rows = Object.entries(progress.routes).map(([name, route]) => [
    name,
    route.completed,
    route.failed,
    route.retries,
  ]);
  // A live table has said it all already.
  if (!output.isTerminal && rows.length > 0) output.line(table(output, ["route", "done", "failed", "retries"], rows));
  const counts = `${progress.completed} messages done, ${progress.failed} failed${beganLate ? " since the watch began" : ""}, in ${(elapsedMs / 1000).toFixed(1)} s`;
  output.line(`${output.paint(["bold", COLOURS[status]], status)}: ${counts}`);
  if (errorInfo !== null) {
    const where = [errorInfo.route, errorInfo.adapter].filter((part) => part !== undefined).join("/");
    output.line(`${where === "" ? "" : `${where}: `}${errorInfo.code}: ${printable(errorInfo.message)}`);
  }
}
