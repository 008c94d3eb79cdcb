import type { ExecutionRecord, Records } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";

/**
 * An execution by its id or tag.
 * @throws MillraceError EXECUTION_NOT_FOUND
 */
export async function findExecution(records: Records, idOrTag: string): Promise<ExecutionRecord> {
  const record = await records.getExecution(idOrTag);
  if (record === null)
    throw new MillraceError("EXECUTION_NOT_FOUND", `There is no execution "${idOrTag.slice(0, 128)}".`);
  return record;
}
