import { BODY_LOCK_NUMBER, LOCKS } from "../advisory-locks.ts";
import type { Database } from "../database.ts";

/** Bodies that are removed in one statement. */
const SWEPT_AT_ONCE = 50;

/** Removes bodies that are gone and that nobody has open, on whichever node. Those that are read go when they are closed. */
const SWEEP = {
  name: "object-sweep",
  text: `WITH dead AS MATERIALIZED (SELECT id FROM object_bodies WHERE gone AND id > $1 ORDER BY id LIMIT ${SWEPT_AT_ONCE}),
  free AS MATERIALIZED (SELECT id FROM dead WHERE pg_try_advisory_xact_lock($2, ${BODY_LOCK_NUMBER})),
  chunks AS (DELETE FROM object_chunks WHERE body IN (SELECT id FROM free)),
  bodies AS (DELETE FROM object_bodies WHERE id IN (SELECT id FROM free))
  SELECT count(*) AS looked, max(id) AS last FROM dead`,
};

/**
 * Clears away what was replaced or deleted.
 *
 * States: *idle* → *sweeping*, and once more where something went meanwhile → *idle*, and *closed*.
 */
export class BodySweep {
  readonly #database: Database;
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;
  #closed = false;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Sweeps, and does not say when: what cannot be removed now is in nobody's way, and goes with the next. */
  begin(): void {
    this.run().catch(() => undefined);
  }

  /** Resolves when all that is gone now, and is not read, is removed. Throws the driver's own errors. */
  run(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    if (this.#running !== null) {
      // It may be past what went since.
      this.#next ??= this.#running
        .catch(() => undefined)
        .then(() => {
          this.#next = null;
          return this.run();
        });
      return this.#next;
    }
    this.#running = this.#sweep().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#running?.catch(() => undefined);
  }

  async #sweep(): Promise<void> {
    for (let after = 0; !this.#closed; ) {
      const [swept] = await this.#database.transaction((ask) => ask(SWEEP, [after, LOCKS.body]));
      if (Number(swept?.looked) < SWEPT_AT_ONCE) return;
      after = Number(swept?.last);
    }
  }
}
