import { LOCKS, lockNumber } from "./advisory-locks.ts";
import type { Session } from "./connection.ts";

const TAKE = { name: "duty-take", text: "SELECT pg_try_advisory_lock($1, $2) AS taken" };
const LEAVE = { name: "duty-leave", text: "SELECT pg_advisory_unlock($1, $2)" };

/**
 * What one node at a time does for all. The database holds who does it for as long as the connection is there: where that
 * is lost another may begin, so a duty must bear to be done by two for a moment.
 */
export class Duties {
  readonly #session: Session;
  readonly #doing = new Set<string>();

  /** `session` is this class's own. */
  constructor(session: Session) {
    this.#session = session;
  }

  /** Runs `work` where nobody is at work under the name; false: somebody is. @throws what `work` or the database throws */
  async alone(name: string, work: () => Promise<void>): Promise<boolean> {
    // The lock is the connection's, which would take it twice.
    if (this.#doing.has(name)) return false;
    const lock = [LOCKS.duty, lockNumber(name)];
    this.#doing.add(name);
    try {
      const { rows } = await this.#session.query(TAKE, lock);
      if (rows[0]?.taken !== true) return false;
      try {
        await work();
      } finally {
        await this.#session.run(LEAVE, lock).catch(() => this.#session.drop());
      }
      return true;
    } finally {
      this.#doing.delete(name);
    }
  }
}
