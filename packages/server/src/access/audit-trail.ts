import type { AuditEntry, AuditLog, Clock, Ids } from "@millrace/engine";
import type { Logger } from "pino";
import { isToldByStore } from "../told-by-store.ts";

/** What is to be written down. */
export type Audited = Omit<AuditEntry, "id" | "at" | "count">;

/** Where it is written down what requests did: here, or by way of the main process. */
export type Audit = Pick<AuditTrail, "note" | "refused">;

/** What the trail is written with. */
export interface AuditTrailParts {
  readonly auditLog: AuditLog;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Logger;
  readonly retainDays: number;
}

/** Refusals of one kind within so long, in milliseconds, are one entry. */
const TOGETHER_MS = 10_000;

/** Kinds of refusals that are told apart at once; beyond them they are counted together. */
const MAX_KINDS = 200;

/** How often entries that are too old are removed, in milliseconds, and how many at once. */
const PRUNE_MS = 60 * 60 * 1000;
const PRUNED_AT_ONCE = 1_000;

const DAY_MS = 24 * 60 * 60 * 1000;

/** A pile of refusals of one kind. */
interface Pile {
  readonly first: AuditEntry;
  count: number;
}

/**
 * Writes down who did what. What was done is in the log before its answer is sent; what was refused is counted, so that
 * whoever knocks all the time fills no disk.
 */
export class AuditTrail {
  readonly #parts: AuditTrailParts;
  readonly #refused = new Map<string, Pile>();
  readonly #timers: readonly NodeJS.Timeout[];
  #waiting: { readonly entry: AuditEntry; readonly done: () => void }[] = [];
  #writing: Promise<void> | null = null;

  constructor(parts: AuditTrailParts) {
    this.#parts = parts;
    this.#timers = [
      setInterval(() => void this.#writeRefused(), TOGETHER_MS).unref(),
      setInterval(() => void this.#prune(), PRUNE_MS).unref(),
    ];
  }

  /** Resolves when it is in the log, or when it turned out that it cannot be: that is told in the service's own log. */
  note(audited: Audited): Promise<void> {
    return new Promise((done) => {
      this.#waiting.push({ entry: this.#entry(audited), done });
      this.#writing ??= this.#write();
    });
  }

  /** Counts a request that was refused. */
  refused(audited: Audited): void {
    const { actor, action, status, address, project } = audited;
    const exact = JSON.stringify([actor.kind, actor.id, action, status, address, project]);
    const kind = this.#refused.size < MAX_KINDS || this.#refused.has(exact) ? exact : "";
    const pile = this.#refused.get(kind);
    if (pile !== undefined) {
      pile.count += 1;
      return;
    }
    const entry = this.#entry(audited);
    const first = kind === "" ? { ...entry, address: null, target: null, action: "request" } : entry;
    this.#refused.set(kind, { first, count: 1 });
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#writeRefused();
  }

  #entry(audited: Audited): AuditEntry {
    const { ids, clock } = this.#parts;
    return { ...audited, id: ids.uuid(), at: clock.now(), count: 1 };
  }

  /** Whatever has come meanwhile goes with the next commit. */
  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting;
      this.#waiting = [];
      await this.#append(waiting.map(({ entry }) => entry));
      for (const { done } of waiting) done();
    }
    this.#writing = null;
  }

  async #writeRefused(): Promise<void> {
    if (this.#refused.size === 0) return;
    const entries = [...this.#refused.values()].map(({ first, count }) => ({ ...first, count }));
    this.#refused.clear();
    await this.#append(entries);
  }

  async #append(entries: readonly AuditEntry[]): Promise<void> {
    try {
      await this.#parts.auditLog.append(entries);
    } catch (error) {
      // What was done is done: here it can still be read. Why the store cannot be written, the store says itself.
      const why = isToldByStore(error) ? {} : { err: error };
      this.#parts.log.error({ ...why, audit: entries }, "the audit log could not be written");
    }
  }

  async #prune(): Promise<void> {
    const { auditLog, clock, log, retainDays } = this.#parts;
    try {
      const before = clock.now() - retainDays * DAY_MS;
      while ((await auditLog.prune(before, PRUNED_AT_ONCE)) === PRUNED_AT_ONCE);
    } catch (error) {
      if (!isToldByStore(error)) log.warn({ err: error }, "the audit log could not be cut; it is tried again");
    }
  }
}
