import { MillraceError } from "@millrace/protocol";

/**
 * Classes of SQLSTATE that are about the values that a statement was given (data exception, integrity constraint, program
 * limit): trying again would not help. All other errors are the database's, or the way's to it.
 */
const OF_THE_VALUES = /^(?:22|23|54)/;

/** Deadlock, serialization failure, lock not available: as if nothing had happened, and to be tried again at once. */
const IN_EACH_OTHERS_WAY = new Set(["40001", "40P01", "55P03"]);

/** The SQLSTATE of what the server said; null where it is another's error. */
export function sqlState(error: unknown): string | null {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return null;
  // What the driver and the system say has codes as well: `ECONNRESET`. The server's errors say how severe they are.
  return "severity" in error && /^[0-9A-Z]{5}$/.test(error.code) ? error.code : null;
}

/** Whether an error is that of what was to be written: the same again would fail again. */
export function isOfTheValues(error: unknown): boolean {
  return OF_THE_VALUES.test(sqlState(error) ?? "");
}

/** Whether two transactions were in each other's way, so that the same again may well succeed. */
export function isCollision(error: unknown): boolean {
  return IN_EACH_OTHERS_WAY.has(sqlState(error) ?? "");
}

/**
 * Whether a statement failed as the connection is gone, or was never there: what was asked may be asked again on another.
 * (A server that shuts down, starts up, or fails over says so in classes 57 and 25.)
 */
export function isLostConnection(error: unknown): boolean {
  const state = sqlState(error);
  return state === null ? error instanceof Error : /^(?:08|57P|25006|25P03)/.test(state);
}

/** What to say of an error to a person: one line, without a password. */
export function messageOf(error: unknown): string {
  // A name with several addresses fails with one error for each, and no message of its own.
  if (error instanceof AggregateError && error.errors.length > 0) {
    return [...new Set(error.errors.map(messageOf))].join("; ");
  }
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll(/\s+/g, " ").trim() || "no reason was given";
}

/** What a reader is told whose read failed, which is no fault of the request. */
export function unreadable(error: unknown): MillraceError {
  if (error instanceof MillraceError) return error;
  return new MillraceError(
    "SERVICE_UNAVAILABLE",
    `The database cannot be read at present (${messageOf(error)}). Try again shortly.`,
    { cause: error },
  );
}
