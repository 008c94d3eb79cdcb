import { z } from "zod";
import { pageQuerySchema } from "./lists.ts";
import { boolQuery, listQuery } from "./query.ts";
import type { Sent } from "./sent.ts";

/** Longer keys have no objects. */
export const MAX_OBJECT_KEY_BYTES = 2048;

const STAGES = "Only objects of these stages: separated by commas, or the parameter once for each";
const EXTENSIONS =
  "Only objects whose names end so (`json`, `.tar.gz`), in any case: separated by commas, or the parameter once for each";

/** An object, without its bytes. */
export const storedObjectSchema = z
  .object({
    key: z.string().describe("`executions/{execution}/{route}/{stage}/{name}`"),
    execution_id: z.string(),
    route: z.string().nullable().describe("Null, as the stage, where an adapter of yours has chosen a shorter key"),
    stage: z.string().nullable(),
    name: z.string().describe("May have slashes"),
    size: z.int().min(0).describe("Bytes"),
    content_type: z.string(),
    sha256: z.string().describe("Of its bytes, in hexadecimal; in quotes it is the object's `ETag`"),
    message_id: z.string().nullable().describe("The message that it was written for"),
    created_at: z.iso.datetime(),
  })
  .meta({ id: "StoredObject" });

/** The query of `GET /storage/objects`. */
export const objectListQuerySchema = pageQuerySchema
  .extend({
    prefix: z
      .string()
      .max(MAX_OBJECT_KEY_BYTES)
      .default("")
      .describe("Keys begin so; the execution in it may be a tag"),
    execution_id: z.string().optional().describe("Only objects of this execution: its id, or its tag"),
    stage: listQuery(STAGES),
    extension: listQuery(EXTENSIONS),
    delimiter: z
      .literal("/")
      .optional()
      .describe("`/`: what follows the prefix up to the next slash is one entry of `folders`, as in a file browser"),
    cursor: z.string().max(MAX_OBJECT_KEY_BYTES).optional().describe("The `next_cursor` of the page before"),
  })
  .superRefine((query, context) => {
    if (query.delimiter === undefined) return;
    for (const name of ["stage", "extension"] as const) {
      if (query[name].length === 0) continue;
      const error = `${name} chooses objects wherever they are, and delimiter lists one folder`;
      context.addIssue({
        code: "custom",
        path: [name],
        message: `Value error, ${error}`,
        params: { type: "value_error", ctx: { error } },
      });
    }
  });

/** A page of objects. */
export const objectListSchema = z
  .object({
    total: z.int().min(0).describe("Objects that fit, in all pages and folders"),
    limit: z.int().min(1),
    offset: z.int().min(0),
    has_more: z.boolean(),
    next_cursor: z
      .string()
      .nullable()
      .describe("Leads to the next page, however many come before it, and also while objects are written or deleted"),
    folders: z.array(z.string()).describe("With `delimiter`: what keys go on with, prefix and slash included"),
    objects: z.array(storedObjectSchema),
  })
  .meta({ id: "StoredObjectList" });

/** The query of `GET /storage/objects/{key}`. */
export const objectQuerySchema = z.object({
  download: boolQuery("Suggest to browsers to save it rather than to show it"),
});

/** What `GET /storage/events` chooses objects by. */
export const objectEventsQuery = {
  stage: listQuery(STAGES),
  path: listQuery(
    "Only objects whose path within their stage fits: a glob (`reports/**`, `*.json`), or a folder or name as it is; begun with `executions/`, the whole key",
  ),
  extension: listQuery(EXTENSIONS),
  keep_open: boolQuery("The stream stays open when its executions are over, until `timeout`"),
};

/** The data of a `written` event of `GET /storage/events`. */
export const writtenDataSchema = storedObjectSchema.extend({
  type: z.literal("written"),
  timestamp: z.iso.datetime(),
});

/** @see storedObjectSchema */
export type StoredObjectData = z.infer<typeof storedObjectSchema>;
/** @see objectListQuerySchema */
export type StoredObjectListQuery = Sent<typeof objectListQuerySchema>;
/** @see objectListSchema */
export type StoredObjectList = z.infer<typeof objectListSchema>;
/** @see writtenDataSchema */
export type WrittenData = z.infer<typeof writtenDataSchema>;
