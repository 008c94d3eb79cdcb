import { MillraceError } from "@millrace/protocol";

const CODES: ReadonlySet<string> = new Set(["STORE_DAMAGED", "SERVICE_UNAVAILABLE", "STORE_UNREACHABLE"]);

/** Whether an error is that the store is away: the log has that once, from the store itself, and not from each that needs it. */
export function isToldByStore(error: unknown): boolean {
  return error instanceof MillraceError && CODES.has(error.code);
}
