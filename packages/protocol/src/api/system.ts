import { z } from "zod";
import { jsonObjectSchema } from "../json.ts";

/** The kinds of adapters. */
export const adapterCategorySchema = z.enum(["source", "content", "model", "flow", "http", "sink", "test", "user"]);

/** An adapter, as `GET /adapters` lists it. */
export const adapterInfoSchema = z
  .object({
    type: z.string(),
    description: z.string(),
    category: adapterCategorySchema,
    config_schema: jsonObjectSchema.describe("JSON Schema of its `config`"),
    example: z
      .string()
      .nullable()
      .describe("The YAML of a small pipeline that shows how it is used; null where it has none"),
  })
  .meta({ id: "AdapterInfo" });

/** The answer to `GET /adapters`. */
export const adapterListSchema = z.object({ total: z.int().min(0), adapters: z.array(adapterInfoSchema) });

/** The answer to `GET /system/info`. */
export const systemInfoSchema = z
  .object({
    name: z.literal("millrace"),
    version: z.string(),
    node_version: z.string(),
    started_at: z.iso.datetime(),
    features: z.array(z.string()),
    limits: z.record(z.string(), z.number()),
  })
  .meta({ id: "SystemInfo" });

/** How a component, or the whole service, is. */
export const healthStatusSchema = z.enum(["healthy", "degraded", "unhealthy"]);

/** How one part of the service is. */
export const healthComponentSchema = z
  .object({
    status: healthStatusSchema,
    detail: z
      .string()
      .nullable()
      .describe("What is there, or what is wrong; null where there is nothing to say, or to one who may not read"),
    advice: z.string().nullable().describe("What to do about it; null where there is nothing to do, as for `detail`"),
  })
  .meta({ id: "HealthComponent" });

/** The answer to `GET /health/live` and `GET /health/ready`. */
export const healthSchema = z
  .object({
    status: healthStatusSchema.describe(
      "`degraded`: it does its work, and something is wrong. `unhealthy`: it cannot, and the answer is 503",
    ),
    components: z.record(z.string(), healthComponentSchema),
  })
  .meta({ id: "Health" });

/** @see adapterCategorySchema */
export type AdapterCategory = z.infer<typeof adapterCategorySchema>;
/** @see adapterInfoSchema */
export type AdapterInfo = z.infer<typeof adapterInfoSchema>;
/** @see adapterListSchema */
export type AdapterList = z.infer<typeof adapterListSchema>;
/** @see systemInfoSchema */
export type SystemInfo = z.infer<typeof systemInfoSchema>;
/** @see healthComponentSchema */
export type HealthComponent = z.infer<typeof healthComponentSchema>;
/** @see healthSchema */
export type Health = z.infer<typeof healthSchema>;
