import { z } from "zod";
import { executionStatusSchema } from "./status.ts";
import { usageSchema } from "./usage-schema.ts";

/** The four event types of the stream (contract: "event types"). */
export const EVENT_TYPES = ["initiated", "processing", "completed", "failed"] as const;

/** One of {@link EVENT_TYPES}. */
export type EventType = (typeof EVENT_TYPES)[number];

const common = {
  execution_id: z.string().describe("The execution that this happened in"),
  message_id: z.string().describe("The message that this happened to"),
  parent_message_id: z.string().nullable().describe("The message that gave rise to it; null for the first message"),
  correlation_id: z.string().describe("Identifies the message in the lineage"),
  root_correlation_id: z.string().describe("Identifies the execution's first message in the lineage"),
  route: z.string().describe("The route whose queue the message was taken from"),
  timestamp: z.iso.datetime({ precision: 3 }).describe("When it happened: RFC 3339, UTC, milliseconds"),
  attempt: z.int().min(1).describe("Counts the times that the message was taken, from 1"),
};

const adapterFields = {
  adapter: z.string().describe("The adapter's name in its route"),
  adapter_index: z.int().min(0).describe("The adapter's place in its route, from 0"),
};

const emittedSchema = z
  .record(z.string(), z.int().min(0))
  .describe("How many messages it gave rise to, per route; routes that got none are left out");

const durationSchema = z.number().min(0).describe("Milliseconds from `initiated` to here, by a monotonic clock");

const stepUsageSchema = z
  .array(usageSchema.extend(adapterFields))
  .describe("What the attempt used of models, per adapter that did; left out where none did");

/** Why a message failed, as it stands in a `failed` event. */
export const eventErrorSchema = z.object({
  code: z.string().describe("Stable, in capitals"),
  message: z.string().describe("For a person"),
  retryable: z.boolean().describe("Whether another attempt could help"),
});

/** Processing of a message started: it was taken from its queue. */
export const initiatedEventSchema = z.object({ ...common, type: z.literal("initiated") });

/** An adapter is working on the message: once per attempt and adapter that runs. */
export const processingEventSchema = z.object({ ...common, type: z.literal("processing"), ...adapterFields });

/** Processing of the message completed: its chain is done. */
export const completedEventSchema = z.object({
  ...common,
  type: z.literal("completed"),
  duration_ms: durationSchema,
  emitted: emittedSchema,
  batched_into: z
    .string()
    .optional()
    .describe(
      "On a message that was gathered into a batch: the message that the batch went on as; not on that one itself",
    ),
  usage: stepUsageSchema.optional(),
});

/** Processing of the message failed; with `will_retry` another `initiated` follows. */
export const failedEventSchema = z.object({
  ...common,
  type: z.literal("failed"),
  adapter: adapterFields.adapter.optional(),
  adapter_index: adapterFields.adapter_index.optional(),
  duration_ms: durationSchema,
  error: eventErrorSchema.describe("Why it failed"),
  will_retry: z.boolean().describe("Whether the message will be taken again"),
  emitted: emittedSchema
    .optional()
    .describe("What the message had given rise to before it failed for good; it goes on by itself"),
  usage: stepUsageSchema.optional(),
});

/** The `data` of every event of an execution's stream. */
export const executionEventSchema = z.discriminatedUnion("type", [
  initiatedEventSchema,
  processingEventSchema,
  completedEventSchema,
  failedEventSchema,
]);

/** Why a message failed. */
export type EventError = z.infer<typeof eventErrorSchema>;
/** @see initiatedEventSchema */
export type InitiatedEvent = z.infer<typeof initiatedEventSchema>;
/** @see processingEventSchema */
export type ProcessingEvent = z.infer<typeof processingEventSchema>;
/** @see completedEventSchema */
export type CompletedEvent = z.infer<typeof completedEventSchema>;
/** @see failedEventSchema */
export type FailedEvent = z.infer<typeof failedEventSchema>;
/** One event of an execution's journal. */
export type ExecutionEvent = z.infer<typeof executionEventSchema>;

/** The types of events (contract: "What it fixes"). */
export const eventTypeSchema = z.enum(EVENT_TYPES);

/** Why a stream ended (contract: "The end"). */
export const endReasonSchema = z.enum(["completed", "failed", "cancelled", "timeout", "interrupted", "shutdown"]);

/** @see endReasonSchema */
export type EndReason = z.infer<typeof endReasonSchema>;

/** The `data` of the last frame before the server closes the stream. */
export const endDataSchema = z.object({
  reason: endReasonSchema.describe("Why the stream ends; for the first three the execution is over"),
  status: executionStatusSchema.nullable().describe("The execution's status; null where the stream carries several"),
  execution_id: z.string().optional().describe("The execution that is over, in a stream over several"),
});

/** @see endDataSchema */
export type EndData = z.infer<typeof endDataSchema>;

/** The `data` of a `gap` frame: retention has removed the events between the cursor and `resumes_after`. */
export const gapDataSchema = z.object({
  execution_id: z.string().describe("The execution whose events are gone"),
  reason: z.literal("retention").describe("Why they are gone"),
  resumes_after: z.string().describe("The id from which the stream goes on; the frame's own id as well"),
});

/** @see gapDataSchema */
export type GapData = z.infer<typeof gapDataSchema>;
