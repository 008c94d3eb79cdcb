import type { ExecutionRecord, Lifecycle, Page, Position } from "./ports.ts";

/** What a webhook may be told of. */
export type WebhookEvent = "execution.completed" | "execution.failed" | "execution.cancelled" | "execution.interrupted";

/** Where to tell what happens to executions, as it is stored. */
export interface WebhookRecord {
  readonly id: string;
  /** It is told of executions of this project alone. */
  readonly project: string;
  readonly name: string;
  readonly url: string;
  readonly events: readonly WebhookEvent[];
  /** Only executions of these configs; empty: of any. */
  readonly configIds: readonly string[];
  /** Sent along. */
  readonly headers: Readonly<Record<string, string>>;
  /** The key that deliveries are signed with, as `whsec_…`; null where {@link secretEnv} names it. */
  readonly secret: string | null;
  /** Environment variable that holds the key. */
  readonly secretEnv: string | null;
  readonly enabled: boolean;
  /** Why it was disabled by the service; null where it was not. */
  readonly disabledReason: string | null;
  /** Endings at or before this position are not told. */
  readonly since: Position;
  /** Epoch ms. */
  readonly createdAt: number;
  /** Epoch ms. */
  readonly updatedAt: number;
}

/** An execution has ended, or was interrupted. */
export interface Ending {
  readonly position: Position;
  readonly lifecycle: Extract<Lifecycle, { kind: "ended" | "interrupted" }>;
  /** Its snapshot is without its large parts. */
  readonly execution: ExecutionRecord;
}

/** Where the endings that are told are read from. */
export interface EndingPage {
  /** Where the page begins: what {@link Deliveries.enqueue} has to be given. */
  readonly from: Position;
  /** Where the next one begins. */
  readonly to: Position;
  readonly endings: readonly Ending[];
  /** Whether others may follow. */
  readonly more: boolean;
}

/** Something that is to be told to a webhook. */
export interface NewDelivery {
  readonly id: string;
  readonly webhookId: string;
  /** Of two deliveries to one webhook with the same key only one is ever made. */
  readonly key: string;
  readonly event: string;
  readonly executionId: string | null;
  /** As it is sent, and signed, each time. */
  readonly body: string;
  /** Epoch ms. */
  readonly createdAt: number;
}

/** A delivery and how it went so far. */
export interface DeliveryRecord extends NewDelivery {
  readonly state: "pending" | "delivered" | "failed";
  /** Attempts that were begun. One that is made anew goes on counting. */
  readonly attempts: number;
  /** Of these, those before it was made anew: the pauses grow by what comes after them. */
  readonly earlierAttempts: number;
  /** Epoch ms of the next attempt; null where there is none. */
  readonly nextAt: number | null;
  /** The newest, oldest first. */
  readonly log: readonly DeliveryAttempt[];
}

/** One time that it was sent. */
export interface DeliveryAttempt {
  /** RFC 3339. */
  readonly at: string;
  readonly duration_ms: number;
  /** Null where there was no answer. */
  readonly status: number | null;
  /** Null where it was taken. */
  readonly error: string | null;
}

/** Webhooks, what is to be told to them, and how that went. Of several nodes each delivery is made by one at a time. */
export interface Deliveries {
  createWebhook(webhook: WebhookRecord): Promise<void>;
  /** Replaces what is stored under its id. False where there is none, or it was changed after `expected`, its `updatedAt`. */
  updateWebhook(webhook: WebhookRecord, expected: number): Promise<boolean>;
  /** With its deliveries. False where there is none. */
  deleteWebhook(id: string): Promise<boolean>;
  getWebhook(id: string): Promise<WebhookRecord | null>;
  /** The webhook where it is of the project; null: of any. */
  findWebhook(project: string | null, id: string): Promise<WebhookRecord | null>;
  /** In the order in which they were made. */
  listWebhooks(page: {
    readonly project: string | null;
    readonly limit: number;
    readonly offset: number;
  }): Promise<Page<WebhookRecord>>;
  /** All that are enabled. */
  enabledWebhooks(): Promise<WebhookRecord[]>;
  /** Endings that were not told yet, in the order of the journal: those after `since`, at most `limit`. */
  endings(since: Position, limit: number): Promise<EndingPage>;
  /**
   * Puts deliveries into the queue and moves on to where the page ended, together. False where another has done that
   * before; nothing is put then.
   */
  enqueue(deliveries: readonly NewDelivery[], page: Pick<EndingPage, "from" | "to">): Promise<boolean>;
  /** Puts one into the queue by itself. Null where there is no such webhook. */
  add(delivery: NewDelivery): Promise<DeliveryRecord | null>;
  /** Takes the delivery that is due first, but of these webhooks; nobody else gets it for `leaseMs`. */
  claim(options: {
    readonly now: number;
    readonly leaseMs: number;
    readonly except: readonly string[];
  }): Promise<DeliveryRecord | null>;
  /**
   * Notes an attempt of a delivery that was claimed and says how it goes on; `attempts` tells whose claim it was: of one
   * that has run out it notes nothing.
   */
  settle(
    id: string,
    attempts: number,
    attempt: DeliveryAttempt,
    end: Pick<DeliveryRecord, "state" | "nextAt">,
  ): Promise<void>;
  /** Has a delivery made anew, from the first attempt on. Null where there is none, or it is pending. */
  redeliver(webhookId: string, id: string, now: number): Promise<DeliveryRecord | null>;
  getDelivery(webhookId: string, id: string): Promise<DeliveryRecord | null>;
  /** The newest first. */
  listDeliveries(
    webhookId: string,
    page: { readonly state?: DeliveryRecord["state"]; readonly limit: number; readonly offset: number },
  ): Promise<Page<DeliveryRecord>>;
  /** Removes up to `limit` deliveries that are not pending and were made before a time. Returns how many. */
  prune(before: number, limit: number): Promise<number>;
}

/** Attempts of a delivery that are kept in its log. */
export const MAX_LOGGED_ATTEMPTS = 50;
