import { z } from "zod";
import { eventErrorSchema } from "../event.ts";
import { STAGE_STATUSES } from "../lineage.ts";
import { listSchema, pageQuerySchema } from "./lists.ts";
import { laxBoolean, timeQuery } from "./query.ts";
import type { Sent } from "./sent.ts";

/** Where a stage of a message, or the message, stands. */
export const stageStatusSchema = z
  .enum(STAGE_STATUSES)
  .describe(
    "`pending`: waits for its next attempt; `initiated`: taken, no adapter has begun; `processing`: an adapter works on it; `cancelled`: the execution was stopped while it was in flight",
  );

const idSchema = z.string().describe("The message");
const parentSchema = z.string().nullable().describe("The message that gave rise to it; null for an execution's first");
const errorSchema = eventErrorSchema.nullable();

/** One stage of a message: an adapter's run on it in one attempt. */
export const lineageEntrySchema = z
  .object({
    id: z.string().describe("The message's id, and the stage's place among its stages: always the same"),
    correlation_id: idSchema,
    parent_correlation_id: parentSchema,
    replay_batch_id: z.string().nullable().describe("The execution, where it replays messages of another; else null"),
    execution_id: z.string(),
    route_id: z.string(),
    adapter_name: z.string().nullable().describe("Null where no adapter has begun in this attempt"),
    adapter_index: z.int().min(0).nullable(),
    stage_name: z.string().describe("`route/adapter`, or `route` where no adapter has begun"),
    stage_status: stageStatusSchema,
    stage_input_hash: z.string().nullable().describe("Null: the journal holds no payloads"),
    started_at: z.iso.datetime().nullable().describe("Null for an attempt that has not begun"),
    completed_at: z.iso.datetime().nullable(),
    duration_ms: z.number().min(0).nullable().describe("To the message's next event, in whole milliseconds"),
    metadata: z.object({
      attempt: z.int().min(1),
      will_retry: z.boolean().optional().describe("Of a failed stage: whether the message was taken again"),
      batched_into: z.string().optional().describe("The message that its batch went on as"),
    }),
    error_info: errorSchema,
  })
  .meta({ id: "LineageEntry" });

/** A message among those that it comes from, or that came of it. */
export const lineageNodeSchema = z
  .object({
    correlation_id: idSchema,
    parent_correlation_id: parentSchema,
    execution_id: z.string(),
    route_id: z.string(),
    status: stageStatusSchema,
    is_root: z.boolean().describe("Whether it has no parent in its execution"),
    depth: z.int().min(0).describe("Steps between it and its execution's first message"),
    attempts: z.int().min(1),
    started_at: z.iso.datetime().describe("When it was first taken"),
    completed_at: z.iso.datetime().nullable().describe("When it was settled"),
    duration_ms: z.number().min(0).nullable().describe("Of its last attempt"),
    error_info: errorSchema,
    batched_into: z.string().nullable().describe("The message that its batch went on as"),
    parents: z.int().min(0).describe("Messages that it comes from directly: several where it came of a batch"),
    children: z.int().min(0).describe("Messages that came of it directly, and were taken"),
  })
  .meta({ id: "LineageNode" });

/** A message's whole story. */
export const lineageStorySchema = lineageNodeSchema
  .extend({
    root_correlation_id: z.string().describe("Its execution's first message"),
    emitted: z
      .record(z.string(), z.int().min(0))
      .nullable()
      .describe("How many messages it gave rise to, per route, taken or not; null until it is settled"),
    parent_messages: z.array(lineageNodeSchema).describe("The first hundred of its parents"),
    stages: z.array(lineageEntrySchema).describe("Every adapter's run in every attempt, in order"),
  })
  .meta({ id: "LineageStory" });

/** A page of entries. */
export const lineageListSchema = listSchema("entries", lineageEntrySchema);

/** A page of messages. */
export const lineageNodesSchema = listSchema("messages", lineageNodeSchema);

const sortOrder = z.enum(["asc", "desc"]).default("asc");

/** What failures and statistics are narrowed by. */
const commonFilters = {
  execution_id: z.string().optional().describe("Of this execution: its id or its tag"),
  route_id: z.string().optional(),
  adapter_name: z.string().optional(),
  started_after: timeQuery("Stages that began at this time or later; RFC 3339, without a zone UTC"),
  started_before: timeQuery("Stages that began before this time; RFC 3339, without a zone UTC"),
};

/** The query of `GET /lineage`. */
export const lineageQuerySchema = pageQuerySchema.extend({
  ...commonFilters,
  status: stageStatusSchema.optional(),
  is_root: laxBoolean().optional().describe("Only stages of messages without a parent, or only those of the others"),
  sort_by: z.enum(["started_at", "completed_at", "route_id", "stage_name"]).default("started_at"),
  sort_order: sortOrder,
});

/** The query of `GET /lineage/failures`. */
export const lineageFailuresQuerySchema = pageQuerySchema.extend({ ...commonFilters, sort_order: sortOrder });

/** The query of `GET /lineage/stats`. */
export const lineageStatsQuerySchema = z.object(commonFilters);

/** The query of `GET /lineage/{correlation_id}`. */
export const lineageStoryQuerySchema = z.object({
  execution_id: z
    .string()
    .optional()
    .describe("Where to look: an execution's id or tag. Its messages lead there by themselves"),
});

/** The query of `…/chain` and `…/children`. */
export const lineageRelativesQuerySchema = pageQuerySchema.extend({
  ...lineageStoryQuerySchema.shape,
  direct: laxBoolean().default(false).describe("Only the next generation"),
});

/** The answer to `GET /lineage/stats`. */
export const lineageStatsSchema = z
  .object({
    total_messages: z.int().min(0),
    root_messages: z.int().min(0),
    batched_messages: z.int().min(0).describe("Gathered into a batch that went on as another message"),
    messages_by_status: z.partialRecord(stageStatusSchema, z.int().min(0)),
    max_depth: z.int().min(0),
    total_entries: z.int().min(0),
    stages: z.array(
      z.object({
        stage_name: z.string(),
        route_id: z.string(),
        adapter_name: z.string().nullable(),
        adapter_index: z.int().min(0).nullable(),
        runs: z.int().min(0).describe("Once per message and attempt"),
        failures: z.int().min(0),
        cancelled: z.int().min(0),
        in_progress: z.int().min(0),
        duration_ms: z.object({ mean: z.number().nullable(), max: z.number().nullable() }),
      }),
    ),
  })
  .meta({ id: "LineageStats" });

/** @see lineageEntrySchema */
export type LineageEntry = z.infer<typeof lineageEntrySchema>;
/** @see lineageNodeSchema */
export type LineageNode = z.infer<typeof lineageNodeSchema>;
/** @see lineageStorySchema */
export type LineageStory = z.infer<typeof lineageStorySchema>;
/** @see lineageStatsSchema */
export type LineageStats = z.infer<typeof lineageStatsSchema>;
/** @see lineageListSchema */
export type LineageList = z.infer<typeof lineageListSchema>;
/** @see lineageNodesSchema */
export type LineageNodes = z.infer<typeof lineageNodesSchema>;
/** What a client sends as {@link lineageQuerySchema}. */
export type LineageListQuery = Sent<typeof lineageQuerySchema>;
/** @see lineageFailuresQuerySchema */
export type LineageFailuresQuery = Sent<typeof lineageFailuresQuerySchema>;
/** @see lineageStatsQuerySchema */
export type LineageStatsQuery = Sent<typeof lineageStatsQuerySchema>;
/** @see lineageStoryQuerySchema */
export type LineageStoryQuery = Sent<typeof lineageStoryQuerySchema>;
/** @see lineageRelativesQuerySchema */
export type LineageRelativesQuery = Sent<typeof lineageRelativesQuerySchema>;
