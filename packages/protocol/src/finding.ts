import { z } from "zod";

/** How bad a finding is: an error makes the pipeline not runnable, a warning does not. */
export const severitySchema = z.enum(["error", "warning"]);

/** One finding of the validation of a pipeline. */
export const findingSchema = z.object({
  severity: severitySchema,
  code: z
    .string()
    .describe(
      "Stable: E0xx YAML, E1xx structure, E2xx routes, E3xx adapter configuration, E4xx expressions, E5xx limits, W5xx warnings",
    ),
  path: z.string().describe("Where in the document, as `routes.parse.adapters[0].config.root`; empty for the whole"),
  line: z.int().min(1).describe("From 1"),
  column: z.int().min(1).describe("From 1"),
  message: z.string().describe("What is wrong"),
  suggestion: z.string().nullable().describe("What to do; null where there is nothing to add"),
});

/** @see findingSchema */
export type Finding = z.infer<typeof findingSchema>;

/** All findings on a pipeline: errors first, each group in the order of the document. */
export const validationReportSchema = z.object({
  is_valid: z.boolean().describe("Whether there is no error; warnings do not invalidate"),
  issues: z.array(findingSchema),
  error_count: z.int().min(0),
  warning_count: z.int().min(0),
});

/** @see validationReportSchema */
export type ValidationReport = z.infer<typeof validationReportSchema>;
