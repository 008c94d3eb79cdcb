import { MillraceError } from "@millrace/protocol";

/** What a writer is told that does not wait for a store at fault. */
export function refusal(fault: Error): MillraceError {
  return fault instanceof MillraceError ? fault : unavailable(fault.message);
}

/** The store cannot be written, for a reason. */
export function unavailable(reason: string): MillraceError {
  return new MillraceError(
    "SERVICE_UNAVAILABLE",
    `The store cannot be written at present (${reason}). Try again shortly.`,
  );
}
