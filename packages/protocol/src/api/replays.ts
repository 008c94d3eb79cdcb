import { z } from "zod";
import { jsonObjectSchema } from "../json.ts";
import { executionSchema, tagSchema } from "./executions.ts";
import { listSchema, pageQuerySchema } from "./lists.ts";
import { intQuery, laxBoolean, uuidSchema } from "./query.ts";
import type { Sent } from "./sent.ts";

/** Where the messages of a replay come from. */
export const replaySourceSchema = z
  .enum(["storage", "lineage", "manual"])
  .describe(
    "`storage`: one message per object that the stage has stored · `lineage`: the messages that went into the route `from_stage`, with the payloads that they had · `manual`: the `payloads` of the body",
  );

/** A replay begins with so many messages at most, where their payloads are in the journal's store already. */
export const MAX_REPLAYED_MESSAGES = 100_000;

/** Where a message stood that is replayed. */
export const replayedStatusSchema = z.enum(["completed", "failed", "pending"]);

/** The body of `POST /executions/{id}/replay`. */
export const replaySchema = z
  .strictObject({
    replay_source: replaySourceSchema,
    from_stage: z
      .string()
      .min(1)
      .max(512)
      .optional()
      .describe(
        "`storage`: a stage, as `stage` or `route/stage` · `lineage`: a route, or `route/adapter` with its first adapter. Required with both",
      ),
    to_route: z.string().min(1).describe("The route that the messages go into"),
    from_path: z.string().max(1024).optional().describe("`storage`: only objects whose names begin so"),
    message_status: z
      .array(replayedStatusSchema)
      .min(1)
      .optional()
      .describe(
        "`lineage`: only messages that `completed`, `failed` for good, or were `pending` when the execution ended: never taken; without it all",
      ),
    limit: intQuery({
      ge: 1,
      le: MAX_REPLAYED_MESSAGES,
      description: "`lineage`: so many messages at most",
    }).optional(),
    offset: intQuery({ ge: 0, description: "`lineage`: without the first ones, so many" }).optional(),
    skip_missing: laxBoolean()
      .optional()
      .describe("`lineage`: replay what is kept, also where payloads of other messages are not"),
    payloads: z.array(jsonObjectSchema).min(1).max(10_000).optional().describe("`manual`: one message each"),
    config_id: uuidSchema().optional().describe("By this config in place of the execution's frozen pipeline"),
    tag: tagSchema.nullable().optional(),
    metadata: jsonObjectSchema.nullable().optional(),
  })
  .superRefine(({ replay_source: source, from_stage, from_path, payloads, ...body }, context) => {
    const refuse = (path: string, type: string, message: string) =>
      context.addIssue({ code: "custom", path: [path], message, params: { type } });
    if (source !== "manual" && from_stage === undefined) refuse("from_stage", "missing", "Field required");
    if (source === "manual" && payloads === undefined) refuse("payloads", "missing", "Field required");
    if (source !== "manual" && payloads !== undefined)
      refuse("payloads", "value_error", "Payloads are given with replay_source manual alone");
    if (source !== "storage" && from_path !== undefined)
      refuse("from_path", "value_error", "A path is given with replay_source storage alone");
    if (source === "lineage") return;
    for (const name of ["message_status", "limit", "offset", "skip_missing"] as const)
      if (body[name] !== undefined) refuse(name, "value_error", `${name} is given with replay_source lineage alone`);
  });

/** The query of `GET /executions/{id}/replays`. */
export const replayListQuerySchema = pageQuerySchema;

/** Executions that replay, or retry messages of, another one; the newest first. */
export const replayListSchema = listSchema("replays", executionSchema);

/** @see replaySchema */
export type ReplayBody = Sent<typeof replaySchema>;
/** @see replayListSchema */
export type ReplayList = z.infer<typeof replayListSchema>;
