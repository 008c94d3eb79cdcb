import { z } from "zod";
import { validationReportSchema } from "../finding.ts";
import { listSchema } from "./lists.ts";
import { projectField } from "./projects.ts";
import { laxBoolean } from "./query.ts";
import type { Sent } from "./sent.ts";

/** Where a config came from. */
export const sourceTypeSchema = z.enum(["api", "file", "imported"]);

/** The body of `POST /configs`. */
export const createConfigSchema = z.strictObject({
  name: z.string().min(1).max(256).optional().describe("Default: the `name` in the YAML"),
  config_yaml: z.string().describe("The pipeline"),
  source_type: sourceTypeSchema.default("api"),
  source_path: z.string().max(4096).nullable().optional(),
  description: z.string().max(10_000).nullable().optional().describe("Default: the `description` in the YAML"),
});

/** The body of `PUT /configs/{id}`: a new version. What is left out stays as it is. */
export const updateConfigSchema = z.strictObject({
  name: z.string().min(1).max(256).optional(),
  config_yaml: z.string().optional().describe("The pipeline"),
  source_type: sourceTypeSchema.optional(),
  source_path: z.string().max(4096).nullable().optional(),
  description: z.string().max(10_000).nullable().optional(),
  is_active: laxBoolean().optional().describe("An inactive config cannot be run"),
  expected_version: z
    .int()
    .min(1)
    .optional()
    .describe("The version that the change was made to; where the config has another by now, nothing is stored"),
});

/** The body of `POST /configs/validate`. */
export const validateConfigSchema = z.strictObject({ config_yaml: z.string() });

/** A config in a list. */
export const configSummarySchema = z
  .object({
    id: z.string(),
    project: projectField,
    name: z.string(),
    description: z.string().nullable(),
    source_type: sourceTypeSchema,
    source_path: z.string().nullable(),
    config_hash: z.string().describe("SHA-256 of the YAML, in hex"),
    version: z.int().min(1),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
    is_active: z.boolean(),
    is_runnable: z.boolean(),
    validation_report: validationReportSchema.describe("Derived anew from the adapters present now"),
  })
  .meta({ id: "ConfigSummary" });

/** A config by id. */
export const configSchema = configSummarySchema.extend({ config_yaml: z.string() }).meta({ id: "Config" });

/** One version of a config. */
export const configVersionSchema = z
  .object({
    version: z.int().min(1),
    config_hash: z.string(),
    config_yaml: z.string(),
    created_at: z.iso.datetime(),
  })
  .meta({ id: "ConfigVersion" });

/** A page of configs. */
export const configListSchema = listSchema("configs", configSummarySchema);
/** A page of a config's versions, newest first. */
export const configVersionListSchema = listSchema("versions", configVersionSchema);

/** @see sourceTypeSchema */
export type SourceType = z.infer<typeof sourceTypeSchema>;
/** @see configSummarySchema */
export type ConfigSummary = z.infer<typeof configSummarySchema>;
/** @see configSchema */
export type Config = z.infer<typeof configSchema>;
/** @see createConfigSchema */
export type CreateConfig = Sent<typeof createConfigSchema>;
/** @see updateConfigSchema */
export type UpdateConfig = Sent<typeof updateConfigSchema>;
/** @see configListSchema */
export type ConfigList = z.infer<typeof configListSchema>;
/** @see configVersionSchema */
export type ConfigVersion = z.infer<typeof configVersionSchema>;
/** @see configVersionListSchema */
export type ConfigVersionList = z.infer<typeof configVersionListSchema>;
