import { MillraceError } from "@millrace/protocol";
import type { Ask, Database } from "./database.ts";
import { isCollision, messageOf } from "./postgres-errors.ts";

/** Times that a change is tried that others are in the way of. */
const ATTEMPTS = 10;

/**
 * Makes a change that is no part of a group of transitions, in a transaction of its own; once more where it and another
 * were in each other's way. `change` may run more than once.
 * @throws MillraceError what `change` throws of that kind, else SERVICE_UNAVAILABLE
 */
export async function changing<T>(database: Database, change: (ask: Ask) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await database.transaction(change);
    } catch (error) {
      if (error instanceof MillraceError) throw error;
      if (isCollision(error) && attempt < ATTEMPTS) continue;
      throw new MillraceError(
        "SERVICE_UNAVAILABLE",
        `The database cannot be written at present (${messageOf(error)}). Try again shortly.`,
        { cause: error },
      );
    }
  }
}
