import { AdapterError, defineAdapter, z } from "millrace";

/** Makes a text loud. */
export default defineAdapter({
  type: "shout",
  description: "Puts `text` in capitals, with exclamation marks.",
  config: z.strictObject({
    marks: z.int().min(0).max(10).default(1).describe("How many exclamation marks"),
  }),
  process({ payload }, { config }) {
    if (typeof payload.text !== "string")
      throw new AdapterError("TEXT_MISSING", "There is no text.", { retryable: false });
    return { ...payload, text: payload.text.toUpperCase() + "!".repeat(config.marks) };
  },
});
