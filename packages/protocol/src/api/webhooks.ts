import { z } from "zod";
import { jsonObjectSchema } from "../json.ts";
import { errorInfoSchema } from "./executions.ts";
import { listSchema, pageQuerySchema } from "./lists.ts";
import { projectField } from "./projects.ts";
import { laxBoolean } from "./query.ts";
import type { Sent } from "./sent.ts";

/** What a webhook may be told of. */
export const webhookEventSchema = z.enum([
  "execution.completed",
  "execution.failed",
  "execution.cancelled",
  "execution.interrupted",
]);

const url = z
  .url({ protocol: /^https?$/ })
  .max(2048)
  .refine((text) => !/^[a-z]+:\/\/[^/?#]*@/i.test(text), "its user and password belong into a header")
  .describe("Where deliveries are posted to");
const name = z.string().min(1).max(256);
const events = z.array(webhookEventSchema).min(1);
const configIds = z.array(z.string()).max(1000).describe("Only executions of these configs; empty: of any");
const headers = z
  .record(
    z
      .string()
      .max(256)
      .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/)
      .refine(
        (header) => !/^(?:webhook-|content-|host$|connection$|transfer-encoding$|upgrade$|expect$)/i.test(header),
        "this header is set by the service",
      ),
    z
      .string()
      .max(4096)
      .regex(/^[\t\x20-\x7e\x80-\xff]*$/),
  )
  .describe("Sent along; their values are not shown again, and `${secret:NAME}` in one is replaced when it is sent");
const secret = z
  .string()
  .regex(/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/)
  .describe("Key that deliveries are signed with: `whsec_` and 24 to 64 bytes in Base64");
const secretEnv = z
  .string()
  .regex(/^MILLRACE_SECRET_[A-Za-z0-9_]+$/)
  .nullable()
  .describe("Environment variable of the service, MILLRACE_SECRET_…, that holds the key in place of `secret`");

const secretRef = z
  .string()
  .max(128)
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/)
  .nullable()
  .describe("The secret that holds the key in place of `secret`, by the name that `${secret:NAME}` has for it");

/** One of them at the most says where the key is. */
function oneKey(body: { secret?: unknown; secret_env?: unknown; secret_ref?: unknown }): boolean {
  return (
    [body.secret, body.secret_env, body.secret_ref].filter((each) => each !== undefined && each !== null).length < 2
  );
}

const ONE_KEY = { path: ["secret_ref"], error: "one of secret, secret_env and secret_ref holds the key, not several" };

/** The body of `POST /webhooks`. */
export const createWebhookSchema = z
  .strictObject({
    url,
    name: name.optional().describe("Default: the host of the URL"),
    events: events.default(["execution.completed", "execution.failed", "execution.cancelled", "execution.interrupted"]),
    config_ids: configIds.default([]),
    headers: headers.default({}),
    secret: secret.optional().describe("Default: one is made, and told once"),
    secret_env: secretEnv.default(null),
    secret_ref: secretRef.default(null),
    enabled: laxBoolean().default(true),
  })
  .refine(oneKey, ONE_KEY);

/** The body of `PATCH /webhooks/{id}`: what is left out stays as it is. */
export const updateWebhookSchema = z
  .strictObject({
    url: url.optional(),
    name: name.optional(),
    events: events.optional(),
    config_ids: configIds.optional(),
    headers: headers.optional(),
    secret: secret.optional(),
    secret_env: secretEnv.optional(),
    secret_ref: secretRef.optional(),
    enabled: laxBoolean().optional(),
  })
  .refine(oneKey, ONE_KEY);

/** Where what happens to executions is told. */
export const webhookSchema = z
  .object({
    id: z.string(),
    project: projectField,
    name: z.string(),
    url: z.string(),
    events: z.array(webhookEventSchema),
    config_ids: z.array(z.string()),
    header_names: z.array(z.string()),
    secret_env: z.string().nullable(),
    secret_ref: z.string().nullable().describe("The same secret as `secret_env`, by its name"),
    enabled: z.boolean(),
    disabled_reason: z.string().nullable().describe("Why the service has disabled it; null where it has not"),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .meta({ id: "Webhook" });

/** A webhook with its key, which is told once. */
export const webhookWithSecretSchema = webhookSchema
  .extend({ secret: z.string().nullable().describe("Told this once; null where a secret of the service holds it") })
  .meta({ id: "WebhookWithSecret" });

/** One time that a delivery was sent. */
export const deliveryAttemptSchema = z
  .object({
    at: z.iso.datetime(),
    duration_ms: z.number().min(0),
    status: z.int().nullable().describe("Of the answer; null where there was none"),
    error: z.string().nullable().describe("Null where it was taken"),
  })
  .meta({ id: "DeliveryAttempt" });

/** What was told to a webhook, or is to be. */
export const deliverySchema = z
  .object({
    id: z.string().describe("The `webhook-id` that it is sent with"),
    webhook_id: z.string(),
    event: z.string(),
    execution_id: z.string().nullable(),
    state: z.enum(["pending", "delivered", "failed"]).describe("`failed`: it was given up"),
    created_at: z.iso.datetime(),
    attempts: z.int().min(0),
    next_at: z.iso.datetime().nullable().describe("When it is sent next"),
    log: z.array(deliveryAttemptSchema).describe("The newest 50 attempts, oldest first"),
  })
  .meta({ id: "Delivery" });

/** The query of `GET /webhooks/{id}/deliveries`. */
export const deliveryQuerySchema = pageQuerySchema.extend({
  state: z.enum(["pending", "delivered", "failed"]).optional().describe("Only those in this state"),
});

/** The body of a delivery. */
export const webhookBodySchema = z
  .object({
    type: z.string().describe("The event, or `webhook.test`"),
    timestamp: z.iso.datetime().describe("When it happened"),
    data: z.object({
      id: z.string(),
      project: projectField,
      config_id: z.string().nullable(),
      config_name: z.string().nullable(),
      status: z.string(),
      tag: z.string().nullable(),
      started_at: z.iso.datetime(),
      completed_at: z.iso.datetime().nullable(),
      duration_ms: z.number().nullable(),
      parent_execution_id: z.string().nullable(),
      metadata: jsonObjectSchema,
      error_info: errorInfoSchema.nullable(),
    }),
  })
  .meta({ id: "WebhookBody" });

/** A page of webhooks. */
export const webhookListSchema = listSchema("webhooks", webhookSchema);
/** A page of a webhook's deliveries, newest first. */
export const deliveryListSchema = listSchema("deliveries", deliverySchema);

/** @see webhookEventSchema */
export type WebhookEventName = z.infer<typeof webhookEventSchema>;
/** @see webhookSchema */
export type Webhook = z.infer<typeof webhookSchema>;
/** @see webhookWithSecretSchema */
export type WebhookWithSecret = z.infer<typeof webhookWithSecretSchema>;
/** @see deliverySchema */
export type Delivery = z.infer<typeof deliverySchema>;
/** @see webhookBodySchema */
export type WebhookBody = z.infer<typeof webhookBodySchema>;
/** @see createWebhookSchema */
export type CreateWebhook = Sent<typeof createWebhookSchema>;
/** @see updateWebhookSchema */
export type UpdateWebhook = Sent<typeof updateWebhookSchema>;
/** @see deliveryQuerySchema */
export type DeliveryQuery = Sent<typeof deliveryQuerySchema>;
/** @see webhookListSchema */
export type WebhookList = z.infer<typeof webhookListSchema>;
/** @see deliveryListSchema */
export type DeliveryList = z.infer<typeof deliveryListSchema>;
