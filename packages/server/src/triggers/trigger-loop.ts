import { setTimeout as wait } from "node:timers/promises";
import type { Clock, Ids, NewFiring, TriggerRecord } from "@millrace/engine";
import type { Logger } from "pino";
import { isToldByStore } from "../told-by-store.ts";
import { lastDue, nextDue } from "./cron.ts";
import type { FolderWatch } from "./folder-watch.ts";
import { CLAIM_MS, type FiringParts, startFiring } from "./start-firing.ts";
import { cronOf, timeOf } from "./trigger-view.ts";

/** What the loop stands on. */
export interface TriggerLoopParts extends FiringParts {
  readonly folders: FolderWatch;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Logger;
}

/** Between two looks at what is due, in milliseconds. */
const INTERVAL_MS = 500;

/** What is due by so little was not missed: the service was busy, or its clock was set. In milliseconds. */
export const MISSED_AFTER_MS = 60_000;

/** Firings are kept for so long, in milliseconds: 30 days. */
const KEPT_MS = 30 * 24 * 60 * 60 * 1000;

const PAGE = 100;
const PRUNED_AT_ONCE = 1_000;
const PRUNE_EVERY_MS = 10 * 60 * 1000;

/**
 * Sets off what is due and starts the runs, again and again, until it is stopped. On every node: whatever is due is taken
 * by one of them.
 */
export class TriggerLoop {
  readonly #parts: TriggerLoopParts;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #prunedAt = 0;
  #failed = false;

  constructor(parts: TriggerLoopParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Resolves when the step that is under way is done. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.pass();
        this.#failed = false;
      } catch (error) {
        // While the store is away it says so itself, and each pass would once more.
        if (!signal.aborted && !this.#failed)
          if (!isToldByStore(error))
            this.#parts.log.error({ err: error }, "triggers are held up; they are tried again");
        this.#failed = true;
      }
      await wait(INTERVAL_MS, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  /** Sets off what is due now, and starts the runs of firings that wait. */
  async pass(): Promise<void> {
    await this.#setOff();
    await this.#parts.folders.pass(this.#stopping.signal);
    await this.#begin();
    await this.#prune();
  }

  async #setOff(): Promise<void> {
    const { triggers, clock } = this.#parts;
    for (;;) {
      const due = await triggers.due(clock.now(), PAGE);
      for (const trigger of due) {
        if (this.#stopping.signal.aborted) return;
        await this.#setOffOne(trigger);
      }
      if (due.length < PAGE) return;
    }
  }

  async #setOffOne(trigger: TriggerRecord): Promise<void> {
    const { triggers, clock } = this.#parts;
    if (trigger.nextAt === null) return;
    const now = clock.now();
    const spec = cronOf(trigger);
    const dueAt = lastDue(spec, trigger.nextAt, now);
    const late = now - dueAt > MISSED_AFTER_MS;
    const skipped =
      late && spec.missed === "skip" ? `It was due at ${timeOf(dueAt)}, and nothing ran to set it off.` : null;
    await triggers.advance(trigger.id, trigger.nextAt, nextDue(spec, now), this.#firing(trigger, dueAt, now, skipped));
  }

  #firing(trigger: TriggerRecord, dueAt: number, at: number, skipped: string | null): NewFiring {
    const key = `cron:${timeOf(dueAt)}`;
    return { id: this.#parts.ids.uuid(), triggerId: trigger.id, key, dueAt, at, payload: {}, skipped };
  }

  async #begin(): Promise<void> {
    const { triggers, clock } = this.#parts;
    // What is claimed in vain waits from then on, or is over: each turn leaves less that is due.
    while (!this.#stopping.signal.aborted && (await triggers.hasDue(clock.now()))) {
      const firing = await triggers.claim({ now: clock.now(), leaseMs: CLAIM_MS });
      if (firing !== null) await startFiring(this.#parts, firing);
    }
  }

  async #prune(): Promise<void> {
    const { triggers, clock } = this.#parts;
    const now = clock.now();
    if (now - this.#prunedAt < PRUNE_EVERY_MS) return;
    this.#prunedAt = now;
    while (!this.#stopping.signal.aborted && (await triggers.prune(now - KEPT_MS, PRUNED_AT_ONCE)) === PRUNED_AT_ONCE);
  }
}
