import { existsSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { defineAdapter, z } from "millrace";

/** Holds messages until a file is there, so that a test can see to it that a run is not over too soon. */
export default defineAdapter({
  type: "hold",
  description: "Waits until a file is there, then passes the message on.",
  config: z.strictObject({
    from: z.int().describe("The index of the first message that is held"),
    file: z.string().describe("The path of the file"),
  }),
  async process({ payload }, { config, signal }) {
    if (Number(payload.index) < config.from) return payload;
    while (!existsSync(config.file)) await wait(20, undefined, { signal });
    return payload;
  },
});
