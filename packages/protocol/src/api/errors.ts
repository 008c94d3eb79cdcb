import { z } from "zod";

/** The contract's `ErrorResponse`. */
export const errorResponseSchema = z
  .object({
    detail: z.string().describe("What is wrong, for a person"),
    error_code: z.string().nullable().optional().describe("Stable, in capitals; the list is in the documentation"),
    correlation_id: z.string().nullable().optional().describe("The request's id, as in the X-Request-ID header"),
    timestamp: z.iso.datetime().optional().describe("When the error happened"),
    validation_report: z.unknown().optional().describe("With CONFIG_INVALID: the findings"),
  })
  .meta({ id: "ErrorResponse" });

/** One entry of the contract's `HTTPValidationError`. */
export const validationErrorSchema = z
  .object({
    loc: z.array(z.union([z.string(), z.int()])),
    msg: z.string(),
    type: z.string(),
    input: z.unknown().optional(),
    ctx: z.record(z.string(), z.unknown()).optional(),
  })
  .meta({ id: "ValidationError" });

/** The contract's `HTTPValidationError`. */
export const httpValidationErrorSchema = z
  .object({ detail: z.array(validationErrorSchema) })
  .meta({ id: "HTTPValidationError" });

/** @see errorResponseSchema */
export type ErrorResponse = z.infer<typeof errorResponseSchema>;
/** @see validationErrorSchema */
export type ValidationError = z.infer<typeof validationErrorSchema>;
