import type { AdapterLog } from "../adapter.ts";
import { findInterruption } from "../execution/find-interruption.ts";
import { hasMoved } from "../execution/has-moved.ts";
import { INTERRUPTED } from "../execution/recovery.ts";
import type { Ownership } from "../ownership-port.ts";
import type { Clock, ExecutionRecord, Journal } from "../ports.ts";

/** How often it is looked, in milliseconds. */
const LOOK_MS = 2_000;

/** Executions that are looked at one by one, at most. */
const LOOKED_AT = 1_000;

/** Also where their number stays the same they are looked at one by one after so many looks: one may stand for another. */
const LOOKS_BETWEEN = 15;

/** What the watch needs. */
export interface OrphanWatchHost {
  readonly ownership: Ownership;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: AdapterLog;
  /** An execution that no node takes up for so long is interrupted, in milliseconds. */
  readonly interruptedAfterMs: number;
  /** Nobody owns what was looked at. */
  announce(): void;
}

/**
 * Finds executions that no node takes up, and says of them that they are interrupted. Every node watches: to record it one
 * claims the execution for a moment, so that exactly one does.
 */
export class OrphanWatch {
  readonly #host: OrphanWatchHost;
  /** When each was first seen to wait (epoch ms); null where it is known to be interrupted. */
  #seen = new Map<string, number | null>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | null = null;
  #looks = 0;
  #before = 0;

  constructor(host: OrphanWatchHost) {
    this.#host = host;
  }

  start(): void {
    this.#timer = setInterval(
      () => {
        this.#looking ??= this.#look()
          .catch((error) => this.#host.log.warn(`Executions without a node cannot be looked at: ${error}`))
          .finally(() => {
            this.#looking = null;
          });
      },
      Math.min(LOOK_MS, this.#host.interruptedAfterMs),
    );
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { ownership, clock, interruptedAfterMs } = this.#host;
    const orphans = await ownership.orphans();
    const before = this.#before;
    this.#before = orphans;
    this.#looks += 1;
    if (orphans === 0) {
      this.#seen.clear();
      return;
    }
    // Most are claimed in no time.
    if (before === 0) return;
    const known = [...this.#seen.values()];
    const allTold = known.length === orphans && known.every((since) => since === null);
    if (allTold && this.#looks % LOOKS_BETWEEN !== 0) return;
    const claimed = await ownership.claim({ limit: LOOKED_AT });
    const now = clock.now();
    const seen = new Map<string, number | null>();
    try {
      for (const { record } of claimed) {
        const since = this.#seen.get(record.id) ?? now;
        if (record.status === "interrupted") seen.set(record.id, null);
        else if (now - since < interruptedAfterMs) seen.set(record.id, since);
        else {
          await this.#interrupt(record);
          seen.set(record.id, null);
        }
      }
    } finally {
      this.#seen = seen;
      await ownership.release(claimed.map(({ record }) => record.id));
      this.#host.announce();
    }
  }

  async #interrupt(record: ExecutionRecord): Promise<void> {
    const { journal, clock, log } = this.#host;
    const interruption = await findInterruption(journal, record);
    const message = "No node has taken the execution up. It goes on as soon as one that has room is there.";
    const error = { code: INTERRUPTED, message, interrupted_at: interruption.at, interrupted_by: interruption.by };
    const at = new Date(clock.now()).toISOString();
    try {
      await journal.append({
        executionId: record.id,
        events: [],
        lifecycle: { kind: "interrupted", at, error, interruption },
        // Why it was coming to an end anyway is worth more.
        record: { status: "interrupted", errorInfo: record.errorInfo ?? error },
      });
      log.warn(`Execution ${record.id} is interrupted: no node takes it up.`);
    } catch (error) {
      if (!hasMoved(error)) throw error;
    }
  }
}
