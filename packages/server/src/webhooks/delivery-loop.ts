import { setTimeout as wait } from "node:timers/promises";
import {
  type Clock,
  type Deliveries,
  type DeliveryRecord,
  type Ids,
  type Journal,
  knownSecrets,
  type NewDelivery,
  type WebhookRecord,
} from "@millrace/engine";
import type { Logger } from "pino";
import type { Metrics } from "../metrics/metrics.ts";
import { isToldByStore } from "../told-by-store.ts";
import type { DeliverySpans } from "../traces/delivery-spans.ts";
import { pauseAfter } from "./back-off.ts";
import { ANSWER_MS, type Post, PostError } from "./post.ts";
import { signatureHeaders } from "./signature.ts";
import { bodyOf, eventOf } from "./webhook-body.ts";
import { signing, type WebhookSecrets } from "./webhook-secrets.ts";

/** What deliveries stand on. */
export interface DeliveryParts {
  readonly deliveries: Deliveries;
  readonly journal: Pick<Journal, "onCommit">;
  /** The secrets that keys and headers name. */
  readonly secrets: WebhookSecrets;
  readonly post: Post;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Logger;
  readonly metrics: Metrics | null;
  /** Null: no traces are made. */
  readonly traces: DeliverySpans | null;
}

/** Between two looks at what is due, in milliseconds, where nothing calls for one. */
const INTERVAL_MS = 1_000;

/** A delivery is another node's after so long, in milliseconds. */
const CLAIM_MS = 4 * ANSWER_MS;

/** Sent at once by this process: in all, and to one webhook. One that does not answer holds up no other. */
const AT_ONCE = 16;
const AT_ONCE_EACH = 4;

/** Deliveries are kept for so long, in milliseconds: 30 days. */
const KEPT_MS = 30 * 24 * 60 * 60 * 1000;

const PAGE = 200;
const PRUNED_AT_ONCE = 1_000;
const PRUNE_EVERY_MS = 10 * 60 * 1000;

const STOPPED = "The service was stopped before there was an answer.";

/** What came of an attempt. */
interface Sent {
  readonly status: number | null;
  /** Null where it was taken. */
  readonly error: string | null;
  readonly retryAfterSeconds: number | null;
  /** Whether no further attempt would be taken. */
  readonly isFinal: boolean;
}

/** The answer of a receiver that wants no more. */
const GONE = 410;

/**
 * Reads endings off the journal, makes a delivery of each for whom it concerns, and sends them, until it is stopped. On
 * every node: the place in the journal moves on with the deliveries that were made up to it, in one transaction.
 */
export class DeliveryLoop {
  readonly #parts: DeliveryParts;
  readonly #stopping = new AbortController();
  /** Deliveries that are being sent, per webhook. */
  readonly #sending = new Map<string, number>();
  readonly #sent = new Set<Promise<void>>();
  #wake: AbortController = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #unsubscribe = () => {};
  #prunedAt = 0;
  #failed = false;

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#unsubscribe = this.#parts.journal.onCommit((entries) => {
      if (entries.some((entry) => entry.kind === "lifecycle")) this.look();
    });
    this.#running = this.#run();
  }

  /** Looks at once for what is to be sent. */
  look(): void {
    this.#wake.abort();
  }

  /** Breaks off what is being sent, to be sent again by whoever comes next; resolves when that is noted. */
  async stop(): Promise<void> {
    this.#unsubscribe();
    this.#stopping.abort();
    this.look();
    await this.#running;
    await Promise.all(this.#sent);
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      this.#wake = new AbortController();
      const { signal } = this.#wake;
      try {
        await this.collect();
        await this.#send();
        await this.#prune();
        this.#failed = false;
      } catch (error) {
        if (!this.#stopping.signal.aborted && !this.#failed)
          if (!isToldByStore(error))
            this.#parts.log.error({ err: error }, "webhooks are held up; they are tried again");
        this.#failed = true;
      }
      if (!this.#stopping.signal.aborted) await wait(INTERVAL_MS, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  /** Makes deliveries of the endings that were not told yet. */
  async collect(): Promise<void> {
    const { deliveries } = this.#parts;
    for (let more = true; more && !this.#stopping.signal.aborted; ) {
      const webhooks = await deliveries.enabledWebhooks();
      if (webhooks.length === 0) return;
      const page = await deliveries.endings(Math.min(...webhooks.map(({ since }) => since)), PAGE);
      if (page.from === page.to) return;
      const made = page.endings.flatMap((ending) =>
        webhooks.filter((webhook) => concerns(webhook, ending)).map((webhook) => this.#deliveryOf(webhook, ending)),
      );
      const taken = await deliveries.enqueue(made, page);
      // Another node has gone on: from where it has come to.
      more = page.more || !taken;
    }
  }

  #deliveryOf(webhook: WebhookRecord, ending: Parameters<typeof bodyOf>[0]): NewDelivery {
    const event = eventOf(ending);
    return {
      id: `msg_${this.#parts.ids.uuid()}`,
      webhookId: webhook.id,
      // The journal may say again that an execution is over.
      key: `${ending.execution.id}:${event}:${ending.lifecycle.at}`,
      event,
      executionId: ending.execution.id,
      body: JSON.stringify(bodyOf(ending)),
      createdAt: this.#parts.clock.now(),
    };
  }

  async #send(): Promise<void> {
    const { deliveries, clock } = this.#parts;
    while (!this.#stopping.signal.aborted && this.#sent.size < AT_ONCE) {
      const except = [...this.#sending].filter(([, count]) => count >= AT_ONCE_EACH).map(([id]) => id);
      const delivery = await deliveries.claim({ now: clock.now(), leaseMs: CLAIM_MS, except });
      if (delivery === null) return;
      const { webhookId } = delivery;
      this.#sending.set(webhookId, (this.#sending.get(webhookId) ?? 0) + 1);
      const sent: Promise<void> = this.#sendOne(delivery)
        .catch((error) => {
          if (!this.#stopping.signal.aborted)
            this.#parts.log.error({ err: error, delivery_id: delivery.id }, "a delivery's outcome cannot be noted");
        })
        .finally(() => {
          const left = (this.#sending.get(webhookId) ?? 1) - 1;
          if (left === 0) this.#sending.delete(webhookId);
          else this.#sending.set(webhookId, left);
          this.#sent.delete(sent);
          this.look();
        });
      this.#sent.add(sent);
    }
  }

  async #sendOne(delivery: DeliveryRecord): Promise<void> {
    const { deliveries, clock, log, metrics } = this.#parts;
    const webhook = await deliveries.getWebhook(delivery.webhookId);
    if (webhook === null) return;
    const at = clock.now();
    const started = performance.now();
    const { status, error, retryAfterSeconds, isFinal } = await this.#postTo(webhook, delivery, at);
    const attempt = {
      at: new Date(at).toISOString(),
      duration_ms: Math.round((performance.now() - started) * 10) / 10,
      status,
      error,
    };
    const pauseMs =
      error === null || isFinal ? null : pauseAfter(delivery.attempts - delivery.earlierAttempts, retryAfterSeconds);
    const state = error === null ? "delivered" : pauseMs === null ? "failed" : "pending";
    metrics?.deliveries.inc({ outcome: state === "pending" ? "retried" : state });
    metrics?.deliverySeconds.observe(attempt.duration_ms / 1000);
    await deliveries.settle(delivery.id, delivery.attempts, attempt, {
      state,
      nextAt: pauseMs === null ? null : clock.now() + pauseMs,
    });
    if (state === "failed")
      log.warn({ webhook_id: webhook.id, delivery_id: delivery.id, status }, `a delivery was given up: ${error}`);
    if (status === GONE) await this.#disable(webhook);
  }

  async #postTo(webhook: WebhookRecord, delivery: DeliveryRecord, at: number): Promise<Sent> {
    const { id, body } = delivery;
    const { post, secrets, traces } = this.#parts;
    const signed = await signing(webhook, secrets, webhook.project);
    if ("problem" in signed) return { status: null, error: signed.problem, retryAfterSeconds: null, isFinal: false };
    const span = (await traces?.begin(webhook, delivery)) ?? null;
    try {
      const headers = { ...signed.headers, ...signatureHeaders(signed.key, id, at, body) };
      const trace = span?.headers ?? null;
      const answer = await post({ url: webhook.url, headers, body, trace, signal: this.#stopping.signal });
      span?.end(answer.status);
      const isTaken = answer.status >= 200 && answer.status < 300;
      const isRedirect = answer.status >= 300 && answer.status < 400;
      const error = isTaken ? null : `HTTP ${answer.status}${isRedirect ? "; redirects are not followed" : ""}`;
      return { ...answer, error, isFinal: answer.status === GONE };
    } catch (error) {
      span?.end(null);
      if (this.#stopping.signal.aborted)
        return { status: null, error: STOPPED, retryAfterSeconds: null, isFinal: false };
      const { retryAfterSeconds = null, isFinal = false } = error instanceof PostError ? error : {};
      return { status: null, error: knownSecrets.redact(messageOf(error)), retryAfterSeconds, isFinal };
    }
  }

  async #disable(webhook: WebhookRecord): Promise<void> {
    const { deliveries, clock, log } = this.#parts;
    const disabledReason = "Its receiver answered 410: it wants no more.";
    const updatedAt = Math.max(webhook.updatedAt + 1, clock.now());
    if (await deliveries.updateWebhook({ ...webhook, enabled: false, disabledReason, updatedAt }, webhook.updatedAt))
      log.warn({ webhook_id: webhook.id }, `a webhook was disabled: ${disabledReason}`);
  }

  async #prune(): Promise<void> {
    const { deliveries, clock } = this.#parts;
    const now = clock.now();
    if (now - this.#prunedAt < PRUNE_EVERY_MS) return;
    this.#prunedAt = now;
    while (
      !this.#stopping.signal.aborted &&
      (await deliveries.prune(now - KEPT_MS, PRUNED_AT_ONCE)) === PRUNED_AT_ONCE
    );
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function concerns(webhook: WebhookRecord, ending: Parameters<typeof bodyOf>[0]): boolean {
  const { project, configId } = ending.execution;
  return (
    project === webhook.project &&
    ending.position > webhook.since &&
    webhook.events.includes(eventOf(ending)) &&
    (webhook.configIds.length === 0 || (configId !== null && webhook.configIds.includes(configId)))
  );
}
