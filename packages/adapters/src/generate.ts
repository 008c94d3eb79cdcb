import { type Adapter, defineAdapter } from "@millrace/engine";
import { jsonObjectSchema } from "@millrace/protocol";
import { z } from "zod";

const config = z.strictObject({
  count: z.int().min(0).max(1_000_000_000).describe("How many messages to emit"),
  payload: jsonObjectSchema.default({}).describe("What each message carries, besides `index`"),
  start: z.int().default(0).describe("The first `index`"),
});

const EXAMPLE = `version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 3, payload: { greeting: hello } } }] }
init_message: { route: make }
`;

/** Emits a number of messages, each with an `index`. */
export const generate: Adapter<z.infer<typeof config>> = defineAdapter({
  type: "generate",
  category: "source",
  description: "Emits `count` messages: the payload plus `index`.",
  config,
  example: EXAMPLE,
  *process(_message, context) {
    const { count, payload, start } = context.config;
    for (let index = 0; index < count; index += 1) yield { ...payload, index: start + index };
  },
});
