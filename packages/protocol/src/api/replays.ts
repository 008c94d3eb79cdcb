import { z } from "zod";
import { jsonObjectSchema } from "../json.ts";
import { executionSchema, tagSchema } from "./executions.ts";
import { listSchema, pageQuerySchema } from "./lists.ts";
import { uuidSchema } from "./query.ts";
import type { Sent } from "./sent.ts";

/** Where the messages of a replay come from. */
export const replaySourceSchema = z
  .enum(["storage", "lineage", "manual"])
  .describe(
    "`storage`: one message per object that the stage has stored · `lineage`: the messages that went into the route `from_stage`, as far as they are kept · `manual`: the `payloads` of the body",
  );

/** The body of `POST /executions/{id}/replay`. */
export const replaySchema = z
  .strictObject({
    replay_source: replaySourceSchema,
    from_stage: z
      .string()
      .min(1)
      .max(512)
      .optional()
      .describe("`storage`: a stage, as `stage` or `route/stage` · `lineage`: a route. Required with both"),
    to_route: z.string().min(1).describe("The route that the messages go into"),
    from_path: z.string().max(1024).optional().describe("`storage`: only objects whose names begin so"),
    payloads: z.array(jsonObjectSchema).min(1).max(10_000).optional().describe("`manual`: one message each"),
    config_id: uuidSchema().optional().describe("By this config in place of the execution's frozen pipeline"),
    tag: tagSchema.nullable().optional(),
    metadata: jsonObjectSchema.nullable().optional(),
  })
  .superRefine(({ replay_source: source, from_stage, from_path, payloads }, context) => {
    const refuse = (path: string, type: string, message: string) =>
      context.addIssue({ code: "custom", path: [path], message, params: { type } });
    if (source !== "manual" && from_stage === undefined) refuse("from_stage", "missing", "Field required");
    if (source === "manual" && payloads === undefined) refuse("payloads", "missing", "Field required");
    if (source !== "manual" && payloads !== undefined)
      refuse("payloads", "value_error", "Payloads are given with replay_source manual alone");
    if (source !== "storage" && from_path !== undefined)
      refuse("from_path", "value_error", "A path is given with replay_source storage alone");
  });

/** The query of `GET /executions/{id}/replays`. */
export const replayListQuerySchema = pageQuerySchema;

/** Executions that replay, or retry messages of, another one; the newest first. */
export const replayListSchema = listSchema("replays", executionSchema);

/** @see replaySchema */
export type ReplayBody = Sent<typeof replaySchema>;
/** @see replayListSchema */
export type ReplayList = z.infer<typeof replayListSchema>;
