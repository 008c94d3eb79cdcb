import { MillraceError } from "@millrace/protocol";

/** Whether an append was refused as another node works on the execution by now. */
export function hasMoved(error: unknown): boolean {
  return error instanceof MillraceError && error.code === "EXECUTION_MOVED";
}
