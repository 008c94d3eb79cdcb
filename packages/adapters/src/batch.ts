import { type Adapter, defineAdapter } from "@millrace/engine";
import { z } from "zod";

const config = z.strictObject({
  size: z.int().min(1).max(100_000).describe("Messages of a batch"),
  seconds: z
    .number()
    .gt(0)
    .max(86_400)
    .default(1)
    .describe("The longest that a message is held for a batch to fill, in seconds"),
});

/** Gathers messages into one. */
export const batch: Adapter<z.infer<typeof config>> = defineAdapter({
  type: "batch",
  category: "flow",
  description:
    "Gathers `size` messages of the route into one, `{items: […]}`; fewer after `seconds`, or when nothing more can come.",
  config,
  gather: ({ size, seconds }) => ({ size, timeoutMs: seconds * 1000 }),
});
