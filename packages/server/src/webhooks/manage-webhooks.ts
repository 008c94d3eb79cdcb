import {
  type Clock,
  type Deliveries,
  type DeliveryRecord,
  type Ids,
  type Journal,
  type Page,
  SECRET_PREFIX,
  type WebhookRecord,
} from "@millrace/engine";
import {
  type createWebhookSchema,
  type Delivery,
  MillraceError,
  type updateWebhookSchema,
  type Webhook,
  type WebhookWithSecret,
} from "@millrace/protocol";
import type { z } from "zod";
import type { ProjectView } from "../access/project-of.ts";
import { ValidationFailure } from "../http/errors.ts";
import { makeWebhookSecret } from "./signature.ts";
import { testBody } from "./webhook-body.ts";

/** What the webhooks' part of the API stands on. */
export interface ManageWebhooksParts {
  readonly deliveries: Deliveries;
  readonly journal: Pick<Journal, "head">;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Looks at once for what is to be sent. */
  look(): void;
}

/** Makes and changes webhooks, and has deliveries made, as the API asks for it: those that the request sees. */
export class ManageWebhooks {
  readonly #parts: ManageWebhooksParts;

  constructor(parts: ManageWebhooksParts) {
    this.#parts = parts;
  }

  async create(view: ProjectView, body: z.output<typeof createWebhookSchema>): Promise<WebhookWithSecret> {
    const { deliveries, journal, clock, ids } = this.#parts;
    const now = clock.now();
    const secretEnv = variableOf(body);
    const secret = secretEnv === null ? (body.secret ?? makeWebhookSecret()) : null;
    const webhook: WebhookRecord = {
      id: ids.uuid(),
      project: view.projectForNew,
      name: body.name ?? new URL(body.url).host.slice(0, 256),
      url: body.url,
      events: body.events,
      configIds: body.config_ids,
      headers: body.headers,
      secret,
      secretEnv,
      enabled: body.enabled,
      disabledReason: null,
      since: journal.head,
      createdAt: now,
      updatedAt: now,
    };
    await deliveries.createWebhook(webhook);
    return { ...showWebhook(webhook), secret };
  }

  /** @throws MillraceError WEBHOOK_NOT_FOUND, TRIGGER_CHANGED; ValidationFailure where it would have no key */
  async update(view: ProjectView, id: string, body: z.output<typeof updateWebhookSchema>): Promise<Webhook> {
    const { deliveries, journal, clock } = this.#parts;
    const known = await this.find(view, id);
    const enabled = body.enabled ?? known.enabled;
    const isNew = enabled && !known.enabled;
    const says = body.secret_env !== undefined || body.secret_ref !== undefined;
    const secretEnv = says ? variableOf(body) : known.secretEnv;
    // One that is given takes the place of the one that is named.
    const named = body.secret === undefined ? secretEnv : null;
    const webhook: WebhookRecord = {
      ...known,
      name: body.name ?? known.name,
      url: body.url ?? known.url,
      events: body.events ?? known.events,
      configIds: body.config_ids ?? known.configIds,
      headers: body.headers ?? known.headers,
      secret: named === null ? (body.secret ?? known.secret) : null,
      secretEnv: named,
      enabled,
      disabledReason: enabled ? null : known.disabledReason,
      // What happened while it was disabled is not told.
      since: isNew ? journal.head : known.since,
      updatedAt: Math.max(known.updatedAt + 1, clock.now()),
    };
    if (webhook.secret === null && webhook.secretEnv === null) {
      const msg = "Value error, without a secret of the service that holds the key, one is needed here";
      throw new ValidationFailure([{ loc: ["body", "secret_env"], msg, type: "value_error", input: null }]);
    }
    if (!(await deliveries.updateWebhook(webhook, known.updatedAt))) {
      await this.find(view, id);
      throw new MillraceError("TRIGGER_CHANGED", `Somebody else has changed the webhook "${known.name}" meanwhile.`);
    }
    return showWebhook(webhook);
  }

  /** @throws MillraceError WEBHOOK_NOT_FOUND */
  async find({ project }: ProjectView, id: string): Promise<WebhookRecord> {
    const webhook = await this.#parts.deliveries.findWebhook(project, id);
    if (webhook === null) throw notFound(id);
    return webhook;
  }

  /** In the order in which they were made. */
  list(
    { project }: ProjectView,
    page: { readonly limit: number; readonly offset: number },
  ): Promise<Page<WebhookRecord>> {
    return this.#parts.deliveries.listWebhooks({ ...page, project });
  }

  /** @throws MillraceError WEBHOOK_NOT_FOUND */
  async delete(view: ProjectView, id: string): Promise<void> {
    await this.find(view, id);
    if (!(await this.#parts.deliveries.deleteWebhook(id))) throw notFound(id);
  }

  /** The newest first. @throws MillraceError WEBHOOK_NOT_FOUND */
  async listDeliveries(
    view: ProjectView,
    id: string,
    page: { readonly state?: DeliveryRecord["state"]; readonly limit: number; readonly offset: number },
  ): Promise<Page<DeliveryRecord>> {
    await this.find(view, id);
    return this.#parts.deliveries.listDeliveries(id, page);
  }

  /** @throws MillraceError WEBHOOK_NOT_FOUND, TRIGGER_DISABLED */
  async test(view: ProjectView, id: string): Promise<Delivery> {
    const { deliveries, clock, ids } = this.#parts;
    const webhook = await this.find(view, id);
    if (!webhook.enabled)
      throw new MillraceError("TRIGGER_DISABLED", `The webhook "${webhook.name}" is disabled: nothing is sent to it.`);
    const now = clock.now();
    const messageId = `msg_${ids.uuid()}`;
    const delivery = await deliveries.add({
      id: messageId,
      webhookId: webhook.id,
      key: messageId,
      event: "webhook.test",
      executionId: null,
      body: JSON.stringify(testBody(webhook.project, new Date(now).toISOString())),
      createdAt: now,
    });
    this.#parts.look();
    return showDelivery(delivery ?? (await this.findDelivery(view, id, messageId)));
  }

  /** @throws MillraceError WEBHOOK_NOT_FOUND, DELIVERY_NOT_FOUND, DELIVERY_PENDING */
  async redeliver(view: ProjectView, id: string, deliveryId: string): Promise<Delivery> {
    const { deliveries, clock } = this.#parts;
    await this.findDelivery(view, id, deliveryId);
    const again = await deliveries.redeliver(id, deliveryId, clock.now());
    if (again === null)
      throw new MillraceError("DELIVERY_PENDING", "The delivery is still to be made: it is sent when its time comes.");
    this.#parts.look();
    return showDelivery(again);
  }

  /** @throws MillraceError WEBHOOK_NOT_FOUND, DELIVERY_NOT_FOUND */
  async findDelivery(view: ProjectView, id: string, deliveryId: string): Promise<DeliveryRecord> {
    const webhook = await this.find(view, id);
    const delivery = await this.#parts.deliveries.getDelivery(id, deliveryId);
    if (delivery === null)
      throw new MillraceError(
        "DELIVERY_NOT_FOUND",
        `The webhook "${webhook.name}" has no delivery "${deliveryId.slice(0, 128)}".`,
      );
    return delivery;
  }
}

function notFound(id: string): MillraceError {
  return new MillraceError("WEBHOOK_NOT_FOUND", `There is no webhook "${id.slice(0, 128)}".`);
}

/** Which of the service's secrets holds the key, by the variable that it is where the environment keeps it. */
function variableOf(body: {
  secret_env?: string | null | undefined;
  secret_ref?: string | null | undefined;
}): string | null {
  return body.secret_ref ? `${SECRET_PREFIX}${body.secret_ref}` : (body.secret_env ?? null);
}

/** A webhook as the API shows it. */
export function showWebhook(webhook: WebhookRecord): Webhook {
  return {
    id: webhook.id,
    project: webhook.project,
    name: webhook.name,
    url: webhook.url,
    events: [...webhook.events],
    config_ids: [...webhook.configIds],
    header_names: Object.keys(webhook.headers),
    secret_env: webhook.secretEnv,
    secret_ref: webhook.secretEnv?.slice(SECRET_PREFIX.length) ?? null,
    enabled: webhook.enabled,
    disabled_reason: webhook.disabledReason,
    created_at: new Date(webhook.createdAt).toISOString(),
    updated_at: new Date(webhook.updatedAt).toISOString(),
  };
}

/** A delivery as the API shows it. */
export function showDelivery(delivery: DeliveryRecord): Delivery {
  return {
    id: delivery.id,
    webhook_id: delivery.webhookId,
    event: delivery.event,
    execution_id: delivery.executionId,
    state: delivery.state,
    created_at: new Date(delivery.createdAt).toISOString(),
    attempts: delivery.attempts,
    next_at: delivery.nextAt === null ? null : new Date(delivery.nextAt).toISOString(),
    log: [...delivery.log],
  };
}
