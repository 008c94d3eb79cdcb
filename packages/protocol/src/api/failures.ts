import { z } from "zod";
import { eventErrorSchema } from "../event.ts";
import { jsonObjectSchema } from "../json.ts";
import { executionSchema, tagSchema } from "./executions.ts";
import { listSchema, pageQuerySchema } from "./lists.ts";
import { laxBoolean, listQuery, uuidSchema } from "./query.ts";
import type { Sent } from "./sent.ts";

const filters = {
  route: z.string().optional().describe("Failed in this route"),
  adapter: z.string().optional().describe("Failed in the adapter of this name"),
  code: z.string().optional().describe("Failed with this error code"),
};

/** The query of `GET /executions/{id}/failures/groups`. */
export const failureGroupsQuerySchema = z.object({
  ...filters,
  retried: laxBoolean()
    .optional()
    .describe("Only those that were, or were not, retried in an execution of their own; without it both"),
});

/** The query of `GET /executions/{id}/failures`. */
export const failureListQuerySchema = pageQuerySchema.extend(failureGroupsQuerySchema.shape).extend({
  message_id: listQuery("These messages"),
  payload: laxBoolean().default(true).describe("Whether payloads are shown"),
});

/** A message that failed for good. */
export const failureSchema = z
  .object({
    message_id: z.string(),
    parent_message_id: z.string().nullable(),
    route: z.string(),
    adapter: z.string().nullable().describe("The adapter to blame; null where it is none's fault"),
    adapter_index: z.int().min(0).nullable(),
    error: eventErrorSchema,
    attempts: z.int().min(1).describe("How often it was taken"),
    failed_at: z.iso.datetime().nullable(),
    payload: jsonObjectSchema.nullable().describe("Null with `payload=false`"),
    payload_bytes: z.int().min(0),
    retried_in: z.string().nullable().describe("The execution that it was retried in, after this one was over"),
  })
  .meta({ id: "Failure" });

/** A page of failed messages. */
export const failureListSchema = listSchema("failures", failureSchema);

/** Messages that failed in the same place with the same code. */
export const failureGroupSchema = z
  .object({
    route: z.string(),
    adapter: z.string().nullable(),
    code: z.string(),
    count: z.int().min(1),
    message: z.string().describe("Of one of them"),
    first_failed_at: z.iso.datetime().nullable(),
    last_failed_at: z.iso.datetime().nullable(),
  })
  .meta({ id: "FailureGroup" });

/** The answer to `GET /executions/{id}/failures/groups`. */
export const failureGroupsSchema = z
  .object({ total: z.int().min(0).describe("Failed messages in all"), groups: z.array(failureGroupSchema) })
  .meta({ id: "FailureGroups" });

/** The body of `POST /executions/{id}/failures/retry`. */
export const retryFailuresSchema = z
  .strictObject({
    message_ids: z.array(z.string()).min(1).max(1000).optional().describe("These messages"),
    ...filters,
    all: laxBoolean().optional().describe("All of them: required where nothing else chooses"),
    payload: jsonObjectSchema.optional().describe("Replaces the payload; only with one message"),
    payload_merge: jsonObjectSchema.optional().describe("Merged into each payload, key by key"),
    again: laxBoolean()
      .default(false)
      .describe("Also those that were retried in an execution of their own before; without it they are left out"),
    config_id: uuidSchema()
      .optional()
      .describe("Retried by this config in place of the execution's own pipeline; only once the execution is over"),
    tag: tagSchema.optional().describe("For the execution that is started; only once this one is over"),
  })
  .superRefine((body, context) => {
    const refuse = (path: string, type: string, message: string) =>
      context.addIssue({ code: "custom", path: [path], message, params: { type } });
    const { message_ids: ids, route, adapter, code, all } = body;
    if (ids === undefined && route === undefined && adapter === undefined && code === undefined && all !== true)
      refuse("all", "missing", "Say which messages: message_ids, route, adapter, code, or all: true");
    if (body.payload !== undefined && ids?.length !== 1)
      refuse("payload", "value_error", "A payload replaces that of one message: give its id alone in message_ids");
    if (body.payload !== undefined && body.payload_merge !== undefined)
      refuse("payload_merge", "value_error", "Give either payload or payload_merge");
  });

/** The answer to `POST /executions/{id}/failures/retry`. */
export const retryResultSchema = z
  .object({
    execution_id: z.string().describe("The execution whose messages are retried"),
    retried: z.int().min(0),
    remaining: z.int().min(0).describe("Those that fit as well, beyond what one request takes: ask again"),
    message_ids: z.array(z.string()).describe("Of those that are retried, the first thousand"),
    started: z.boolean().describe("Whether an execution was started for it"),
    execution: executionSchema
      .nullable()
      .describe("Where they are retried: the execution itself while it runs, else a new one. Null: there were none"),
  })
  .meta({ id: "RetryResult" });

/** @see failureSchema */
export type Failure = z.infer<typeof failureSchema>;
/** @see failureListQuerySchema */
export type FailureListQuery = Sent<typeof failureListQuerySchema>;
/** @see failureGroupsQuerySchema */
export type FailureGroupsQuery = Sent<typeof failureGroupsQuerySchema>;
/** @see failureListSchema */
export type FailureList = z.infer<typeof failureListSchema>;
/** @see failureGroupsSchema */
export type FailureGroups = z.infer<typeof failureGroupsSchema>;
/** @see retryFailuresSchema */
export type RetryFailuresBody = Sent<typeof retryFailuresSchema>;
/** @see retryResultSchema */
export type RetryResult = z.infer<typeof retryResultSchema>;
