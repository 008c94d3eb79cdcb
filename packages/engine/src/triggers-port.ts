import type { JsonObject } from "@millrace/protocol";
import type { Page } from "./ports.ts";

/** What sets a trigger off. */
export type TriggerKind = "cron" | "folder" | "call";

/** What makes runs of a config, as it is stored. */
export interface TriggerRecord {
  readonly id: string;
  /** Its config's. */
  readonly project: string;
  readonly configId: string;
  readonly name: string;
  readonly kind: TriggerKind;
  readonly enabled: boolean;
  /** What its kind is set to: checked by who reads it. */
  readonly spec: JsonObject;
  /** Begins the payload of each run. */
  readonly payload: JsonObject;
  readonly tagTemplate: string | null;
  /** Runs of it that may be under way at once; null: as many as there are. */
  readonly maxRunning: number | null;
  /** What becomes of a firing while so many are: it waits, or nothing comes of it. */
  readonly whenRunning: "skip" | "queue";
  /** SHA-256 of the secret of its URL, in hexadecimal; null where it has none. */
  readonly secretHash: string | null;
  /** Epoch ms at which it is due next; null where it is not set off by time, is disabled, or never is due again. */
  readonly nextAt: number | null;
  /** Epoch ms. */
  readonly createdAt: number;
  /** Epoch ms. */
  readonly updatedAt: number;
}

/**
 * States of a firing: `pending` (to be started; it may have to wait) → `starting` (a node is at it) → `started`, `failed`
 * or `skipped`. One whose node died while it was at it is `starting` until its claim has run out, and is claimed again.
 */
export type FiringOutcome = "pending" | "starting" | "started" | "failed" | "skipped";

/** A trigger was set off. */
export interface NewFiring {
  readonly id: string;
  readonly triggerId: string;
  /** Of two firings of one trigger with the same key only one is ever made. */
  readonly key: string;
  /** Epoch ms at which it was due. */
  readonly dueAt: number;
  /** Epoch ms. */
  readonly at: number;
  /** Merged into the trigger's payload. */
  readonly payload: JsonObject;
  /** Why nothing is to come of it; null: a run is to be started. */
  readonly skipped: string | null;
}

/** A firing, and what came of it. */
export interface FiringRecord extends Omit<NewFiring, "skipped"> {
  readonly outcome: FiringOutcome;
  readonly executionId: string | null;
  readonly error: FiringError | null;
  /** Epoch ms before which it is not begun; null where there is nothing to begin. */
  readonly nextAt: number | null;
  /** Times that a start of it was begun. */
  readonly attempts: number;
}

/** Why no run came of a firing. */
export interface FiringError {
  readonly code: string;
  readonly message: string;
}

/** What a start of a firing came to. */
export type FiringEnd =
  | { readonly outcome: "started"; readonly executionId: string }
  | { readonly outcome: "failed"; readonly error: FiringError }
  /** It goes back to those that wait. */
  | { readonly outcome: "pending"; readonly nextAt: number; readonly error: FiringError };

/** Triggers and their firings. Of several nodes each firing is begun by one. */
export interface Triggers {
  /** False where its config is not there. */
  create(trigger: TriggerRecord): Promise<boolean>;
  /** Replaces what is stored under its id. False where there is none, or it was changed after `expected`, its `updatedAt`. */
  update(trigger: TriggerRecord, expected: number): Promise<boolean>;
  /** With its firings. False where there is none. */
  delete(id: string): Promise<boolean>;
  get(id: string): Promise<TriggerRecord | null>;
  /** The trigger where it is of the project; null: of any. */
  find(project: string | null, id: string): Promise<TriggerRecord | null>;
  /** In the order in which they were made. */
  list(filter: {
    /** Null: of any. */
    readonly project: string | null;
    readonly configId?: string;
    readonly kind?: TriggerKind;
    readonly limit: number;
    readonly offset: number;
  }): Promise<Page<TriggerRecord>>;
  /** Enabled ones that are due at or before a time, the first due before others. */
  due(now: number, limit: number): Promise<TriggerRecord[]>;
  /**
   * Moves a trigger on from the time that it was due at, and makes its firing, together. False where it has been moved
   * on, or changed, by another.
   */
  advance(id: string, from: number, nextAt: number | null, firing: NewFiring | null): Promise<boolean>;
  /**
   * Makes a firing. One with its key that is there already is returned as it is; null where there is no such trigger.
   * `seen`: it is not made where {@link noteSeen} knows the key, and the key is noted with it; null then as well.
   */
  fire(firing: NewFiring, options?: { readonly seen?: boolean }): Promise<FiringRecord | null>;
  /** Those of the keys that were noted for the trigger. */
  seen(triggerId: string, keys: readonly string[]): Promise<ReadonlySet<string>>;
  /** Notes keys, that no firing comes of them. */
  noteSeen(triggerId: string, keys: readonly string[]): Promise<void>;
  /**
   * Takes a firing that is to be begun: the given one, or the first that is due. While as many of its trigger's runs as
   * may be are under way, it and those of the same trigger that wait go on waiting, or nothing comes of it, as the trigger
   * says: null then, and where there is none. Nobody else gets it for `leaseMs`.
   */
  claim(options: {
    readonly now: number;
    readonly leaseMs: number;
    readonly id?: string;
  }): Promise<FiringRecord | null>;
  /** Whether there may be one to claim. */
  hasDue(now: number): Promise<boolean>;
  /** Notes what came of a firing that was claimed; `attempts` tells whose claim it was: of one that has run out it notes nothing. */
  settle(id: string, attempts: number, end: FiringEnd): Promise<void>;
  getFiring(triggerId: string, id: string): Promise<FiringRecord | null>;
  /** The newest first. */
  listFirings(
    triggerId: string,
    page: { readonly limit: number; readonly offset: number },
  ): Promise<Page<FiringRecord>>;
  /** Removes up to `limit` firings that something or nothing came of before a time. Returns how many. */
  prune(before: number, limit: number): Promise<number>;
}

/** Milliseconds that a firing waits before it is looked at again, while too many runs of its trigger are under way. */
export const QUEUED_MS = 1_000;
