import type { ExecutionRecord, FoundExecution, Records } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import type { ProjectView } from "../access/project-of.ts";

/** Where those who answer requests look: it does not answer before it is said what the request sees. */
export type RecordsByProject = Pick<Records, "inProject">;

/**
 * An execution that the request sees, by its id or tag.
 * @throws MillraceError EXECUTION_NOT_FOUND
 */
export async function findExecution(
  records: RecordsByProject,
  { project }: ProjectView,
  idOrTag: string,
): Promise<ExecutionRecord> {
  const record = await records.inProject(project).getExecution(idOrTag);
  if (record === null) throw noSuchExecution(idOrTag);
  return record;
}

/**
 * The same, for those who need no more than its id and status.
 * @throws MillraceError EXECUTION_NOT_FOUND
 */
export async function findExecutionId(
  records: RecordsByProject,
  { project }: ProjectView,
  idOrTag: string,
): Promise<FoundExecution> {
  const found = await records.inProject(project).findExecution(idOrTag);
  if (found === null) throw noSuchExecution(idOrTag);
  return found;
}

function noSuchExecution(idOrTag: string): MillraceError {
  return new MillraceError("EXECUTION_NOT_FOUND", `There is no execution "${idOrTag.slice(0, 128)}".`);
}
