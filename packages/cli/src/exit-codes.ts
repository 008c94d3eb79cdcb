import { ApiError } from "@millrace/client";
import { ERROR_CODES, type ErrorCode, type ExecutionStatus, MillraceError } from "@millrace/protocol";

/** What the command's exit code says. */
export const EXIT_CODES = {
  0: "done; for run, watch and wait: the execution completed",
  1: "the execution failed, or is not over; for doctor: something is wrong",
  2: "the command, a setting or an input is wrong",
  3: "the pipeline, or an adapter, is invalid",
  4: "there is no such config, execution, message or adapter",
  5: "the state of things does not allow it",
  6: "the service or its data directory is not available",
  7: "the execution was cancelled",
  8: "the credential is missing, wrong or expired, or does not allow it",
  70: "a fault of Millrace itself",
  74: "the output cannot be written",
  130: "interrupted by Ctrl-C",
  141: "whoever reads the output has gone; a run ends with it",
} as const;

/** A wrong command line or input, in words for its author. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The exit code of a command that failed with `error`. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return 2;
  if (error instanceof MillraceError) return ERROR_CODES[error.code].exit;
  if (!(error instanceof ApiError)) return 70;
  if (error.code !== null && Object.hasOwn(ERROR_CODES, error.code)) return ERROR_CODES[error.code as ErrorCode].exit;
  // No answer at all, or one of something else that listens there, such as a proxy.
  if (error.status === 0 || error.body === null) return 6;
  return error.status === 422 ? 2 : error.status === 404 ? 4 : [502, 503, 504].includes(error.status) ? 6 : 70;
}

/** The exit code of a command that followed an execution to this status. */
export function exitCodeOfStatus(status: ExecutionStatus): number {
  return status === "completed" ? 0 : status === "cancelled" ? 7 : 1;
}
