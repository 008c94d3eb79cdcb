import type { ExecutionDetail } from "@millrace/client";
import { createContext, use } from "react";

/** The run that a page is about; its status is the newest that is known. */
export const RunContext = createContext<ExecutionDetail | null>(null);

/** @see RunContext */
export function useRun(): ExecutionDetail {
  const run = use(RunContext);
  if (run === null) throw new Error("useRun is for what stands inside a run's page");
  return run;
}
