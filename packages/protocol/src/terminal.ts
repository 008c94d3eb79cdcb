import type { ExecutionStatus } from "./status.ts";

/** The statuses that end an execution for good. */
export type TerminalStatus = Exclude<ExecutionStatus, "running" | "interrupted">;

/** Whether `status` ends an execution for good. */
export function isTerminal(status: ExecutionStatus): status is TerminalStatus {
  return status !== "running" && status !== "interrupted";
}
