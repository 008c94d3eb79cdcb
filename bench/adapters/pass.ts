import { defineAdapter, z } from "millrace";

/** Passes messages on, after it has kept the processor busy for so many milliseconds. */
export default defineAdapter({
  type: "pass",
  description: "Passes messages on, after some work.",
  config: z.strictObject({ busy_ms: z.number().min(0).default(0) }),
  process({ payload }, { config }) {
    if (config.busy_ms > 0) for (const until = performance.now() + config.busy_ms; performance.now() < until; );
    return payload;
  },
});
