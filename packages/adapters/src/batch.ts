import { type Adapter, defineAdapter } from "@millrace/engine";
import { z } from "zod";

const config = z.strictObject({
  size: z.int().min(1).max(100_000).describe("Messages of a batch"),
  max_bytes: z
    .int()
    .min(1)
    .max(1024 ** 3)
    .optional()
    .describe("The most that a batch's payloads are together, in bytes of JSON, unless it is of one; default no limit"),
  seconds: z
    .number()
    .gt(0)
    .max(86_400)
    .default(1)
    .describe("The longest that a message is held for a batch to fill, in seconds"),
});

const EXAMPLE = `version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 25 } }], outbound: [pages] }
  pages:
    adapters:
      - { type: batch, config: { size: 10, seconds: 5 } }
      - { type: store_write, config: { name: "page-\${message_id}.json" } }
init_message: { route: make }
`;

/** Gathers messages into one. */
export const batch: Adapter<z.infer<typeof config>> = defineAdapter({
  type: "batch",
  category: "flow",
  description:
    "Gathers `size` messages of the route into one, `{items: […]}`; fewer after `seconds`, at `max_bytes`, or when nothing more can come.",
  config,
  example: EXAMPLE,
  gather: ({ size, seconds, max_bytes: maxBytes }) => ({
    size,
    timeoutMs: seconds * 1000,
    ...(maxBytes === undefined ? {} : { maxBytes }),
  }),
});
