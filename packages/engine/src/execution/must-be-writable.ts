import { MillraceError } from "@millrace/protocol";
import type { Journal } from "../ports.ts";

/**
 * What is on its way to the journal waits while that cannot be written; a request for more is refused then.
 * @throws MillraceError SERVICE_UNAVAILABLE, or the fault itself
 */
export function mustBeWritable({ fault }: Journal): void {
  if (fault === null) return;
  if (fault instanceof MillraceError) throw fault;
  throw new MillraceError(
    "SERVICE_UNAVAILABLE",
    `The store cannot be written at present (${fault.message}). Try again shortly.`,
  );
}
