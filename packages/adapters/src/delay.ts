import { setTimeout as sleep } from "node:timers/promises";
import { type Adapter, defineAdapter } from "@millrace/engine";
import { z } from "zod";

const config = z.strictObject({
  seconds: z.number().min(0).max(86_400).describe("How long to wait, in seconds"),
});

const EXAMPLE = `version: "1.0"
routes:
  wait: { adapters: [{ type: delay, config: { seconds: 0.5 } }] }
init_message: { route: wait }
`;

/** Waits, and passes the message on. */
export const delay: Adapter<z.infer<typeof config>> = defineAdapter({
  type: "delay",
  category: "flow",
  description: "Waits for `seconds`, then passes the message on; ends at once when the execution is cancelled.",
  config,
  example: EXAMPLE,
  async process({ payload }, { config: { seconds }, signal }) {
    await sleep(seconds * 1000, undefined, { signal });
    return payload;
  },
});
