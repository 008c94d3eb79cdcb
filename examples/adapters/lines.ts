import { AdapterError, defineAdapter, z } from "millrace";

/** One message per line of a text. */
export default defineAdapter({
  type: "lines",
  description: "Emits one message per line of `text`: `{text, number}`.",
  config: z.strictObject({
    skip_empty: z.boolean().default(true).describe("Whether lines of nothing but spaces are left out"),
  }),
  *process({ payload }, { config }) {
    if (typeof payload.text !== "string")
      throw new AdapterError("TEXT_MISSING", "There is no `text`.", { retryable: false });
    let number = 0;
    for (const text of payload.text.split(/\r?\n/)) {
      number += 1;
      if (text.trim() !== "" || !config.skip_empty) yield { text, number };
    }
  },
});
