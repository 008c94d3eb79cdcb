import { z } from "zod";

/** The form of a route's name. */
export const ROUTE_NAME = /^[a-z][a-z0-9_-]{0,63}$/;

/** What holds where a field is left out, for editors and the reference; the engine applies it. */
const otherwise = (value: number | boolean | string | null) => ({ default: value });

const seconds = (what: string, unset: number) =>
  z.number().min(0).max(86_400).optional().describe(`${what}, in seconds`).meta(otherwise(unset));

/** Where adapters run. */
export const isolationSchema = z.enum(["none", "thread"]);

const isolation = isolationSchema
  .optional()
  .describe(
    "`none`: adapters run in the service's own thread; `thread`: in threads beside it, so that one that computes long, hangs or uses too much memory costs its own message alone",
  );

const threadHeap = z
  .int()
  .min(16)
  .max(65_536)
  .optional()
  .describe(
    "What adapters in a thread may keep in memory, in MiB; the thread is ended when it uses twice that and 256 MiB, garbage included",
  );

/** Which of the messages that are settled keep their payloads. */
export const keepPayloadsSchema = z.enum(["failed", "all"]);

const keepPayloads = keepPayloadsSchema
  .optional()
  .describe(
    "`failed`: payloads of messages that failed for good are kept; `all`: those of completed ones as well, so that they can be replayed (default: the service's setting `keep_payloads`)",
  );

/** What a failed message does to its execution. */
export const onErrorSchema = z.enum(["fail", "continue"]);

/** How failures are handled; every field is inherited by the routes from the pipeline, and has a default there. */
export const errorHandlingSchema = z.strictObject({
  max_retries: z
    .int()
    .min(0)
    .max(1000)
    .optional()
    .describe("How often a failed message is tried again")
    .meta(otherwise(3)),
  retry_delay_seconds: seconds("The wait before the first retry", 1),
  backoff: z.number().min(1).max(100).optional().describe("The factor by which each wait is longer").meta(otherwise(2)),
  max_delay_seconds: seconds("The longest wait", 60),
  jitter: z
    .boolean()
    .optional()
    .describe("Whether waits are spread at random between half and all")
    .meta(otherwise(true)),
  timeout_seconds: z
    .number()
    .gt(0)
    .max(86_400)
    .optional()
    .describe("The longest that an adapter may take to return or to yield its next message, in seconds")
    .meta(otherwise(300)),
  on_error: onErrorSchema
    .optional()
    .describe("`fail`: the execution fails with the message; `continue`: it goes on")
    .meta(otherwise("fail")),
});

/** The limits of one execution. */
export const limitsSchema = z.strictObject({
  max_handlers: z.int().min(1).max(10_000).optional().describe("Messages in flight at once").meta(otherwise(30)),
  max_fanout_pending: z
    .int()
    .min(1)
    .max(100_000)
    .optional()
    .describe("Messages emitted by a step and not committed yet")
    .meta(otherwise(500)),
  max_hops: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe("How far a message may be from the first one")
    .meta(otherwise(1000)),
  max_messages: z
    .int()
    .min(1)
    .nullable()
    .optional()
    .describe("Messages of the execution in all; null is no limit")
    .meta(otherwise(null)),
});

/** A condition on an adapter. */
export const conditionSchema = z.strictObject({
  when: z
    .string()
    .min(1)
    .describe("A JSONata expression over the payload; false: the adapter is skipped, the message goes on"),
});

/** One adapter of a route's chain. */
export const adapterStepSchema = z.strictObject({
  type: z.string().min(1).describe("A type that `millrace adapters` lists, or the path of a `.ts` or `.js` file"),
  name: z.string().min(1).max(128).optional().describe("For people and events; default the type; unique in the route"),
  config: z.record(z.string(), z.unknown()).nullable().optional().describe("What the adapter's type takes"),
  condition: conditionSchema.optional().describe("When the adapter runs; without it always"),
  isolation: isolation.describe("Where this adapter runs; default the route's `isolation`"),
});

/** How a route takes messages. */
export const inboundSchema = z.strictObject({
  concurrency: z
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .describe("Messages of this route in flight at once")
    .meta(otherwise(1)),
  prefetch: z.int().min(1).max(10_000).optional().describe("A second bound on the same; default `concurrency`"),
});

/** One route: a queue and a chain of adapters. */
export const routeSchema = z.strictObject({
  name: z.string().max(256).optional().describe("For people"),
  description: z.string().max(10_000).optional().describe("For people"),
  inbound: inboundSchema.optional().describe("How many messages are taken at once"),
  error_handling: errorHandlingSchema
    .optional()
    .describe("What is given here takes the place of the pipeline's, field by field"),
  isolation: isolation.describe("Where the route's adapters run; default the pipeline's `isolation`"),
  thread_heap_mb: threadHeap.describe("As at the top, for this route; default the pipeline's"),
  keep_payloads: keepPayloads.describe("As at the top, for messages of this route; default the pipeline's"),
  adapters: z.array(adapterStepSchema).min(1).describe("In order; at least one"),
  outbound: z
    .array(z.string().meta({ format: "route" }))
    .optional()
    .describe("Where what leaves the chain goes: every named route gets each message"),
});

/** The first message of an execution. */
export const initMessageSchema = z.strictObject({
  route: z.string().meta({ format: "route" }).describe("Where the first message goes"),
  payload: z
    .record(z.string(), z.unknown())
    .optional()
    .describe("What it carries; whoever starts an execution may override fields of it"),
});

/** A pipeline's YAML document, as it is written. Findings and the JSON Schema for editors both come from here. */
export const pipelineDocumentSchema = z.strictObject({
  version: z.literal("1.0").describe('The version of this format; "1.0" is the only one'),
  name: z.string().min(1).max(256).optional().describe("Required here or where the config is created"),
  description: z.string().max(10_000).optional().describe("For people"),
  limits: limitsSchema.optional().describe("Bounds on one execution"),
  error_handling: errorHandlingSchema.optional().describe("How failures are handled, for all routes"),
  isolation: isolation.meta(otherwise("none")),
  thread_heap_mb: threadHeap.meta(otherwise(256)),
  keep_payloads: keepPayloads,
  routes: z.record(z.string().regex(ROUTE_NAME), routeSchema).describe("At least one, by name"),
  init_message: initMessageSchema.optional().describe("The first message of an execution"),
});

/** @see keepPayloadsSchema */
export type KeepPayloads = z.infer<typeof keepPayloadsSchema>;
/** @see pipelineDocumentSchema */
export type PipelineDocument = z.infer<typeof pipelineDocumentSchema>;
