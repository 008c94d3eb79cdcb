import { z } from "zod";
import { jsonObjectSchema } from "../json.ts";
import { listSchema, pageQuerySchema } from "./lists.ts";
import { projectField } from "./projects.ts";
import { laxBoolean } from "./query.ts";
import type { Sent } from "./sent.ts";

/** What sets a trigger off. */
export const triggerKindSchema = z.enum(["cron", "folder", "call"]);

/** By the clock. */
export const cronSpecSchema = z.strictObject({
  expression: z
    .string()
    .min(1)
    .max(200)
    .describe("Minute, hour, day of month, month, day of week; or @hourly, @daily, @weekly, @monthly, @yearly"),
  time_zone: z.string().min(1).max(64).default("UTC").describe("Of the expression: a name as Europe/Berlin"),
  missed: z
    .enum(["once", "skip"])
    .default("once")
    .describe("What becomes of times at which no service ran: one run for all of them, or none"),
});

/** What of a file goes into a payload. */
export const filePropertySchema = z.enum(["path", "name", "size", "modified_at"]);

/** By a file that appears. */
export const folderSpecSchema = z.strictObject({
  path: z.string().min(1).max(4096).startsWith("/").describe("The folder, on the machine of the service: absolute"),
  glob: z
    .string()
    .min(1)
    .max(1024)
    .default("*")
    .describe("Which files: a pattern of their paths within the folder; `**/` goes into folders in it"),
  settle_seconds: z
    .number()
    .min(0)
    .max(3600)
    .default(2)
    .describe("A file is taken when its size and time have stayed the same for so long"),
  existing: z
    .enum(["ignore", "run"])
    .default("ignore")
    .describe("What becomes of files that are there when the trigger is made"),
  fields: z
    .record(z.string().min(1).max(128), filePropertySchema)
    .default({ path: "path", name: "name", size: "size", modified_at: "modified_at" })
    .describe("Fields of the payload, and what of the file goes into each"),
});

const tagTemplate = z
  .string()
  .max(128)
  .regex(/^(?:[A-Za-z0-9._:-]|\{(?:date|time|firing)\})+$/)
  .nullable()
  .describe("The tag of each run: `{date}` and `{time}` are when it was due, `{firing}` is its own");
const maxRunning = z
  .int()
  .min(1)
  .max(100_000)
  .nullable()
  .describe("Runs of it that may be under way at once; null: any number");
const whenRunning = z
  .enum(["skip", "queue"])
  .describe("What becomes of a firing while that many are: nothing comes of it, or it waits");
const name = z.string().min(1).max(256);
const payload = jsonObjectSchema.describe("Merged into the pipeline's `init_message.payload`");

/** The body of `POST /triggers`. */
export const createTriggerSchema = z
  .strictObject({
    config_id: z.string(),
    name: name.optional().describe("Default: what sets it off"),
    kind: triggerKindSchema,
    cron: cronSpecSchema.optional().describe("Where `kind` is `cron`"),
    folder: folderSpecSchema.optional().describe("Where `kind` is `folder`"),
    enabled: laxBoolean().default(true),
    payload: payload.default({}),
    tag_template: tagTemplate.default(null),
    max_running: maxRunning.default(null),
    when_running: whenRunning.default("skip"),
  })
  .superRefine((body, context) => {
    for (const kind of ["cron", "folder"] as const) {
      const given = body[kind] !== undefined;
      if (given === (body.kind === kind)) continue;
      const message = given ? `A trigger of the kind ${body.kind} has no ${kind}` : "Field required";
      const params = { type: given ? "extra_forbidden" : "missing" };
      context.addIssue({ code: "custom", path: [kind], message, params });
    }
  });

/** The body of `PATCH /triggers/{id}`: what is left out stays as it is. */
export const updateTriggerSchema = z.strictObject({
  name: name.optional(),
  cron: cronSpecSchema.optional(),
  folder: folderSpecSchema.optional(),
  enabled: laxBoolean().optional(),
  payload: payload.optional(),
  tag_template: tagTemplate.optional(),
  max_running: maxRunning.optional(),
  when_running: whenRunning.optional(),
});

/** The body of `POST /triggers/{id}/fire`. */
export const fireTriggerSchema = z.strictObject({
  payload: jsonObjectSchema.default({}).describe("Merged into the trigger's own"),
});

/** Why no run came of a firing. */
export const firingErrorSchema = z.object({ code: z.string(), message: z.string() }).meta({ id: "FiringError" });

/** A trigger was set off, and what came of it. */
export const firingSchema = z
  .object({
    id: z.string(),
    trigger_id: z.string(),
    due_at: z.iso.datetime().describe("When it was due"),
    at: z.iso.datetime().describe("When it was set off"),
    outcome: z
      .enum(["pending", "starting", "started", "failed", "skipped"])
      .describe("`pending`: its run is still to be started; `skipped`: none is, as the trigger says"),
    execution_id: z.string().nullable(),
    error: firingErrorSchema.nullable().describe("Why no run came of it, or not yet"),
    payload: jsonObjectSchema,
    attempts: z.int().min(0),
    next_at: z.iso.datetime().nullable().describe("When its start is tried next"),
  })
  .meta({ id: "Firing" });

/** What makes runs of a config. */
export const triggerSchema = z
  .object({
    id: z.string(),
    project: projectField,
    config_id: z.string(),
    name: z.string(),
    kind: triggerKindSchema,
    cron: cronSpecSchema.nullable(),
    folder: folderSpecSchema.nullable(),
    enabled: z.boolean(),
    payload: jsonObjectSchema,
    tag_template: z.string().nullable(),
    max_running: z.int().nullable(),
    when_running: z.enum(["skip", "queue"]),
    next_at: z.iso.datetime().nullable().describe("When it is due next, where it goes by the clock"),
    problem: z.string().nullable().describe("What keeps it from working on the node that answers"),
    last_firing: firingSchema.nullable(),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .meta({ id: "Trigger" });

/** A trigger with the secret of its URL, which is told once. */
export const triggerWithSecretSchema = triggerSchema
  .extend({
    secret: z.string().nullable().describe("Told this once"),
    call_path: z.string().nullable().describe("The path that it is called at; null where it is not called"),
  })
  .meta({ id: "TriggerWithSecret" });

/** The query of `GET /triggers`. */
export const triggerQuerySchema = pageQuerySchema.extend({
  config_id: z.string().optional().describe("Of this config"),
  kind: triggerKindSchema.optional().describe("Of this kind"),
});

/** A page of triggers. */
export const triggerListSchema = listSchema("triggers", triggerSchema);
/** A page of a trigger's firings, newest first. */
export const firingListSchema = listSchema("firings", firingSchema);

/** What is sent of a trigger: of its specs too, what has a default may be left out. */
type SentSpecs<T> = Omit<T, "cron" | "folder"> & {
  cron?: Sent<typeof cronSpecSchema> | undefined;
  folder?: Sent<typeof folderSpecSchema> | undefined;
};

/** @see triggerKindSchema */
export type TriggerKindName = z.infer<typeof triggerKindSchema>;
/** @see cronSpecSchema */
export type CronSpec = z.infer<typeof cronSpecSchema>;
/** @see folderSpecSchema */
export type FolderSpec = z.infer<typeof folderSpecSchema>;
/** @see triggerSchema */
export type Trigger = z.infer<typeof triggerSchema>;
/** @see triggerWithSecretSchema */
export type TriggerWithSecret = z.infer<typeof triggerWithSecretSchema>;
/** @see firingSchema */
export type Firing = z.infer<typeof firingSchema>;
/** @see createTriggerSchema */
export type CreateTrigger = SentSpecs<Sent<typeof createTriggerSchema>>;
/** @see updateTriggerSchema */
export type UpdateTrigger = SentSpecs<Sent<typeof updateTriggerSchema>>;
/** @see fireTriggerSchema */
export type FireTrigger = Sent<typeof fireTriggerSchema>;
/** @see triggerQuerySchema */
export type TriggerQuery = Sent<typeof triggerQuerySchema>;
/** @see triggerListSchema */
export type TriggerList = z.infer<typeof triggerListSchema>;
/** @see firingListSchema */
export type FiringList = z.infer<typeof firingListSchema>;
