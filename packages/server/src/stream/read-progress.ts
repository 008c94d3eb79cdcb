import type { Executions, Records } from "@millrace/engine";
import { emptyProgress, isTerminal } from "@millrace/protocol";
import { routeProgress } from "../http/execution-view.ts";
import type { ReadProgress } from "./progress-feed.ts";

/** Reads the state of executions from where they run. */
export function progressReader(executions: Executions, records: Records): ReadProgress {
  return async (executionId) => {
    const record = await records.getExecution(executionId);
    if (record === null) return null;
    const progress = (await executions.progress(executionId)) ?? emptyProgress();
    const depths = isTerminal(record.status) ? {} : await executions.depths(executionId);
    return {
      status: record.status,
      routes: routeProgress(record, progress, depths),
      firstEventAt: progress.firstEventAt,
      lastEventAt: progress.lastEventAt,
    };
  };
}
