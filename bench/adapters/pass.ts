import { defineAdapter, z } from "millrace";

/** Does nothing: what it takes is what the engine takes. */
export default defineAdapter({
  type: "pass",
  description: "Passes the message on.",
  config: z.strictObject({}),
  process: ({ payload }) => payload,
});
