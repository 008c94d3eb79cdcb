import { isTerminal, MillraceError } from "@millrace/protocol";
import type { AdapterLog } from "../adapter.ts";
import type { ExecutionRecord, ObjectStore, Records } from "../ports.ts";

/** What a deleted execution left is removed in steps of so many bytes, each a commit, with a pause behind it. */
const PURGED_AT_ONCE_BYTES = 1024 * 1024;
const PURGE_PAUSE_MS = 5;

const SWEPT_AT_ONCE = 100;

/** Where an execution is kept, and what it leaves. */
export interface Kept {
  readonly records: Records;
  readonly objects: ObjectStore;
}

/**
 * Removes an execution that is over: see `Executions.delete`. False where it is gone already.
 * @throws MillraceError EXECUTION_RUNNING
 */
export async function deleteExecution(record: ExecutionRecord, kept: Kept, log: AdapterLog): Promise<boolean> {
  if (!isTerminal(record.status)) {
    throw new MillraceError("EXECUTION_RUNNING", `The execution is ${record.status}. Cancel it first, then delete it.`);
  }
  if (!(await kept.records.deleteExecution(record.id))) return false;
  try {
    await purge(record.id, kept);
  } catch (error) {
    // It is deleted all the same; what it left is removed with the next sweep.
    const message = error instanceof Error ? error.message : String(error);
    log.error(`What execution ${record.id} left cannot be removed yet: ${message}`);
  }
  return true;
}

/** Removes what deletions have left behind: see `Executions.sweep`. */
export async function sweepDeleted(kept: Kept, signal?: AbortSignal): Promise<void> {
  while (true) {
    const ids = await kept.records.deletedExecutions(SWEPT_AT_ONCE);
    const failures: unknown[] = [];
    for (const id of ids) {
      if (signal?.aborted) return;
      await purge(id, kept).catch((error) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
    if (ids.length < SWEPT_AT_ONCE) return;
  }
}

/** Objects first: with the last row it is forgotten that there was anything. */
async function purge(executionId: string, { records, objects }: Kept): Promise<void> {
  await objects.deleteAll(`executions/${executionId}/`);
  while (!(await records.purgeExecution(executionId, PURGED_AT_ONCE_BYTES))) {
    // Commits of those that run are not to wait for a row of such steps.
    await new Promise((resolve) => setTimeout(resolve, PURGE_PAUSE_MS));
  }
}
