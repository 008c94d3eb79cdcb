/**
 * What SQLite says of the values that it was given (SQLITE_TOOBIG, CONSTRAINT, MISMATCH, RANGE): trying again would
 * not help. All its other errors are the store's.
 */
const OF_THE_VALUES = new Set([18, 19, 20, 25]);

/** Whether an error of a write is the store's, and not that of what was to be written. */
export function isStoreError(error: Error): boolean {
  if (!("code" in error) || error.code !== "ERR_SQLITE_ERROR") return false;
  // The lowest byte is the error; those above it only say more of it.
  return !("errcode" in error && typeof error.errcode === "number" && OF_THE_VALUES.has(error.errcode & 0xff));
}
