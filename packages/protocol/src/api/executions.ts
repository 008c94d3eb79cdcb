import { z } from "zod";
import { jsonObjectSchema } from "../json.ts";
import { executionStatusSchema } from "../status.ts";
import { MAX_TIMELINE_BUCKETS } from "../timeline.ts";
import { usageSchema } from "../usage-schema.ts";
import { listSchema, pageQuerySchema } from "./lists.ts";
import { projectField } from "./projects.ts";
import { boolQuery, enumListQuery, floatQuery, timeQuery, uuidSchema } from "./query.ts";
import type { Sent } from "./sent.ts";

/** The form of a tag: a name for an execution that is no UUID and needs no escaping in a path. */
export const tagSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/)
  .describe("A name for the execution, unique in its project; letters, digits and ._:- up to 128");

const idempotencyKeySchema = z
  .string()
  .min(1)
  .max(256)
  .describe("The same key gives the same execution, however often it is sent");

/** Why an execution ended as it did. */
export const errorInfoSchema = z
  .object({
    code: z.string(),
    message: z.string(),
    message_id: z.string().optional(),
    route: z.string().optional(),
    adapter: z.string().optional(),
  })
  .catchall(z.unknown())
  .meta({ id: "ErrorInfo" });

/** The body of `POST /executions`. */
export const createExecutionSchema = z.strictObject({
  config_id: uuidSchema().describe("The config to run"),
  tag: tagSchema.nullable().optional(),
  init_payload: jsonObjectSchema.nullable().optional().describe("Merged into the pipeline's `init_message.payload`"),
  metadata: jsonObjectSchema.nullable().optional(),
  idempotency_key: idempotencyKeySchema.nullable().optional(),
});

/** The query of `POST /configs/{id}/run`. */
export const runQuerySchema = z.object({
  tag: tagSchema.optional(),
  skip_init_message: boolQuery("Start without the first message: there is nothing to do then"),
  idempotency_key: idempotencyKeySchema.optional(),
});

/** An execution. */
export const executionSchema = z
  .object({
    id: z.string(),
    project: projectField,
    config_id: z.string().nullable().describe("Null where it was run from a file; the config may be gone"),
    config_name: z.string().nullable().describe("What the config was called when it was started"),
    status: executionStatusSchema,
    started_at: z.iso.datetime(),
    completed_at: z.iso.datetime().nullable(),
    parent_execution_id: z.string().nullable(),
    replay_source: z.enum(["storage", "lineage", "manual"]).nullable(),
    tag: z.string().nullable(),
    config_snapshot: jsonObjectSchema.describe(
      "The configuration as it was frozen at the start; in a list only which one it was: its id, name, version and hash",
    ),
    root_correlation_id: z.string(),
    metadata: jsonObjectSchema,
    error_info: errorInfoSchema.nullable(),
  })
  .meta({ id: "Execution" });

/** How many of an execution's recoveries are shown. */
export const MAX_RECOVERIES = 100;

/** An execution, by its id or tag. */
export const executionDetailSchema = executionSchema
  .extend({
    recoveries: z
      .array(
        z.object({
          at: z.iso.datetime(),
          redone: z.int().min(0).describe("Messages that were in flight, and were begun again"),
          interrupted_at: z.iso
            .datetime()
            .nullable()
            .describe(
              "When it was interrupted: exact after a `shutdown`; after a `crash` the last that is known of it, and the process went then, or later. Null where an older Millrace recorded it",
            ),
          interrupted_by: z
            .enum(["crash", "shutdown"])
            .nullable()
            .describe(
              "`shutdown`: the service was stopped, and what was in flight after `shutdown_grace` was given up; `crash`: its process went without a word: killed, crashed, or the machine did",
            ),
          held_up_by: z
            .string()
            .nullable()
            .describe("Why it could not be taken up at the first start after that: it was `interrupted` meanwhile"),
        }),
      )
      .max(MAX_RECOVERIES)
      .describe(
        `The times that it was taken up again after its process had gone, oldest first; the newest ${MAX_RECOVERIES}`,
      ),
  })
  .meta({ id: "ExecutionDetail" });

/** A page of executions. */
export const executionListSchema = listSchema("executions", executionSchema);

/** Longer texts are searched for by nobody. */
const MAX_SEARCH_CHARACTERS = 256;

/** The query of `GET /executions`. */
export const executionListQuerySchema = pageQuerySchema.extend({
  status: enumListQuery(executionStatusSchema, "Has one of these statuses; several: repeated, or separated by commas"),
  config_id: uuidSchema().optional().describe("Started from this config"),
  tag: z.string().optional().describe("Has exactly this tag"),
  tag_prefix: z.string().max(128).optional().describe("Has a tag that begins so"),
  search: z
    .string()
    .max(MAX_SEARCH_CHARACTERS)
    .optional()
    .describe("Every word is in the tag or the config's name, or begins the id; in any case"),
  parent_execution_id: z.string().optional().describe("Replays of this execution: its id or its tag"),
  started_after: timeQuery("Started at this time or later; RFC 3339, without a zone UTC"),
  started_before: timeQuery("Started before this time; RFC 3339, without a zone UTC"),
  sort_order: z.enum(["asc", "desc"]).default("desc").describe("By the time of the start"),
});

/** The body of `PATCH /executions/{id}`. */
export const patchExecutionSchema = z.strictObject({
  status: z.enum(["cancelled", "failed", "completed"]),
  error_info: errorInfoSchema.nullable().optional(),
});

/** The answer to `PATCH /executions/{id}`. */
export const patchExecutionResultSchema = z
  .object({
    success: z.boolean(),
    execution_id: z.string(),
    previous_status: executionStatusSchema,
    current_status: executionStatusSchema,
    message: z.string(),
  })
  .meta({ id: "StatusChange" });

/** Counts of messages. */
export const messageStatsSchema = z
  .object({
    total_messages: z.int().min(0),
    completed_messages: z.int().min(0),
    failed_messages: z.int().min(0),
    in_progress_messages: z.int().min(0).describe("Queued, in flight, or waiting for a retry"),
    success_rate: z
      .number()
      .min(0)
      .max(1)
      .describe("Completed over completed and failed; 1 where there is none of either"),
  })
  .meta({ id: "MessageStats" });

/** The body of `POST /executions/{id}/wait`. */
export const waitSchema = z.strictObject({
  timeout: floatQuery({ ge: 1, le: 3600, default: 300, description: "Seconds" }),
});

/** The answer to `POST /executions/{id}/wait`. */
export const waitResultSchema = z
  .object({
    completed: z.boolean().describe("Whether the execution is over; false when the timeout was reached first"),
    execution_id: z.string(),
    status: executionStatusSchema,
    duration_ms: z.number().min(0).describe("From the execution's start to its end, or to now"),
    message: z.string(),
    stats: messageStatsSchema,
  })
  .meta({ id: "WaitResult" });

const durationsSchema = z
  .object({
    mean: z.number().nullable(),
    p50: z.number().nullable(),
    p95: z.number().nullable(),
    max: z.number().nullable(),
  })
  .describe("Milliseconds; null without samples")
  .meta({ id: "Durations" });

/** Statistics of one adapter of a route. */
export const adapterStatsSchema = z
  .object({
    name: z.string(),
    type: z.string(),
    adapter_index: z.int().min(0),
    runs: z.int().min(0).describe("Once per message and attempt"),
    failures: z.int().min(0).describe("Attempts that failed in it"),
    duration_ms: durationsSchema,
    usage: usageSchema.nullable().describe("What it used of models; null where it used none"),
  })
  .meta({ id: "AdapterStats" });

/** Statistics of one route. */
export const routeStatsSchema = messageStatsSchema
  .extend({
    route: z.string(),
    retries: z.int().min(0),
    duration_ms: durationsSchema,
    adapters: z.array(adapterStatsSchema),
  })
  .meta({ id: "RouteStats" });

/** Messages settled over time. */
export const timelineSchema = z
  .object({
    start: z.iso.datetime().describe("When the first bucket begins: the time of the first event"),
    bucket_ms: z.int().min(1).describe("How long each bucket is"),
    completed: z.array(z.int().min(0)).max(MAX_TIMELINE_BUCKETS).describe("Per bucket"),
    failed: z.array(z.int().min(0)).max(MAX_TIMELINE_BUCKETS).describe("Per bucket"),
  })
  .meta({ id: "Timeline" });

/** The answer to `GET /executions/{id}/stats`. */
export const executionStatsSchema = messageStatsSchema
  .extend({
    execution_id: z.string(),
    status: executionStatusSchema,
    duration_ms: z.number().min(0),
    rate: z.number().min(0).describe("Messages settled per second, from the first event to the last"),
    timeline: timelineSchema
      .nullable()
      .describe("Null before the first event, and for executions of versions that did not keep it"),
    usage: usageSchema.nullable().describe("What all its adapters used of models; null where none did"),
    routes: z.array(routeStatsSchema),
  })
  .meta({ id: "ExecutionStats" });

/** The state of one route of an execution. */
export const routeStateSchema = z
  .object({
    route: z.string(),
    name: z.string().nullable(),
    queued: z.int().min(0).describe("In its queue, not taken yet"),
    in_flight: z.int().min(0),
    retrying: z.int().min(0).describe("Waiting for another attempt"),
    completed: z.int().min(0),
    failed: z.int().min(0),
  })
  .meta({ id: "RouteState" });

/** The answer to `GET /executions/{id}/routes`. */
export const routeStatesSchema = z.object({ execution_id: z.string(), routes: z.array(routeStateSchema) });

/** The answer to `GET /executions/{id}/dag`. */
export const dagSchema = z
  .object({
    execution_id: z.string(),
    nodes: z.array(
      z.object({
        id: z.string().describe("`route` or `route/adapter`"),
        kind: z.enum(["route", "adapter"]),
        route: z.string(),
        adapter: z.string().nullable(),
        type: z.string().nullable().describe("The adapter's type"),
        label: z.string(),
        total: z.int().min(0),
        completed: z.int().min(0),
        failed: z.int().min(0),
        in_progress: z.int().min(0),
      }),
    ),
    edges: z.array(
      z.object({ from: z.string(), to: z.string(), kind: z.enum(["chain", "outbound"]), count: z.int().min(0) }),
    ),
  })
  .meta({ id: "Dag" });

/** @see executionSchema */
export type Execution = z.infer<typeof executionSchema>;
/** @see executionDetailSchema */
export type ExecutionDetail = z.infer<typeof executionDetailSchema>;
/** @see createExecutionSchema */
export type CreateExecution = Sent<typeof createExecutionSchema>;
/** @see executionListSchema */
export type ExecutionList = z.infer<typeof executionListSchema>;
/** @see executionListQuerySchema */
export type ExecutionListQuery = Sent<typeof executionListQuerySchema>;
/** @see runQuerySchema */
export type RunQuery = Sent<typeof runQuerySchema>;
/** @see patchExecutionSchema */
export type PatchExecution = Sent<typeof patchExecutionSchema>;
/** @see patchExecutionResultSchema */
export type PatchExecutionResult = z.infer<typeof patchExecutionResultSchema>;
/** @see errorInfoSchema */
export type ErrorInfo = z.infer<typeof errorInfoSchema>;
/** @see waitResultSchema */
export type WaitResult = z.infer<typeof waitResultSchema>;
/** @see executionStatsSchema */
export type ExecutionStats = z.infer<typeof executionStatsSchema>;
/** @see messageStatsSchema */
export type MessageStats = z.infer<typeof messageStatsSchema>;
/** @see routeStateSchema */
export type RouteState = z.infer<typeof routeStateSchema>;
/** @see routeStatesSchema */
export type RouteStates = z.infer<typeof routeStatesSchema>;
/** @see dagSchema */
export type Dag = z.infer<typeof dagSchema>;
