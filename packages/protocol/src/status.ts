import { z } from "zod";

/** Every status of an execution; `completed`, `failed` and `cancelled` are terminal and never change. */
export const executionStatusSchema = z
  .enum(["running", "completed", "failed", "cancelled", "interrupted"])
  .describe(
    "`running`; `completed`, `failed` or `cancelled` once it is over; `interrupted` while its node is gone or its configuration cannot be taken up",
  );

/** @see executionStatusSchema */
export type ExecutionStatus = z.infer<typeof executionStatusSchema>;
