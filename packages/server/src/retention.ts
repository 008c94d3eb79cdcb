import { setTimeout as wait } from "node:timers/promises";
import type { Clock, Executions, Journal, ObjectStore, Records } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import type { Logger } from "pino";
import type { Settings } from "./settings.ts";
import type { SharedParts } from "./stores/stores.ts";
import { isToldByStore } from "./told-by-store.ts";

/** What retention stands on. */
export interface RetentionParts {
  readonly records: Records;
  readonly journal: Journal;
  readonly objects: ObjectStore;
  readonly executions: Pick<Executions, "delete" | "sweep">;
  /** Of several nodes, each pass is made by one; without it this process is alone. */
  readonly nodes: Pick<SharedParts, "alone"> | null;
  readonly clock: Clock;
  readonly log: Logger;
}

/** How much is kept of executions that are over; those that run, or are interrupted, are never touched. */
export type Limits = Pick<Settings, "retain_days" | "retain_executions" | "retain_bytes" | "retain_events_days">;

/** What a pass has removed. */
export interface Removed {
  /** Executions, by the setting that they went by. */
  readonly retain_days: number;
  readonly retain_executions: number;
  readonly retain_bytes: number;
  /** Executions that have lost their events, and kept their records. */
  readonly trimmed: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const PAGE = 100;

/** Between two passes. */
const INTERVAL_MS = 60_000;

/** Behind each step, so that retention takes a part of the process's time at most. */
const PAUSE_MS = 2;

/** Free space is given back in steps of so many bytes, and not all: what runs needs some of it again at once. */
const GIVEN_BACK_AT_ONCE_BYTES = 1024 * 1024;

/**
 * Removes what is due, again and again, until it is stopped: each pass finishes deletions that were cut off, then
 * deletes executions by age, count and bytes, those that ended first before others, then trims events.
 */
export class Retention {
  readonly #parts: RetentionParts;
  readonly #limits: Limits;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(parts: RetentionParts, limits: Limits) {
    this.#parts = parts;
    this.#limits = limits;
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
        const { nodes } = this.#parts;
        if (nodes === null) await this.pass();
        else await nodes.alone("retention", async () => void (await this.pass()));
      } catch (error) {
        if (!signal.aborted && !isToldByStore(error))
          this.#parts.log.error({ err: error }, "retention failed; it is tried again");
      }
      await wait(INTERVAL_MS, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  /** Removes what is due now. */
  async pass(): Promise<Removed> {
    const { executions, records, log } = this.#parts;
    const unfinished = await records.deletedExecutions(1);
    await executions
      .sweep(this.#stopping.signal)
      .catch((error) => log.error({ err: error }, "what a deletion left cannot be removed yet"));
    const removed: Removed = {
      retain_days: await this.#byAge(),
      retain_executions: await this.#byCount(),
      retain_bytes: await this.#byBytes(),
      trimmed: await this.#trim(),
    };
    const count = Object.values(removed).reduce((sum, part) => sum + part, 0);
    if (count > 0) log.info(removed, "retention removed executions that are over, or their events");
    if (count > 0 || unfinished.length > 0) await this.#giveBack();
    return removed;
  }

  async #byAge(): Promise<number> {
    const days = this.#limits.retain_days;
    if (days === null) return 0;
    const before = new Date(this.#parts.clock.now() - days * DAY_MS).toISOString();
    return this.#removeOldest("retain_days", ({ completedAt }) => completedAt < before);
  }

  async #byCount(): Promise<number> {
    const most = this.#limits.retain_executions;
    if (most === null) return 0;
    let { count } = await this.#parts.records.totalsOver();
    return this.#removeOldest("retain_executions", () => {
      count -= 1;
      return count >= most;
    });
  }

  async #byBytes(): Promise<number> {
    const most = this.#limits.retain_bytes;
    if (most === null) return 0;
    await this.#measure();
    let { bytes } = await this.#parts.records.totalsOver();
    return this.#removeOldest("retain_bytes", (oldest) => {
      if (bytes <= most) return false;
      bytes -= oldest.bytes ?? 0;
      return true;
    });
  }

  /** Deletes the execution that ended first, as long as it is due. */
  async #removeOldest(
    setting: keyof Removed,
    isDue: (oldest: { completedAt: string; bytes: number | null }) => boolean,
  ): Promise<number> {
    const { records, executions, log } = this.#parts;
    for (let removed = 0; ; ) {
      const page = await records.executionsOver(PAGE);
      for (const execution of page) {
        if (this.#stopping.signal.aborted || !isDue(execution)) return removed;
        try {
          await executions.delete(execution.id);
          removed += 1;
        } catch (error) {
          // Somebody else has deleted it meanwhile.
          if (!(error instanceof MillraceError && error.code === "EXECUTION_NOT_FOUND")) throw error;
        }
        log.debug({ execution_id: execution.id, bytes: execution.bytes }, `retention: deleted by ${setting}`);
        await wait(PAUSE_MS);
      }
      if (page.length < PAGE) return removed;
    }
  }

  async #measure(): Promise<void> {
    const { records, objects } = this.#parts;
    while (true) {
      const ids = await records.unmeasuredExecutions(PAGE);
      for (const id of ids) {
        if (this.#stopping.signal.aborted) return;
        await records.measureExecution(id, await objects.sizeOf(`executions/${id}/`));
      }
      if (ids.length < PAGE) return;
    }
  }

  /** Removes the events of executions that ended long ago; their records stay. A cursor into them meets a `gap`. */
  async #trim(): Promise<number> {
    const days = this.#limits.retain_events_days;
    if (days === null) return 0;
    const { records, journal, clock } = this.#parts;
    const before = new Date(clock.now() - days * DAY_MS).toISOString();
    for (let trimmed = 0; ; ) {
      const ids = await records.executionsToTrim(before, PAGE);
      for (const id of ids) {
        if (this.#stopping.signal.aborted) return trimmed;
        await journal.trim(id);
        trimmed += 1;
        await wait(PAUSE_MS);
      }
      if (ids.length < PAGE) return trimmed;
    }
  }

  async #giveBack(): Promise<void> {
    while (!this.#stopping.signal.aborted && !(await this.#parts.records.giveBackSpace(GIVEN_BACK_AT_ONCE_BYTES))) {
      await wait(PAUSE_MS);
    }
  }
}
