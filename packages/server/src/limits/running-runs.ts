import type { Refusal } from "./limits.ts";
import { LruMap } from "./lru.ts";

/** Whether an execution is over, or gone. */
export type IsOver = (executionId: string) => Promise<boolean>;

/** Callers whose runs are remembered. */
const MAX_CALLERS = 10_000;

/** When a run ends is not known: a client that has too many asks again after so long, in milliseconds. */
const RETRY_MS = 5_000;

/** The runs that each caller has started and that are, as far as is known, not over. */
interface Own {
  /** Requests that are about to start one. */
  starting: number;
  readonly running: Set<string>;
  /** Finds out which of them are over; null while nobody does. */
  looking: Promise<void> | null;
}

/**
 * Runs that one caller has started and that are not over. Nothing tells of their ends: when a caller has as many as it
 * may, its runs are looked up, which are few. Runs that a process before this one has started are not counted.
 */
export class RunningRuns {
  readonly #limit: number;
  readonly #isOver: IsOver;
  readonly #byCaller = new LruMap<Own>(MAX_CALLERS);

  /** `limit` 0: none. */
  constructor(limit: number, isOver: IsOver) {
    this.#limit = limit;
    this.#isOver = isOver;
  }

  /** Makes room for one more, until {@link begun}; or refuses it. */
  async begin(caller: string): Promise<Refusal | null> {
    if (this.#limit === 0) return null;
    const own = this.#byCaller.get(caller) ?? { starting: 0, running: new Set(), looking: null };
    if (own.starting + own.running.size >= this.#limit) {
      own.looking ??= this.#forgetOver(own).finally(() => {
        own.looking = null;
      });
      await own.looking;
      if (own.starting + own.running.size >= this.#limit) return { limit: "runs", retryAfterMs: RETRY_MS };
    }
    own.starting += 1;
    this.#byCaller.set(caller, own);
    return null;
  }

  /** What {@link begin} made room for is there, or with null it is not. */
  begun(caller: string, executionId: string | null): void {
    const own = this.#byCaller.get(caller);
    if (own === undefined) return;
    own.starting = Math.max(0, own.starting - 1);
    if (executionId !== null) own.running.add(executionId);
    if (own.starting === 0 && own.running.size === 0 && own.looking === null) this.#byCaller.delete(caller);
  }

  async #forgetOver({ running }: Own): Promise<void> {
    for (const executionId of [...running]) {
      // What cannot be looked up counts as running.
      if (await this.#isOver(executionId).catch(() => false)) running.delete(executionId);
    }
  }
}
