import { z } from "zod";

/** How bad a finding is; `skipped`: it could not be looked at, and `message` says why. */
export const findingStatusSchema = z.enum(["ok", "skipped", "warning", "problem"]);

/** What a check found. No password, key or token is in it. */
export const findingSchema = z.object({
  check: z.string().describe("Which check: `settings`, `disk`, `database`, …"),
  status: findingStatusSchema,
  message: z.string().describe("What is there, or what is wrong"),
  advice: z.string().nullable().describe("What to do about it; null where there is nothing to do"),
});

/** What `millrace doctor --json` prints. */
export const diagnosisSchema = z.object({
  status: z.enum(["ok", "warning", "problem"]),
  version: z.string(),
  node_version: z.string(),
  findings: z.array(findingSchema),
});

/** @see findingSchema */
export type Finding = z.infer<typeof findingSchema>;
/** @see diagnosisSchema */
export type Diagnosis = z.infer<typeof diagnosisSchema>;
/** A finding, as a check of one name makes it. */
export type Found = Omit<Finding, "check">;

/** All is as it should be. */
export function ok(message: string): Found {
  return { status: "ok", message, advice: null };
}

/** It could not be looked at. */
export function skipped(message: string, advice: string | null = null): Found {
  return { status: "skipped", message, advice };
}

/** It works, and may not do so, or not safely, for long. */
export function warning(message: string, advice: string): Found {
  return { status: "warning", message, advice };
}

/** Something does not work. */
export function problem(message: string, advice: string | null = null): Found {
  return { status: "problem", message, advice };
}
