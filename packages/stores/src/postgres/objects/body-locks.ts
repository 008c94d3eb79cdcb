import { bodyLockNumber, LOCKS } from "../advisory-locks.ts";
import type { Session } from "../connection.ts";

const TAKE = {
  name: "object-lock",
  text: "SELECT pg_advisory_lock_shared($1, $2), pg_backend_pid() AS pid",
};

/** In a statement after the lock's: what was removed while it was waited for is not seen any more. */
const LOOK = {
  name: "object-locked",
  text: "SELECT EXISTS (SELECT 1 FROM object_bodies WHERE id = $1) AS there, pg_backend_pid() AS pid",
};

/** On another connection than the one that took it there is nothing to give back: locks go with their connection. */
const RELEASE = {
  name: "object-unlock",
  text: "SELECT pg_advisory_unlock_shared($1, $2) WHERE pg_backend_pid() = $3",
};

/** A body that is not removed. */
export interface BodyLock {
  /** Never throws. */
  release(): Promise<void>;
}

/**
 * Keeps bodies that are being read from being removed, by whichever node: shared advisory locks, all held by one
 * connection. They go with it: a process that dies leaves nothing behind.
 */
export class BodyLocks {
  readonly #session: Session;

  /** `session` is this class's own. */
  constructor(session: Session) {
    this.#session = session;
  }

  /** Null where the body was removed before it could be locked. Throws the driver's own errors. */
  async take(body: number): Promise<BodyLock | null> {
    const lock = [LOCKS.body, bodyLockNumber(body)];
    for (;;) {
      const pid: unknown = (await this.#session.query(TAKE, lock)).rows[0]?.pid;
      const [found] = (await this.#session.query(LOOK, [body])).rows;
      // The connection was lost in between, and the lock with it.
      if (found?.pid !== pid) continue;
      const release = async () => {
        await this.#session.run(RELEASE, [...lock, pid]).catch(() => undefined);
      };
      if (found?.there === true) return { release };
      await release();
      return null;
    }
  }

  close(): Promise<void> {
    return this.#session.close();
  }
}
