import type { ErrorInfo, ExecutionStatus } from "@millrace/protocol";
import { showDuration } from "./live/figures.ts";
import { STATUS_COLOURS } from "./live/run-table.ts";
import { type Output, printable, table } from "./output.ts";

/** The last word on a run. */
export interface RunSummary {
  readonly status: ExecutionStatus;
  readonly errorInfo: ErrorInfo | null;
  readonly elapsedMs: number;
  readonly done: number;
  readonly failed: number;
  /** Null where a live table has said it all already. */
  readonly routes:
    | readonly { readonly route: string; readonly done: number; readonly failed: number; readonly retries: number }[]
    | null;
}

/** Prints how a run ended, per route. */
export function printSummary(output: Output, { status, errorInfo, elapsedMs, done, failed, routes }: RunSummary): void {
  if (routes !== null && routes.length > 0) {
    const rows = routes.map((route) => [route.route, route.done, route.failed, route.retries]);
    output.line(table(output, ["route", "done", "failed", "retries"], rows));
  }
  const counts = `${done} ${done === 1 ? "message" : "messages"} done, ${failed} failed, in ${showDuration(elapsedMs)}`;
  output.line(`${output.paint(["bold", STATUS_COLOURS[status]], status)}: ${counts}`);
  if (errorInfo !== null) {
    const where = [errorInfo.route, errorInfo.adapter].filter((part) => part !== undefined).join("/");
    output.line(`${where === "" ? "" : `${printable(where)}: `}${errorInfo.code}: ${printable(errorInfo.message)}`);
  }
}
