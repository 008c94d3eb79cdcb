import { MillraceError } from "@millrace/protocol";
import { damaged, isDamage } from "./damage.ts";

/**
 * Runs a read of the store. What SQLite says when it fails (a disk that is gone, a file that was closed meanwhile) is for
 * whoever asked no fault of their request: the store is not available. `onDamage` is told, before, where it is damaged.
 * @throws MillraceError SERVICE_UNAVAILABLE, STORE_DAMAGED
 */
export async function reading<T>(read: () => T, onDamage?: (damage: MillraceError) => void): Promise<T> {
  try {
    return read();
  } catch (error) {
    if (isDamage(error)) {
      const damage = damaged(error);
      onDamage?.(damage);
      throw damage;
    }
    if (!(error instanceof Error) || !("code" in error)) throw error;
    if (error.code === "ERR_INVALID_STATE") {
      throw new MillraceError("SERVICE_UNAVAILABLE", "The store is closed.", { cause: error });
    }
    if (error.code !== "ERR_SQLITE_ERROR") throw error;
    throw new MillraceError(
      "SERVICE_UNAVAILABLE",
      `The store cannot be read at present (${error.message}). Try again shortly.`,
      { cause: error },
    );
  }
}
